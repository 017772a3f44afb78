/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * TAP devices: interfaces whose cable is a file descriptor
 */

#include <stdbool.h>

#include "base/err.h"

/**
 * tap_open() - make a TAP device in the calling thread's network namespace
 * @name:	of the interface, at most 15 bytes; it is down, and has a random address
 *
 * It has IFF_VNET_HDR with a header of 10 bytes, and offloads (checksums, TCP segmentation for IPv4
 * and IPv6) are on: TCP's frames arrive in pieces of up to 64 KiB.  The interface may be renamed
 * and moved to other namespaces, and goes when the descriptor is closed.  /dev/net/tun is opened
 * here; a sandbox without it passes its own descriptor to tap_attach().
 *
 * Return: non-blocking descriptor, close-on-exec; -EBUSY if the name is taken; negative errno.
 */
int tap_open(const char *name, Err *err);
/* As tap_open() with an open /dev/net/tun, which names the namespace by where it was opened and
 * becomes the TAP; it stays the caller's. */
int tap_attach(int tun, const char *name, Err *err);
/* As tap_open(), but a TAP of that name whose descriptors have all been closed, and that persists,
 * is taken over with all its settings; -EBUSY if somebody has one. */
int tap_take_over(const char *name, Err *err);
/* Whether it stays when its last descriptor is closed, without carrier; it goes with its network
 * namespace, or when it is removed. */
int tap_set_persistent(int tap, bool on);
/* Plugs the cable in or out; 0; -ENOTTY if it is no TAP. */
int tap_set_carrier(int tap, bool on);
