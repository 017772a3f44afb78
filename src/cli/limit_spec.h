/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a container may use, and when it runs: limits, devices, restarts, log, clocks. */

#include "engine/container.h"

/* NAME=SOFT[:HARD], as prlimit(1) calls them; -1 is unlimited. */
int limit_ulimit(const char *text, HostConfig *host, Err *err);

/* PATH[:PATH-INSIDE][:rwm]. */
int limit_device(const char *text, HostConfig *host, Err *err);

/* @available: how many processors this machine has; 0 processors are no limit. */
int limit_cpus(double cpus, long available, HostConfig *host, Err *err);

/*
 * Checks a list such as "0-2,4" of processors or memory nodes (@what).  @available: those that are
 * there, as a list, or NULL if that is not known.
 */
int limit_set(const char *option, const char *what, const char *list, const char *available,
              Err *err);

/* The same for --cpuset-cpus and --cpuset-mems of this machine; NULL is no list. */
int limit_processors(const char *list, Err *err);
int limit_memory_nodes(const char *list, Err *err);

/* --cpu-shares; 0: none. */
int limit_shares(int shares, HostConfig *host, Err *err);

/* @swap: of memory and swap together, "-1" for unlimited, NULL where not given. */
int limit_memory(uint64_t memory, uint64_t reservation, const char *swap, HostConfig *host,
                 Err *err);

/* no, always, unless-stopped, on-failure[:N]. */
int restart_policy(const char *text, HostConfig *host, Err *err);

/* @options: KEY=VALUE, NULL-terminated, or NULL. */
int log_config(const char *driver, const char *const *options, HostConfig *host, Err *err);

/* monotonic=SPAN,boottime=SPAN: by how much the container's clocks are ahead; "30d", "-1h". */
int time_offset(const char *text, HostConfig *host, Err *err);
