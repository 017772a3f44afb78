/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What the parent of a process in the making hears, and what only the parent can do for it. */

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/fds.h"
#include "base/file.h"
#include "base/log.h"
#include "kernel/pty.h"
#include "kernel/rlimit.h"
#include "runtime/init.h"

void init_raise_limits(const OciProcess *p, pid_t pid) {
        for (size_t i = 0; i < p->n_rlimits; i++) {
                int number = rlimit_number(p->rlimits[i].type);
                struct rlimit now;

                if (number < 0 || getrlimit((unsigned) number, &now) < 0 ||
                    p->rlimits[i].hard <= now.rlim_max)
                        continue;
                now.rlim_max = p->rlimits[i].hard;
                if (prlimit(pid, (unsigned) number, &now, NULL) < 0)
                        log_warn("limit '%s' stays as it is, it cannot be raised: %s",
                                 p->rlimits[i].type, strerror(errno));
        }
}

int init_set_oom_score(const OciProcess *p, int dir, const char *path, Err *err) {
        char value[16];
        int r;

        if (!p->has_oom_score_adj)
                return 0;
        snprintf(value, sizeof value, "%d", p->oom_score_adj);
        r = file_write(dir, path, value);
        if (r == -EACCES || r == -EPERM)
                log_warn("oom_score_adj cannot be lowered to %d: %s", p->oom_score_adj,
                         strerror(-r));
        else if (r < 0)
                return fail(err, r, "cannot set oom_score_adj to %d", p->oom_score_adj);
        return 0;
}

static int take_console(int sync, int *ret, Err *err) {
        autoclose int console = -EBADF;
        size_t n = 0;
        char word;
        int r;

        r = fds_recv(sync, &word, 1, &console, 1, &n);
        if (r < 0 || n != 1)
                return fail(err, r < 0 ? r : -EPROTO, "cannot take the terminal");
        if (pty_check_master(console) < 0 || *ret >= 0)
                return refuse(err, EPROTO, "the container did not hand over a terminal");
        *ret = take_fd(console);
        return 0;
}

int init_listen(int sync, int *console, Err *err) {
        for (;;) {
                char first;
                ssize_t n;
                int r;

                do
                        n = recv(sync, &first, 1, MSG_PEEK);
                while (n < 0 && errno == EINTR);
                if (n == 0 || (n < 0 && errno == ECONNRESET))
                        return 0;
                if (n < 0)
                        return fail(err, errno, "cannot hear the container's process");
                if (first == '-')
                        return err_read(sync, err);
                r = first == INIT_CONSOLE
                            ? take_console(sync, console, err)
                            : refuse(err, EPROTO,
                                     "the container's process says what it should not");
                if (r < 0)
                        return r;
        }
}
