/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Waiting for containers, their monitors, and what either says at the end
 *
 * Nothing here looks again and again: processes are waited for by pidfd,
 * directories by inotify.
 */

#include <errno.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/str.h"
#include "engine/monitor.h"
#include "engine/protocol.h"
#include "kernel/proc_stat.h"

/* Time for a monitor to take everything back after its container has ended. */
#define FINISH_TIMEOUT_MS 10000

int process_is(int pid, uint64_t start) {
        uint64_t now;

        return pid > 0 && process_start_time(pid, &now) >= 0 && now == start;
}

int monitor_is_alive(const Container *c) {
        return str_equal(c->state.boot_id, boot_id()) &&
               process_is(c->state.monitor_pid, c->state.monitor_start);
}

int poll_until(int fd, int timeout_ms) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        int64_t end = clock_monotonic_ms() + timeout_ms;
        int r;

        for (;;) {
                int64_t left = timeout_ms < 0 ? -1 : end - clock_monotonic_ms();

                r = poll(&p, 1, timeout_ms >= 0 && left < 0 ? 0 : (int) left);
                if (r > 0)
                        return 0;
                if (r == 0)
                        return -ETIMEDOUT;
                if (errno != EINTR)
                        return -errno;
        }
}

int process_wait(int pid, uint64_t start, int timeout_ms) {
        autoclose int pidfd = pid > 0 ? pidfd_open(pid, 0) : -EBADF;

        if (pidfd < 0)
                return pid <= 0 || errno == ESRCH ? 0 : -errno;
        /* Looked at after the pidfd was opened: then it is this one's start. */
        if (!process_is(pid, start))
                return 0;
        return poll_until(pidfd, timeout_ms);
}

int monitor_wait_finish(const Container *c) {
        if (!str_equal(c->state.boot_id, boot_id()))
                return 0;
        return process_wait(c->state.monitor_pid, c->state.monitor_start, FINISH_TIMEOUT_MS);
}

/* Waits on the monitor's socket for the exit code; -ECONNRESET if it ends without a word. */
static int hear_exit(Container *c, int *ret_code) {
        const Hello hello = {};
        autoclose int socket = monitor_connect(c);
        int r;

        if (socket < 0)
                return socket;
        r = frame_send(socket, FRAME_HELLO, &hello, sizeof hello, -EBADF, true);
        while (r >= 0) {
                autoclose int fd = -EBADF;
                Frame frame;

                r = frame_recv(socket, &frame, &fd);
                if (r == 0)
                        return -ECONNRESET;
                if (r > 0 && frame.type == FRAME_EXIT) {
                        *ret_code = frame.number;
                        return 0;
                }
        }
        return r;
}

/* Waits until it is not there; the directory is renamed before it is emptied. */
static int wait_removed(Container *c, Err *err) {
        autofree char *path = str_format("%s/containers/%s", c->home->data, c->id);
        autoclose int watch = inotify_init1(IN_CLOEXEC);
        int r;

        if (!path || watch < 0)
                return fail(err, path ? errno : ENOMEM, "cannot watch container '%s'", c->name);
        if (inotify_add_watch(watch, path, IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR) < 0)
                return errno == ENOENT ? 0 : fail(err, errno, "cannot watch '%s'", path);
        r = poll_until(watch, -1);
        return r < 0 ? fail(err, r, "cannot wait for the removal of container '%s'", c->name) : 0;
}

/* The container is gone, or its record tells how it ended. */
static int read_exit(Container *c, int *ret_code, Err *err) {
        int r = container_read_state(c, err);

        if (r >= 0)
                *ret_code = c->state.exit_code;
        return r;
}

int container_wait(Container *c, bool removed, int *ret_code, Err *err) {
        int r = -ESRCH;

        *ret_code = c->state.exit_code;
        while (monitor_is_alive(c) && (process_is(c->state.pid, c->state.pid_start) ||
                                       str_equal(c->state.status, "restarting"))) {
                r = hear_exit(c, ret_code);
                if (r >= 0)
                        break;
                /* It has just ended, has no socket yet, or was killed: a process can be waited for
                 * all the same. */
                r = process_wait(c->state.pid, c->state.pid_start, -1);
                if (r >= 0)
                        r = monitor_wait_finish(c);
                if (r < 0)
                        return fail(err, r, "cannot wait for container '%s'", c->name);
                r = read_exit(c, ret_code, err);
                if (r < 0)
                        return r;
        }
        return removed ? wait_removed(c, err) : 0;
}
