/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Limits of the machine, read, and what a lab of so many nodes needs of them. */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "lab/doctor_internal.h"

#define PROC_MAX 65536

/* Of a node, on average; docs/performance.md has the measured figures. */
#define NODE_PROCESSES  2 /* a container and its monitor; a light node is one */
#define NODE_FILES      4 /* its log and status while the lab is made, its links in the keeper */
#define NODE_MEMORY_KIB 640
#define LAB_FILES       64

#define GROUP "Limits"

typedef struct Limit {
        const char *name;
        bool essential;      /* without so much of it the lab cannot be made */
        uint64_t have, used; /* have: UINT64_MAX where there is no limit, 0 if it is not known */
        uint64_t need;       /* beyond what is used */
        const char *unit;
        const char *without;
        const char *setting; /* what to raise, up to "="; NULL: @advice */
        const char *advice;
} Limit;

/* A number in a file of one line; 0 where it cannot be read: some are only in the first network
 * namespace. */
static uint64_t number_in(const char *path) {
        autofree char *line = NULL;

        return file_read_line(AT_FDCWD, path, &line) < 0 ? 0 : strtoull(line, NULL, 10);
}

/* "Key:   123 kB" of /proc/meminfo. */
static uint64_t memory_kib(const char *key) {
        autofree char *text = NULL;
        const char *line;

        if (file_read(AT_FDCWD, "/proc/meminfo", PROC_MAX, &text, NULL) < 0 ||
            !(line = strstr(text, key)))
                return 0;
        return strtoull(line + strlen(key), NULL, 10);
}

/* How many processes and threads there are, from "0.20 0.18 0.12 1/80 11206" (proc_loadavg(5)). */
static uint64_t running_tasks(void) {
        autofree char *line = NULL;
        const char *slash;

        if (file_read_line(AT_FDCWD, "/proc/loadavg", &line) < 0 || !(slash = strchr(line, '/')))
                return 0;
        return strtoull(slash + 1, NULL, 10);
}

static uint64_t open_files(void) {
        struct rlimit l;

        return getrlimit(RLIMIT_NOFILE, &l) < 0 || l.rlim_max == RLIM_INFINITY ? UINT64_MAX
                                                                               : l.rlim_max;
}

/* The least of a user's limits for namespaces; *@ret_setting: whose. */
static uint64_t namespaces(const char **ret_setting) {
        static const struct {
                const char *path, *setting;
        } kinds[] = {
                { "/proc/sys/user/max_net_namespaces", "user.max_net_namespaces" },
                { "/proc/sys/user/max_mnt_namespaces", "user.max_mnt_namespaces" },
                { "/proc/sys/user/max_pid_namespaces", "user.max_pid_namespaces" },
                { "/proc/sys/user/max_ipc_namespaces", "user.max_ipc_namespaces" },
                { "/proc/sys/user/max_uts_namespaces", "user.max_uts_namespaces" },
                { "/proc/sys/user/max_cgroup_namespaces", "user.max_cgroup_namespaces" },
        };
        uint64_t least = UINT64_MAX;

        *ret_setting = kinds[0].setting;
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
                uint64_t n = number_in(kinds[i].path);

                if (n == 0 || n >= least)
                        continue;
                least = n;
                *ret_setting = kinds[i].setting;
        }
        return least == UINT64_MAX ? 0 : least;
}

static char *limit_remedy(const Limit *l) {
        uint64_t wanted = 1024;

        if (!l->setting)
                return strdup(l->advice);
        while (wanted < l->used + l->need)
                wanted *= 2;
        return str_format("sysctl -w %s=%" PRIu64, l->setting, wanted);
}

static int add_limit(Diagnosis *d, const Limit *l, unsigned nodes) {
        bool low = l->have > 0 && l->have < l->used + l->need;
        autofree char *have = l->have == 0 ? strdup("cannot be read here")
                              : l->have == UINT64_MAX
                                      ? strdup("no limit")
                                      : str_format("%" PRIu64 "%s", l->have, l->unit),
                      *used = l->used > 0 ? str_format(", %" PRIu64 "%s in use", l->used, l->unit)
                                          : strdup("");

        if (!have || !used)
                return -ENOMEM;
        d->low = d->low || (low && l->essential);
        return diagnosis_add(d, &(Finding){
                                        .group = GROUP,
                                        .name = l->name,
                                        .status = low ? FINDING_LOW : FINDING_YES,
                                        .detail = str_format("%s%s, %u nodes need %" PRIu64 "%s",
                                                             have, used, nodes, l->need, l->unit),
                                        .without = low ? l->without : "",
                                        .remedy = low ? limit_remedy(l) : NULL,
                                });
}

int doctor_add_limits(Diagnosis *d, unsigned nodes) {
        const uint64_t n = nodes, tasks = running_tasks();
        const char *setting;
        const uint64_t spaces = namespaces(&setting);
        const Limit limits[] = {
                { "process numbers", true, number_in("/proc/sys/kernel/pid_max"), tasks,
                  n * NODE_PROCESSES, "", "nodes cannot be made", "kernel.pid_max", NULL },
                { "threads", true, number_in("/proc/sys/kernel/threads-max"), tasks,
                  n * NODE_PROCESSES, "", "nodes cannot be made", "kernel.threads-max", NULL },
                { "namespaces", true, spaces, 0, n + 1, "", "nodes cannot be made", setting, NULL },
                { "open files", true, open_files(), 0, n * NODE_FILES + LAB_FILES, "",
                  "nodes cannot be made", NULL,
                  "raise the hard limit: ulimit -Hn, LimitNOFILE=, limits.conf(5)" },
                { "neighbours", false, number_in("/proc/sys/net/ipv4/neigh/default/gc_thresh3"), 0,
                  n * (n - 1), "",
                  "where all are at one switch, pingall and matrix have nodes forget each other and "
                  "ask again",
                  "net.ipv4.neigh.default.gc_thresh3", NULL },
                { "memory", true, memory_kib("MemAvailable:"), 0, n * NODE_MEMORY_KIB, " KiB",
                  "the host runs out of memory", NULL, "fewer nodes, or more memory" },
        };
        int r = 0;

        for (size_t i = 0; i < sizeof limits / sizeof *limits && r >= 0; i++)
                r = add_limit(d, &limits[i], nodes);
        return r;
}
