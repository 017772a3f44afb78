/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The neighbour table (ARP, neighbour discovery)
 *
 * All network namespaces of a kernel share its size: net.ipv4.neigh.default.gc_thresh3,
 * 1024 unless it was raised (arp(7)).  One that is full makes sending fail with ENOBUFS,
 * and neighbours that were asked for stay for seconds.
 */

#include <stdint.h>

/**
 * neighbour_flush() - forget the neighbours that were found
 * @nl:		from nl_open() in the namespace
 * @family:	AF_INET or AF_INET6
 *
 * Those that are being asked for stay, packets wait for them; so do those that somebody has set.
 *
 * Return: how many; negative errno.
 */
int neighbour_flush(int nl, uint8_t family);
