/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/str.h"
#include "kernel/proc_stat.h"

int process_start_time(pid_t pid, uint64_t *ret) {
        char path[32], text[1024], *p;
        autoclose int fd = -EBADF;
        ssize_t n;

        snprintf(path, sizeof path, "/proc/%d/stat", pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT ? -ESRCH : -errno;
        n = read(fd, text, sizeof text - 1);
        if (n < 0)
                return -errno;
        text[n] = 0;

        /* The name in field 2 may hold anything, blanks and parentheses too: the last ')' ends it.
         */
        p = strrchr(text, ')');
        if (!p || !p[1] || p[2] == 'Z' || p[2] == 'X')
                return -ESRCH;
        for (int field = 2; field < 22; field++) {
                p = strchr(p + 1, ' ');
                if (!p)
                        return -EIO;
        }
        p++;
        p[strcspn(p, " ")] = 0;
        return parse_u64(p, ret);
}
