/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/limit_spec.h"
#include "cli/operands.h"

typedef struct UpdateOptions {
        uint64_t memory, memory_reservation;
        const char *memory_swap, *cpuset_cpus, *cpuset_mems, *restart;
        double cpus;
        int cpu_shares, pids_limit;
} UpdateOptions;

static const Option options[] COMMAND_DATA = {
        OPT_SIZE('m', "memory", UpdateOptions, memory, "SIZE", "Memory"),
        OPT_STRING(0, "memory-swap", UpdateOptions, memory_swap, "SIZE",
                   "Memory and swap together; -1: any"),
        OPT_SIZE(0, "memory-reservation", UpdateOptions, memory_reservation, "SIZE",
                 "Memory that is kept for it"),
        OPT_DOUBLE(0, "cpus", UpdateOptions, cpus, "NUMBER", "Processors' time, such as 1.5"),
        OPT_INT('c', "cpu-shares", UpdateOptions, cpu_shares, "NUMBER",
                "Weight where processors are scarce, 2 to 262144"),
        OPT_STRING(0, "cpuset-cpus", UpdateOptions, cpuset_cpus, "LIST", "Processors: 0-2,4"),
        OPT_STRING(0, "cpuset-mems", UpdateOptions, cpuset_mems, "LIST", "Memory nodes"),
        OPT_INT(0, "pids-limit", UpdateOptions, pids_limit, "NUMBER", "Processes; -1: any number"),
        OPT_STRING(0, "restart", UpdateOptions, restart, "POLICY",
                   "no, always, unless-stopped, on-failure[:N]"),
        {},
};

static int change_memory(const UpdateOptions *o, HostConfig *host, Err *err) {
        uint64_t memory = o->memory ? o->memory : (uint64_t) host->memory;
        uint64_t reservation =
                o->memory_reservation ? o->memory_reservation : (uint64_t) host->memory_reservation;
        int r;

        if (!o->memory && !o->memory_reservation && !o->memory_swap)
                return 0;
        r = limit_memory(memory, reservation, o->memory_swap, host, err);
        if (r >= 0 && host->memory_swap > 0 && host->memory_swap < host->memory)
                return err_hint(err,
                                refuse(err, EINVAL,
                                       "--memory is more than the limit of memory and swap "
                                       "together"),
                                "give --memory-swap as well");
        return r;
}

static int change_processors(const UpdateOptions *o, HostConfig *host, Err *err) {
        int r = limit_processors(o->cpuset_cpus, err);

        if (r >= 0)
                r = limit_memory_nodes(o->cpuset_mems, err);
        if (r >= 0 && o->cpus != 0)
                r = limit_cpus(o->cpus, sysconf(_SC_NPROCESSORS_ONLN), host, err);
        if (r >= 0 && o->cpu_shares)
                r = limit_shares(o->cpu_shares, host, err);
        if (r < 0)
                return r;
        if ((o->cpuset_cpus && str_set(&host->cpuset_cpus, o->cpuset_cpus) < 0) ||
            (o->cpuset_mems && str_set(&host->cpuset_mems, o->cpuset_mems) < 0))
                return fail(err, ENOMEM, "cannot read the limits");
        return 0;
}

static int change(HostConfig *host, const void *data, Err *err) {
        const UpdateOptions *o = data;
        int r;

        if (o->pids_limit < -1)
                return refuse(err, EINVAL, "option '--pids-limit' is a number, or -1");
        if (o->pids_limit)
                host->pids_limit = o->pids_limit;
        r = change_memory(o, host, err);
        if (r >= 0)
                r = change_processors(o, host, err);
        if (r < 0 || !o->restart)
                return r;
        r = restart_policy(o->restart, host, err);
        if (r >= 0 && host->auto_remove && !str_equal(host->restart_policy.name, "no"))
                return refuse(err, EINVAL, "--restart and --rm cannot be used together");
        return r;
}

static int update(Container *c, const void *data, Err *err) {
        return container_update(c, change, data, err);
}

static int cmd_update(const CommandInput *in, Err *err) {
        const UpdateOptions *o = in->options;

        if (!o->memory && !o->memory_reservation && !o->memory_swap && !o->cpuset_cpus &&
            !o->cpuset_mems && !o->restart && o->cpus == 0 && !o->cpu_shares && !o->pids_limit)
                return err_hint(err, refuse(err, EINVAL, "nothing to change"),
                                "see 'isola update --help'");
        return operands_each(in, update);
}

COMMAND(update) = {
        .name = "update",
        .alias = "container update",
        .group = "Containers",
        .synopsis = "OPTION... CONTAINER...",
        .summary = "Change limits and restart policy of containers",
        .options = options,
        .options_size = sizeof(UpdateOptions),
        .min_args = 1,
        .max_args = ARGS_ANY,
        .completes = "container",
        .run = cmd_update,
};
