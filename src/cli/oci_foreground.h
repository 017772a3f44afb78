/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What `oci run` and `oci exec` share: a program in the foreground, inherited descriptors. */

#include "engine/relay.h"
#include "oci/spec.h"

/**
 * oci_wait_for() - relay signals and a terminal until the program ends
 * @relay:	relay_signals() has been called before it was started
 * @pidfd:	of a child; ownership passes
 * @console:	its terminal's master, or -EBADF; ownership passes
 *
 * Return: its exit code, 128 and the signal if it was killed; negative errno.
 */
int oci_wait_for(Relay *relay, int pidfd, int console, Err *err);

/**
 * oci_inherited() - how many descriptors from 3 on the program is to inherit
 * @preserve:	from --preserve-fds; those of socket activation (sd_listen_fds(3)) come first,
 *		and the process is told of them as pid 1
 */
int oci_inherited(int preserve, OciProcess *process, unsigned *ret, Err *err);
