/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Ending and pausing containers
 *
 * Processes are signalled and waited for by pidfd.  A monitor that would
 * restart the container is told first that it is meant to end.
 */

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/signal_name.h"
#include "base/str.h"
#include "engine/group.h"
#include "engine/monitor.h"
#include "engine/protocol.h"

#define KILL_TIMEOUT_MS      10000
#define FREEZE_TIMEOUT_MS    10000
#define STOP_TIMEOUT_DEFAULT 10 /* seconds, Docker's */

void monitor_say_stopping(const Container *c, bool always) {
        autoclose int socket = -EBADF;

        if (!always && (str_empty(c->host.restart_policy.name) ||
                        str_equal(c->host.restart_policy.name, "no")))
                return;
        socket = monitor_connect(c);
        if (socket < 0 || frame_send(socket, FRAME_STOPPING, NULL, 0, -EBADF, true) < 0)
                log_debug("the monitor of container '%s' cannot be told", c->name);
}

/* Says it, and waits until it has been heard. */
static int say(const Container *c, FrameType type) {
        const Hello hello = {};
        autoclose int socket = monitor_connect(c);
        Frame frame;
        int r;

        if (socket < 0)
                return socket;
        r = frame_send(socket, type, NULL, 0, -EBADF, true);
        /* Frames are dealt with in order: what answers the second has taken the first. */
        if (r >= 0)
                r = frame_send(socket, FRAME_HELLO, &hello, sizeof hello, -EBADF, true);
        if (r >= 0)
                r = frame_recv(socket, &frame, NULL);
        if (r < 0)
                return r == -EPIPE ? -ECONNRESET : r;
        return r > 0 && frame.type == FRAME_STARTED ? 0 : -ECONNRESET;
}

int monitor_say_keep(const Container *c) {
        return say(c, FRAME_KEEP);
}

int monitor_say_changed(const Container *c) {
        return say(c, FRAME_CHANGED);
}

/* Frozen processes take no signal before they are thawed (a v1 freezer not even SIGKILL). */
static void thaw(const Container *c) {
        autoptr(Cgroup) cgroup = NULL;

        if (container_status(c) == CONTAINER_PAUSED && container_cgroup_open(c, &cgroup) >= 0 &&
            cgroup)
                (void) cgroup_freeze(cgroup, false, FREEZE_TIMEOUT_MS);
}

/* Ends all of it for good and waits for that. */
static int kill_all(const Container *c, int pidfd, Err *err) {
        autoptr(Cgroup) cgroup = NULL;
        int r;

        if (container_cgroup_open(c, &cgroup) >= 0 && cgroup)
                (void) cgroup_kill(cgroup, SIGKILL);
        (void) pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
        thaw(c);
        r = poll_until(pidfd, KILL_TIMEOUT_MS);
        if (r < 0)
                return fail(err, r, "the processes of container '%s' do not end", c->name);
        return 0;
}

static int wait_finish(Container *c, Err *err) {
        int r = monitor_wait_finish(c);

        /* It still serves a slow reader of the container's output: that is no failure to stop. */
        if (r < 0 && r != -ETIMEDOUT)
                return fail(err, r, "cannot wait for the monitor of container '%s'", c->name);
        return 1;
}

/* Between two restarts there is no process, only a monitor that waits. */
static int stop_restarting(Container *c, Err *err) {
        monitor_say_stopping(c, false);
        return wait_finish(c, err);
}

int container_stop_signal(const Container *c, const char *name, int *ret, Err *err) {
        if (!name)
                name = c->config.stop_signal;
        if (str_empty(name)) {
                *ret = SIGTERM;
                return 0;
        }
        *ret = signal_parse(name);
        return *ret < 0 ? refuse(err, EINVAL, "'%s' is not a signal", name) : 0;
}

int64_t container_stop_timeout_ms(const Container *c) {
        int seconds = c->config.stop_timeout ? c->config.stop_timeout : STOP_TIMEOUT_DEFAULT;

        return seconds < 0 ? -1 : (int64_t) seconds * 1000;
}

int container_stop(Container *c, const char *signal, int64_t timeout_ms, Err *err) {
        autoclose int pidfd = -EBADF;
        int number, r;

        r = container_stop_signal(c, signal, &number, err);
        if (r < 0)
                return r;
        if (container_status(c) == CONTAINER_RESTARTING)
                return stop_restarting(c, err);
        pidfd = container_pidfd(c);
        if (pidfd == -ESRCH)
                return 0;
        if (pidfd < 0)
                return fail(err, pidfd, "cannot find the process of container '%s'", c->name);

        monitor_say_stopping(c, false);
        if (pidfd_send_signal(pidfd, number, NULL, 0) < 0 && errno != ESRCH)
                return fail(err, errno, "cannot send signal %d to container '%s'", number, c->name);
        thaw(c);
        r = poll_until(pidfd, timeout_ms > INT32_MAX ? INT32_MAX : (int) timeout_ms);
        if (r == -ETIMEDOUT)
                r = kill_all(c, pidfd, err);
        else if (r < 0)
                return fail(err, r, "cannot wait for container '%s'", c->name);
        return r < 0 ? r : wait_finish(c, err);
}

int container_restart(Container *c, const char *signal, int64_t timeout_ms, Err *err) {
        int r;

        if (c->host.auto_remove && container_is_up(c)) {
                r = monitor_say_keep(c);
                if (r == -ENOENT || r == -ECONNREFUSED || r == -ECONNRESET)
                        return refuse(err, ECANCELED, "container '%s' has just been removed",
                                      c->name);
                if (r < 0)
                        return fail(err, r, "cannot speak to the monitor of container '%s'",
                                    c->name);
        }
        r = container_stop(c, signal, timeout_ms, err);
        return r < 0 ? r : container_start(c, NULL, NULL, err);
}

int container_kill(Container *c, int signal, Err *err) {
        autoclose int pidfd = container_pidfd(c);

        if (pidfd == -ESRCH)
                return refuse(err, ESRCH, "container '%s' is not running", c->name);
        if (pidfd < 0)
                return fail(err, pidfd, "cannot find the process of container '%s'", c->name);

        if (signal == SIGKILL) {
                int r;

                monitor_say_stopping(c, false);
                r = kill_all(c, pidfd, err);
                return r < 0 ? r : wait_finish(c, err) < 0 ? -EIO : 0;
        }
        if (pidfd_send_signal(pidfd, signal, NULL, 0) < 0)
                return fail(err, errno, "cannot send signal %d to container '%s'", signal, c->name);
        return 0;
}

int container_pause(Container *c, bool pause, Err *err) {
        ContainerStatus status = container_status(c);
        autofree char *mark = container_pause_mark(c);
        autoptr(Cgroup) cgroup = NULL;
        int r;

        if (status != CONTAINER_RUNNING && status != CONTAINER_PAUSED)
                return refuse(err, ESRCH, "container '%s' is not running", c->name);
        if (pause && status == CONTAINER_PAUSED)
                return refuse(err, EALREADY, "container '%s' is already paused", c->name);
        if (!pause && status == CONTAINER_RUNNING)
                return refuse(err, EALREADY, "container '%s' is not paused", c->name);

        r = container_cgroup_open(c, &cgroup);
        if (r < 0 && r != -ENOENT)
                return fail(err, r, "cannot open the cgroup of container '%s'", c->name);
        if (r < 0)
                return refuse(err, ESRCH, "container '%s' is not running", c->name);
        if (!cgroup)
                return err_hint(err,
                                refuse(err, EOPNOTSUPP,
                                       "cannot pause container '%s': it has no control group",
                                       c->name),
                                "log in through systemd-logind on a machine with cgroup version "
                                "2, which gives users one, or run as root");
        /* The mark comes before the frost and goes after it: nobody takes one that is frozen for
         * running. */
        r = !mark ? -ENOMEM : pause ? file_create(c->home->run_fd, mark, "", 0, 0600) : 0;
        if (r >= 0 || r == -EEXIST)
                r = cgroup_freeze(cgroup, pause, FREEZE_TIMEOUT_MS);
        if (r >= 0 && !pause)
                (void) unlinkat(c->home->run_fd, mark, 0);
        if (r == -ENOENT || r == -ENODEV) /* it has ended this moment */
                return refuse(err, ESRCH, "container '%s' is not running", c->name);
        if (r < 0)
                return fail(err, r, "cannot %s container '%s'", pause ? "pause" : "unpause",
                            c->name);
        return 0;
}
