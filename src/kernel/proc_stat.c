/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/str.h"
#include "kernel/proc_stat.h"

#define STAT_MAX      1024
#define NS_PER_SECOND 1000000000u

/* What follows the name in field 2, which may hold anything, blanks and parentheses too: the last
 * ')' ends it.  -ESRCH also for one that is dead. */
static int read_stat(pid_t pid, char text[STAT_MAX], char **ret) {
        autoclose int fd = -EBADF;
        char path[32], *p;
        ssize_t n;

        snprintf(path, sizeof path, "/proc/%d/stat", pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT ? -ESRCH : -errno;
        n = read(fd, text, STAT_MAX - 1);
        if (n < 0)
                return -errno;
        text[n] = 0;
        p = strrchr(text, ')');
        if (!p || !p[1] || p[2] == 'Z' || p[2] == 'X')
                return -ESRCH;
        *ret = p;
        return 0;
}

int process_start_time(pid_t pid, uint64_t *ret) {
        char text[STAT_MAX], *p;
        int r = read_stat(pid, text, &p);

        if (r < 0)
                return r;
        for (int field = 2; field < 22; field++) {
                p = strchr(p + 1, ' ');
                if (!p)
                        return -EIO;
        }
        p++;
        p[strcspn(p, " ")] = 0;
        return parse_u64(p, ret);
}

/* Fields 14 to 17 are ticks, 24 is pages. */
int process_usage(pid_t pid, ProcessUsage *ret) {
        uint64_t user, system, children_user, children_system, pages;
        char text[STAT_MAX], *p;
        int r = read_stat(pid, text, &p);

        if (r < 0)
                return r;
        if (sscanf(p + 1,
                   " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64 " %" SCNu64
                   " %" SCNu64 " %*d %*d %*d %*d %*u %*u %" SCNu64,
                   &user, &system, &children_user, &children_system, &pages) != 5)
                return -EIO;
        ret->cpu_ns = (user + system + children_user + children_system) *
                      (NS_PER_SECOND / (uint64_t) sysconf(_SC_CLK_TCK));
        ret->memory = pages * (uint64_t) sysconf(_SC_PAGESIZE);
        return 0;
}

int process_namespace(pid_t pid, const char *kind, ino_t *ret) {
        struct stat st;
        char path[64];

        snprintf(path, sizeof path, "/proc/%d/ns/%s", pid, kind);
        if (stat(path, &st) < 0)
                return errno == ENOENT ? -ESRCH : -errno;
        *ret = st.st_ino;
        return 0;
}
