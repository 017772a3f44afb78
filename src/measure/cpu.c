/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/file.h"
#include "measure/cpu.h"

#define PROC_MAX (1 << 20)

int cpu_mark(CpuMark *ret) {
        autofree char *text = NULL;
        double user, nice, system, idle, waiting, irq, softirq, stolen;
        double tick = 1.0 / (double) sysconf(_SC_CLK_TCK);
        struct rusage own;
        int r = file_read(AT_FDCWD, "/proc/stat", PROC_MAX, &text, NULL);

        if (r < 0)
                return r;
        if (sscanf(text, "cpu %lf %lf %lf %lf %lf %lf %lf %lf", &user, &nice, &system, &idle,
                   &waiting, &irq, &softirq, &stolen) != 8)
                return -EPROTO;
        if (getrusage(RUSAGE_SELF, &own) < 0)
                return -errno;
        ret->busy = (user + nice + system + irq + softirq + stolen) * tick;
        ret->stolen = stolen * tick;
        ret->total = ret->busy + (idle + waiting) * tick;
        ret->own = (double) (own.ru_utime.tv_sec + own.ru_stime.tv_sec) +
                   (double) (own.ru_utime.tv_usec + own.ru_stime.tv_usec) / 1e6;
        return 0;
}

CpuUse cpu_between(const CpuMark *from, const CpuMark *to) {
        double total = to->total - from->total;
        CpuUse use = { .busy_s = to->busy - from->busy, .own_s = to->own - from->own };

        use.busy_share = total > 0 ? use.busy_s / total : 0;
        use.stolen_share = total > 0 ? (to->stolen - from->stolen) / total : 0;
        return use;
}

double cpu_per_gbit(const CpuUse *use, double bits) {
        return bits > 0 ? use->busy_s / (bits / 1e9) : NAN;
}

double cpu_load(void) {
        autofree char *text = NULL;
        double load;

        if (file_read(AT_FDCWD, "/proc/loadavg", PROC_MAX, &text, NULL) < 0 ||
            sscanf(text, "%lf", &load) != 1)
                return NAN;
        return load;
}
