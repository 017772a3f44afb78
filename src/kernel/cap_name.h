/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Capabilities by name (capabilities(7), linux/capability.h). */

#include <stdint.h>

/* "CAP_CHOWN" for 0, …; NULL beyond those known here. */
const char *cap_name(int cap);
/* The number of "CAP_NET_ADMIN", "net_admin", …; -EINVAL. */
int cap_from_name(const char *name);
/* All that are known here and to the running kernel, one bit each. */
uint64_t cap_all(void);
