/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Broadcast domains: a link, or all links that meet in switches. */

#include "topology/topology.h"

/* @ret: for each link the number of its domain, counted from 0 in the order of their first links;
 * the caller's.  Return: how many there are, or -ENOMEM. */
ssize_t topology_domains(const Topology *t, size_t **ret);
