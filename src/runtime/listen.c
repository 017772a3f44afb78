/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What the parent of a process in the making hears, and what only the parent can do for it. */

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/fds.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "kernel/pty.h"
#include "kernel/rlimit.h"
#include "runtime/init.h"

void init_raise_limits(const OciProcess *p, pid_t pid) {
        autostr names = {};
        int code = 0;

        for (size_t i = 0; i < p->n_rlimits; i++) {
                int number = rlimit_number(p->rlimits[i].type);
                struct rlimit now;

                if (number < 0 || getrlimit((unsigned) number, &now) < 0 ||
                    p->rlimits[i].hard <= now.rlim_max)
                        continue;
                now.rlim_max = p->rlimits[i].hard;
                if (prlimit(pid, (unsigned) number, &now, NULL) == 0)
                        continue;
                code = errno;
                str_printf(&names, "%s%s", names.text ? ", " : "", p->rlimits[i].type);
        }
        if (names.text)
                log_warn("the maximum of %s stays as it is, it cannot be raised: %s", names.text,
                         strerror(code));
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

static bool is_pipe(int fd) {
        struct stat st;

        return fd >= 0 && fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode) && st.st_nlink == 1;
}

void init_own_streams(const int *stdio, int64_t uid, int64_t gid) {
        for (int i = 0; i < 3 && uid >= 0 && gid >= 0; i++)
                if (is_pipe(stdio[i]) && fchown(stdio[i], (uid_t) uid, (gid_t) gid) < 0)
                        log_debug("cannot give stream %d to the container: %s", i, strerror(errno));
}

int init_say(int sync, char word) {
        ssize_t n;

        do
                n = send(sync, &word, 1, MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
        return n < 0 ? -errno : 0;
}

int init_tell(int sync, char word, Err *err) {
        int r = init_say(sync, word);

        if (r >= 0 || r == -EPIPE || r == -ECONNRESET)
                return 0;
        return fail(err, r, "cannot talk to the container's first process");
}

static int take_console(InitHands *hands, int received, Err *err) {
        if (received < 0 || pty_check_master(received) < 0 || hands->console >= 0) {
                close_fd(received);
                return refuse(err, EPROTO, "the container did not hand over a terminal");
        }
        hands->console = received;
        return 0;
}

static int pass_listener(const InitHands *hands, int received, Err *err) {
        autoclose int listener = received, made = -EBADF;

        if (listener < 0)
                return refuse(err, EPROTO, "the container did not hand over a listener");
        if (hands->connection < 0) {
                made = agent_connect(hands->agent, err);
                if (made < 0)
                        return made;
        }
        return agent_send(hands->agent, made < 0 ? hands->connection : made, listener, hands->pid,
                          err);
}

/* When the other end closes before it has read all that we said, that is told once as ECONNRESET,
 * ahead of what it has sent. */
static int receive(int sync, char *report, size_t size, int *fd) {
        size_t n;
        int r;

        do {
                n = 0;
                r = fds_recv(sync, report, size, fd, 1, &n);
        } while (r == -ECONNRESET);
        if (n == 0)
                *fd = -EBADF;
        return r;
}

/* Until the other end is closed, or @last is said. */
static int listen_until(int sync, char last, InitHands *hands, Err *err) {
        bool ready = false;

        for (;;) {
                char report[ERR_WIRE_MAX];
                int fd = -EBADF, r;

                r = receive(sync, report, sizeof report - 1, &fd);
                if (r == 0)
                        return ready ? 0
                                     : refuse(err, ECANCELED,
                                              "the container's process was killed before it ran");
                if (r < 0)
                        return fail(err, r, "cannot hear the container's process");
                if (*report == '-') {
                        close_fd(fd);
                        return err_parse(report, (size_t) r, err);
                }
                if (last && *report == last)
                        return 0;
                ready = ready || *report == INIT_READY;
                if (*report == INIT_READY)
                        continue;
                if (*report == INIT_CONSOLE)
                        r = take_console(hands, fd, err);
                else if (*report == INIT_LISTENER)
                        r = pass_listener(hands, fd, err);
                else {
                        close_fd(fd);
                        r = refuse(err, EPROTO, "the container's process says what it should not");
                }
                if (r < 0)
                        return r;
        }
}

int init_listen(int sync, InitHands *hands, Err *err) {
        return listen_until(sync, 0, hands, err);
}

int init_listen_mounted(int sync, InitHands *hands, Err *err) {
        return listen_until(sync, INIT_MOUNTED, hands, err);
}

int init_listen_prepared(int sync, InitHands *hands, Err *err) {
        return listen_until(sync, INIT_PREPARED, hands, err);
}
