/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "measure/boot.h"

#define PROC_MAX 65536

/* "Key:   123 kB" of a file below /proc; NAN. */
static double kib_of(const char *path, const char *key) {
        autofree char *text = NULL;
        const char *line;

        if (file_read(AT_FDCWD, path, PROC_MAX, &text, NULL) < 0 || !(line = strstr(text, key)))
                return NAN;
        return strtod(line + strlen(key), NULL);
}

double boot_available_kib(void) {
        return kib_of("/proc/meminfo", "MemAvailable:");
}

void boot_add_process(BootResult *b, pid_t pid) {
        autofree char *path = str_format("/proc/%d/smaps_rollup", pid);
        double pss = path && pid > 0 ? kib_of(path, "\nPss:") : NAN;

        if (isnan(pss))
                return;
        b->pss_kib += pss;
        b->asked++;
}

int record_boot(Record *r, const BootResult *b) {
        const double nodes = (double) b->nodes;
        const struct {
                const char *name, *unit;
                double value;
                bool main;
        } figures[] = {
                { "up", "ms", b->up_ms, true },
                { "up per node", "ms", b->up_ms / nodes, false },
                { "down", "ms", b->down_ms, true },
                { "memory per node", "KiB", b->asked ? b->pss_kib / (double) b->asked : NAN, true },
                { "memory of the host per node", "KiB", b->host_kib / nodes, false },
                { "nodes", "", nodes, false },
        };
        int result = 0;

        for (size_t i = 0; i < sizeof figures / sizeof *figures && result >= 0; i++)
                result = record_figure(r, figures[i].name, figures[i].unit, figures[i].value,
                                       figures[i].main);
        return result;
}
