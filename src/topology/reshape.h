/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What is done to whole topologies, so that a bare graph becomes a lab. */

#include "topology/topology.h"

/* Makes every node of a graph a bridge with @hosts hosts of its own ("Vienna-h1"); -ENOMEM. */
int topology_populate(Topology *t, int hosts);

/* Whether packets between switches can come back to where they were; -ENOMEM. */
int topology_has_loops(const Topology *t);

/* Makes switches out of all bridges that are of @kind; bridges that form loops get STP.
 * Return: whether there are loops; -ENOMEM. */
int topology_set_switches(Topology *t, NodeKind kind);

/* @wish with what a host name cannot have replaced by '-': "Zürich HB" becomes "Zurich-HB".  The
 * caller's; NULL without memory. */
char *topology_host_name(const char *wish);
/* The same, with a number where a node is called so already. */
char *topology_unique_name(const Topology *t, const char *wish);

/* Gives links without a delay that of light in a fibre (5 µs for each kilometre) between the
 * coordinates in the labels "latitude" and "longitude" of their nodes.
 * Return: how many links could not be told, for want of coordinates. */
size_t topology_delay_by_distance(Topology *t);
