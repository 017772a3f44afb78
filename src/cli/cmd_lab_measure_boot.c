/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "cli/interrupt.h"
#include "cli/lab_measure.h"
#include "lab/nat.h"
#include "measure/probe.h"
#include "topology/address.h"
#include "topology/read.h"

#define PROC_MAX 65536
#define STOPPED  130

static const Option options[] = {
        MEASURE_RESULTS_ONLY,
        {},
};

/* "Key:   123 kB" of a file below /proc; NAN. */
static double kib_of(const char *path, const char *key) {
        autofree char *text = NULL;
        const char *line;

        if (file_read(AT_FDCWD, path, PROC_MAX, &text, NULL) < 0 || !(line = strstr(text, key)))
                return NAN;
        return strtod(line + strlen(key), NULL);
}

/* What is the nodes' alone or their share of what they share, and how many could be asked. */
static double memory_of_nodes(const Lab *lab, size_t *ret_n) {
        double sum = 0;

        *ret_n = 0;
        for (size_t i = 0; i < lab->state.n_nodes; i++) {
                autofree char *path = str_format("/proc/%d/smaps_rollup", lab->state.nodes[i].pid);
                double pss = path && lab->state.nodes[i].pid > 0 ? kib_of(path, "\nPss:") : NAN;

                if (isnan(pss))
                        continue;
                sum += pss;
                ++*ret_n;
        }
        return sum;
}

static int add_figures(Record *r, const Lab *lab, double up_ms, double down_ms, double kernel_kib,
                       double pss_kib, size_t asked) {
        double nodes = (double) lab->topology->n_nodes;
        int result = record_figure(r, "up", "ms", up_ms, true);

        if (result >= 0)
                result = record_figure(r, "up per node", "ms", up_ms / nodes, false);
        if (result >= 0)
                result = record_figure(r, "down", "ms", down_ms, true);
        if (result >= 0)
                result = record_figure(r, "memory per node", "KiB",
                                       asked ? pss_kib / (double) asked : NAN, true);
        if (result >= 0)
                result = record_figure(r, "memory of the host per node", "KiB", kernel_kib / nodes,
                                       false);
        if (result >= 0)
                result = record_figure(r, "nodes", "", nodes, false);
        return result < 0 ? result
                          : record_figure(r, "links", "", (double) lab->topology->n_links, false);
}

static double ms_since(int64_t ns) {
        return (double) (monotonic_ns() - ns) / 1e6;
}

/* Builds the lab once and takes it away. */
static int boot(const CommandInput *in, const char *file, Record *record, Err *err) {
        double before, free_after, up_ms, pss;
        autoptr(Lab) lab = NULL;
        Topology *t = NULL;
        size_t asked;
        int64_t begun;
        int r = topology_read(file, NULL, &t, err);

        if (r >= 0)
                r = lab_choose_management(in->home, t, err);
        if (r >= 0)
                r = topology_assign_addresses(t, err);
        if (r >= 0 && t->n_nodes == 0)
                r = refuse(err, EINVAL, "a lab without nodes boots nothing");
        before = kib_of("/proc/meminfo", "MemAvailable:");
        begun = monotonic_ns();
        if (r >= 0)
                r = lab_up(in->home, t, &(LabOptions){ .source = file }, &lab, err);
        if (r < 0) {
                topology_free(t);
                return r;
        }
        up_ms = ms_since(begun);
        free_after = kib_of("/proc/meminfo", "MemAvailable:");
        pss = memory_of_nodes(lab, &asked);
        begun = monotonic_ns();
        r = lab_down(lab, err);
        if (r < 0)
                return r;
        r = record_begin(record, "boot", t->name);
        if (r >= 0)
                r = add_figures(record, lab, up_ms, ms_since(begun), before - free_after, pss,
                                asked);
        return r < 0 ? fail(err, r, "cannot keep what was measured") : 0;
}

static int boot_once(const CommandInput *in, int repetition, Report *report, Err *err) {
        int64_t begun = monotonic_ns();
        CpuMark before = {}, after = {};
        autorecord record = {};
        int marked = cpu_mark(&before), r = boot(in, in->args[0], &record, err);

        if (r < 0)
                return r;
        record.repetition = repetition;
        record.seconds = (double) (monotonic_ns() - begun) / 1e9;
        if (marked >= 0 && cpu_mark(&after) >= 0)
                r = record_host(&record, &before, &after);
        if (r >= 0)
                r = report_add(report, &record);
        return r < 0 ? fail(err, r, "cannot keep what was measured") : 0;
}

static int cmd_lab_measure_boot(const CommandInput *in, Err *err) {
        const MeasureOptions *o = in->options;
        int repeat = lab_measure_repeats(o->repeat, 1, err), r = repeat;
        autoclose int stop = -EBADF;
        autoreport report = {};

        if (r >= 0)
                r = lab_measure_check_format(o->format, err);
        if (r < 0)
                return r;
        stop = interrupt_open();
        if (stop < 0)
                return fail(err, stop, "cannot take signals");
        if (report_begin(&report, in->args[0]) < 0)
                return fail(err, ENOMEM, "cannot measure");
        for (int i = 1; i <= repeat && r >= 0 && !probe_is_stopped(stop); i++)
                r = boot_once(in, i, &report, err);
        if (r >= 0)
                r = lab_measure_write(&report, o, err);
        return r < 0 ? r : probe_is_stopped(stop) ? STOPPED : 0;
}

COMMAND(lab_measure_boot) = {
        .name = "lab measure boot",
        .group = "Labs",
        .synopsis = "[OPTION...] FILE|DIR",
        .summary = "Measure how long a lab takes to come up, and its memory",
        .options = options,
        .options_size = sizeof(MeasureOptions),
        .min_args = 1,
        .max_args = 1,
        .completes = "file",
        .run = cmd_lab_measure_boot,
};
