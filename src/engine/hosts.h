/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The small files mounted over a container's /etc/hosts, /etc/resolv.conf and
 * /etc/hostname.  They are written for each start into one directory.
 */

#include "engine/container.h"

/* @dir: directory to write into; @endpoint: NULL without a network of its own. */
int hosts_write(const Container *c, const Endpoint *endpoint, int dir, Err *err);
