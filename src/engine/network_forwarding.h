/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Forwarding of this host, in its network namespace
 *
 * A change is a line "PATH FROM TO" about a file below /proc/sys, so that it can be kept and taken
 * back.
 */

#include <stdbool.h>

#include "base/err.h"

/* What has to change so that packets are forwarded; NULL: nothing.  The caller's. */
int forwarding_plan(bool ipv6, char ***ret, Err *err);
/* Makes the changes; without IPv6's a warning says so.  @whom: for the log. */
int forwarding_switch_on(char *const *changes, const char *whom, Err *err);
/* Takes back those that are still as they were made. */
void forwarding_switch_back(char *const *changes);
