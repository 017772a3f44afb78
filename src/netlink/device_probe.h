/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What this kernel has for links, switches and tunnels of labs, found by trying; see
 * kernel/probe.h. */

#include "kernel/probe.h"

/* Enters a network namespace that ends with the process, with a user namespace where that needs
 * one; negative errno. */
int probe_new_network(void);

const ProbeFeature *probe_device_features(size_t *ret_n);
