/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What run and create take: one table of options, and the Container they make
 *
 * The parsers of single options' values are in port_spec, mount_spec,
 * limit_spec and env_file; this puts them together and refuses what does not
 * go together.
 */

#include "cli/command.h"
#include "cli/health_options.h"
#include "cli/ids_options.h"

typedef struct RunOptions {
        /* run alone */
        bool detach, signal_proxy;
        const char *detach_keys;
        /* both */
        bool interactive, tty, remove, publish_all, privileged, read_only, init, quiet;
        const char *name, *hostname, *domainname, *user, *working_dir, *entrypoint, *cidfile;
        const char *pull, *platform;
        const char **attach, **env, **env_files, **labels, **label_files;
        const char **volumes, **volumes_from, **mounts, **tmpfs, **publish, **expose;
        const char **networks, **aliases, **hosts, **dns, **dns_search, **dns_options;
        const char *ip, *ip6;
        uint64_t memory, memory_reservation, shm_size;
        const char *memory_swap, *cpuset_cpus, *cpuset_mems;
        double cpus;
        int cpu_shares, pids_limit, oom_score_adj;
        const char **cap_add, **cap_drop, **security, **ulimits, **devices, **sysctls, **groups;
        const char *pid, *ipc, *uts, *cgroupns, *time_offset;
        IdsOptions ids;
        const char *stop_signal, *stop_timeout, *restart, *log_driver;
        const char **log_options;
        HealthOptions health;
} RunOptions;

/* run's table; create's begins behind what only run can do. */
extern const Option run_options[];
#define RUN_ONLY_OPTIONS 4
#define create_options   (run_options + RUN_ONLY_OPTIONS)

/**
 * run_options_read() - turn options and operands into what the user wants
 * @args:	the image, then the command
 * @ret:	for container_create()
 */
int run_options_read(const Home *home, const RunOptions *o, char *const *args, Container **ret,
                     Err *err);

/**
 * run_create() - make the container, and its --cidfile
 *
 * On failure neither is left behind.
 */
int run_create(const Home *home, const RunOptions *o, char *const *args, Container **ret, Err *err);
