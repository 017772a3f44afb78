/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/size.h"
#include "base/str.h"
#include "cli/oci.h"
#include "oci/spec_check.h"
#include "runtime/resources.h"

#define RESOURCES_MAX (1u << 20)
#define WEIGHT_MAX    1000

typedef struct OciUpdateOptions {
        const char *resources, *cpuset_cpus, *cpuset_mems, *memory, *reservation, *swap;
        const char *shares, *quota, *period, *burst, *idle, *realtime_runtime, *realtime_period;
        const char *pids, *weight, *kernel, *kernel_tcp, *l3_cache, *bandwidth;
} OciUpdateOptions;

static const Option options[] COMMAND_DATA = {
        OPT_STRING('r', "resources", OciUpdateOptions, resources, "FILE",
                   "Read linux.resources from FILE, or from standard input (-)", "file"),
        OPT_STRING('m', "memory", OciUpdateOptions, memory, "BYTES", "Limit memory"),
        OPT_STRING(0, "memory-reservation", OciUpdateOptions, reservation, "BYTES",
                   "Reclaim above this when memory is scarce"),
        OPT_STRING(0, "memory-swap", OciUpdateOptions, swap, "BYTES",
                   "Limit memory and swap together"),
        OPT_STRING(0, "cpu-share", OciUpdateOptions, shares, "N",
                   "Share of the processors against others"),
        OPT_STRING(0, "cpu-quota", OciUpdateOptions, quota, "US", "Processor time in each period"),
        OPT_STRING(0, "cpu-period", OciUpdateOptions, period, "US", "Length of a period"),
        OPT_STRING(0, "cpu-burst", OciUpdateOptions, burst, "US", "Processor time saved up"),
        OPT_STRING(0, "cpu-idle", OciUpdateOptions, idle, "N", "1: run when nobody else does"),
        OPT_STRING(0, "cpu-rt-runtime", OciUpdateOptions, realtime_runtime, "US",
                   "Real-time processor time in each period"),
        OPT_STRING(0, "cpu-rt-period", OciUpdateOptions, realtime_period, "US",
                   "Length of its period"),
        OPT_STRING(0, "cpuset-cpus", OciUpdateOptions, cpuset_cpus, "LIST", "Processors to use"),
        OPT_STRING(0, "cpuset-mems", OciUpdateOptions, cpuset_mems, "LIST", "Memory nodes to use"),
        OPT_STRING(0, "pids-limit", OciUpdateOptions, pids, "N", "Limit processes (-1: none)"),
        OPT_STRING(0, "blkio-weight", OciUpdateOptions, weight, "N",
                   "Share of input and output, 10 to 1000"),
        OPT_STRING(0, "kernel-memory", OciUpdateOptions, kernel, "BYTES", NULL),
        OPT_STRING(0, "kernel-memory-tcp", OciUpdateOptions, kernel_tcp, "BYTES", NULL),
        OPT_STRING(0, "l3-cache-schema", OciUpdateOptions, l3_cache, "SCHEMA", NULL),
        OPT_STRING(0, "mem-bw-schema", OciUpdateOptions, bandwidth, "SCHEMA", NULL),
        {},
};

typedef struct Number {
        const char *name, *text;
        int64_t *value;
        bool *said;
        int64_t least; /* -1 where that is "unlimited" */
} Number;

static int read_number(const Number *n, Err *err) {
        uint64_t bytes;

        if (!n->text)
                return 0;
        *n->said = true;
        if (parse_i64(n->text, n->value) == 0 && *n->value >= n->least)
                return 0;
        if (size_parse(n->text, &bytes) == 0 && bytes <= INT64_MAX) {
                *n->value = (int64_t) bytes;
                return 0;
        }
        return refuse(err, EINVAL, "--%s: '%s' is not a number from %d on", n->name, n->text,
                      (int) n->least);
}

static int set_numbers(const OciUpdateOptions *o, OciResources *r, Err *err) {
        OciMemory *m = r->memory;
        OciCpu *c = r->cpu;
        int64_t shares = 0, period = 0, burst = 0, rt_period = 0, weight = 0;
        const Number numbers[] = {
                { "memory", o->memory, &m->limit, &m->has_limit, -1 },
                { "memory-reservation", o->reservation, &m->reservation, &m->has_reservation, -1 },
                { "memory-swap", o->swap, &m->swap, &m->has_swap, -1 },
                { "kernel-memory", o->kernel, &m->kernel, &m->has_kernel, -1 },
                { "kernel-memory-tcp", o->kernel_tcp, &m->kernel_tcp, &m->has_kernel_tcp, -1 },
                { "cpu-share", o->shares, &shares, &c->has_shares, 0 },
                { "cpu-quota", o->quota, &c->quota, &c->has_quota, -1 },
                { "cpu-period", o->period, &period, &c->has_period, 0 },
                { "cpu-burst", o->burst, &burst, &c->has_burst, 0 },
                { "cpu-idle", o->idle, &c->idle, &c->has_idle, 0 },
                { "cpu-rt-runtime", o->realtime_runtime, &c->realtime_runtime,
                  &c->has_realtime_runtime, 0 },
                { "cpu-rt-period", o->realtime_period, &rt_period, &c->has_realtime_period, 0 },
                { "pids-limit", o->pids, &r->pids->limit, &r->pids->has_limit, -1 },
                { "blkio-weight", o->weight, &weight, &r->block_io->has_weight, 0 },
        };

        for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
                int code = read_number(&numbers[i], err);

                if (code < 0)
                        return code;
        }
        if (weight > WEIGHT_MAX)
                return refuse(err, EINVAL, "--blkio-weight: '%s' is more than %d", o->weight,
                              WEIGHT_MAX);
        c->shares = (uint64_t) shares;
        c->period = (uint64_t) period;
        c->burst = (uint64_t) burst;
        c->realtime_period = (uint64_t) rt_period;
        r->block_io->weight = (uint32_t) weight;
        return 0;
}

static int from_options(const OciUpdateOptions *o, OciResources *r, Err *err) {
        int code;

        if (o->l3_cache || o->bandwidth)
                return refuse(err, EOPNOTSUPP, "intelRdt is not supported");
        r->memory = calloc(1, sizeof *r->memory);
        r->cpu = calloc(1, sizeof *r->cpu);
        r->pids = calloc(1, sizeof *r->pids);
        r->block_io = calloc(1, sizeof *r->block_io);
        if (!r->memory || !r->cpu || !r->pids || !r->block_io)
                return fail(err, ENOMEM, "cannot read the limits");
        code = set_numbers(o, r, err);
        if (code < 0)
                return code;
        r->cpu->cpus = o->cpuset_cpus ? strdup(o->cpuset_cpus) : NULL;
        r->cpu->mems = o->cpuset_mems ? strdup(o->cpuset_mems) : NULL;
        return 0;
}

static int from_file(const char *path, OciResources *r, Err *err) {
        bool input = str_equal(path, "-");
        autofree char *text = NULL;
        size_t size;
        int code =
                file_read(AT_FDCWD, input ? "/proc/self/fd/0" : path, RESOURCES_MAX, &text, &size);

        if (code < 0)
                return fail(err, code, "cannot read '%s'", input ? "standard input" : path);
        return json_parse(&oci_resources_type, text, size, input ? "standard input" : path, r, err);
}

static int cmd_oci_update(const CommandInput *in, Err *err) {
        const OciUpdateOptions *o = in->options;
        autoptr(OciContainer) c = NULL;
        autoptr(OciResources) resources = calloc(1, sizeof *resources);
        int r;

        if (!resources)
                return fail(err, ENOMEM, "cannot read the limits");
        r = oci_operand(in, &c, err);
        if (r >= 0)
                r = o->resources ? from_file(o->resources, resources, err)
                                 : from_options(o, resources, err);
        if (r >= 0)
                r = oci_resources_check(resources, err);
        return r < 0 ? r : oci_update(c, resources, err);
}

COMMAND(oci_update) = {
        .name = "oci update",
        .group = "OCI runtime",
        .synopsis = "[OPTION...] ID",
        .summary = "Change the limits of a container that runs",
        .options = options,
        .options_size = sizeof(OciUpdateOptions),
        .min_args = 1,
        .max_args = 1,
        .no_home = true,
        .run = cmd_oci_update,
};
