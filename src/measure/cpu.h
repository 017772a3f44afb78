/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the machine's processors do meanwhile (proc(5)). */

#include <stdint.h>

#include "base/err.h"

/* Points in time, in seconds of processor time since boot, all processors together. */
typedef struct CpuMark {
        double busy;   /* not idle, not waiting for disks; guests and stolen time included */
        double stolen; /* taken by the hypervisor */
        double total;
        double own; /* of this process, all threads */
} CpuMark;

/* Between two marks. */
typedef struct CpuUse {
        double busy_share, stolen_share; /* of all processors, 0 to 1 */
        double busy_s, own_s;            /* seconds of processor time */
} CpuUse;

/* 0; negative errno where /proc does not tell. */
int cpu_mark(CpuMark *ret);
CpuUse cpu_between(const CpuMark *from, const CpuMark *to);
/* Processor seconds of the whole machine for each 10^9 bits; NAN for none. */
double cpu_per_gbit(const CpuUse *use, double bits);

/* The first number of /proc/loadavg: processes that ran or wanted to, over the last minute; NAN. */
double cpu_load(void);
