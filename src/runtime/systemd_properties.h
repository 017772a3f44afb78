/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Properties of units as an array of (name, variant), for systemd.c. */

#include "base/dbus_message.h"
#include "kernel/cgroup.h"

/* Limits, as far as systemd has a property for them; the rest is set in our own files. */
void systemd_put_limits(DbusMessage *m, const CgroupLimits *limits, bool unified);

/**
 * systemd_put_annotation() - a property that the user gave
 * @name:	what follows "org.systemd.property.", such as "TimeoutStopSec"
 * @value:	in GVariant's text format: "uint64 10", "true", "'text'", "['a', 'b']"
 *
 * As in unit files, a name that ends in "Sec" counts seconds, while the bus has microseconds.
 *
 * Return: 0; -EINVAL; -ENOMEM.
 */
int systemd_put_annotation(DbusMessage *m, const char *name, const char *value, Err *err);

/* Begins a property; its value follows. */
void systemd_put_name(DbusMessage *m, const char *name, const char *signature);
