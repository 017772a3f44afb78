/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Counters of another size than isola_filter.h's, under their name. */

#define isola_stats unused_stats
#include "isola_filter.h"
#undef isola_stats

struct wide {
        u64 numbers[32];
};
ISOLA_CPU_ARRAY(isola_stats, struct wide, ISOLA_VERDICTS);

ISOLA_FILTER(wide) {
        return false;
}
