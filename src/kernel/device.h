/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Device filter
 *
 * Which devices the processes of a cgroup may open or make.  A container with a
 * user namespace of its own needs none: the kernel lets it make no node at all.
 * One without has the machine's capabilities over devices, so a BPF program
 * (BPF_PROG_TYPE_CGROUP_DEVICE, Linux 4.15) on its v2 directory decides; that
 * needs no controller and so works on hybrid machines too.  The program lives
 * as long as the directory.
 *
 * What no rule mentions is refused; of several rules that match, the last counts.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

typedef struct DeviceRule {
        bool allow;
        char type;            /* 'c', 'b', or 'a' for both */
        int64_t major, minor; /* -1: any */
        const char *access;   /* of "rwm": read, write, mknod */
} DeviceRule;

/* Attaches the rules to a v2 directory; -EINVAL for one that is none, -EPERM without CAP_BPF. */
int device_filter_attach(int cgroup, const DeviceRule *rules, size_t n, Err *err);

/**
 * device_list_write() - the same with version 1's devices controller
 * @directory:	of the controller
 *
 * It knows exceptions from "all" or from "none", not an order: a rule that would take back a part
 * of an earlier one cannot be said (-EOPNOTSUPP with its number).
 */
int device_list_write(int directory, const DeviceRule *rules, size_t n, Err *err);

/* What every container may use: null, zero, full, random, urandom, tty, ptmx, pts; mknod of all. */
const DeviceRule *device_default_rules(size_t *ret_n);
