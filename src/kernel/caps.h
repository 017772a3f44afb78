/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The capabilities of the calling thread (capabilities(7)) as bit sets; names in cap_name.h. */

#include <stdbool.h>
#include <stdint.h>

typedef struct CapSets {
        uint64_t bounding, effective, permitted, inheritable, ambient;
} CapSets;

/* Drops what is not in @keep from the bounding set; needs CAP_SETPCAP. */
int caps_bound(uint64_t keep);
/* Sets effective, permitted and inheritable of the calling thread. */
int caps_set(const CapSets *sets);
/* Ambient capabilities; each must be permitted and inheritable already. */
int caps_set_ambient(uint64_t set);
int caps_get(CapSets *ret);
/* Only the permitted set, which bounds what caps_set() can set; 0 on failure. */
uint64_t caps_permitted(void);
