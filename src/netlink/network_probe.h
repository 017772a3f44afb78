/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What this kernel's network offers, found by trying; see kernel/probe.h. */

#include "kernel/probe.h"

const ProbeFeature *probe_network_features(size_t *ret_n);
