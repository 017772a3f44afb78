/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * One more program in a running container
 *
 * The command that asks for it is its parent: no monitor has a part in it.  The
 * program gets the command's own standard streams where these are pipes or
 * files, so that nothing has to be copied.  Everything else stays outside: a
 * terminal that is passed in could be read from for ever, and a directory or a
 * socket would be a way out.  Those are copied through pipes.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/group.h"
#include "engine/monitor.h"
#include "engine/relay.h"
#include "engine/spec.h"
#include "kernel/process.h"

static bool is_null_device(const struct stat *st) {
        return S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3);
}

/* True if a program that we do not trust may hold it as it is.  Not a file for output: it could
 * not open it anew as /dev/stdout, or would cut it short by that. */
static bool can_pass(int fd) {
        struct stat st;

        return fstat(fd, &st) >= 0 &&
               (S_ISFIFO(st.st_mode) || (S_ISREG(st.st_mode) && fd == STDIN_FILENO) ||
                is_null_device(&st));
}

/* What the program gets as 0, 1 and 2, and the ends that are relayed. */
typedef struct Streams {
        int inside[3]; /* for the program */
        int pipe[3];   /* the ends of it to be closed once the program has them, or -EBADF */
} Streams;

static void streams_clear(Streams *s) {
        for (int i = 0; i < 3; i++)
                s->pipe[i] = close_fd(s->pipe[i]);
}
#define autostreams __attribute__((__cleanup__(streams_clear))) Streams

static int relay_stream(Streams *s, Relay *relay, int number) {
        int ends[2];

        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        s->inside[number] = s->pipe[number] = ends[number == 0 ? 0 : 1];
        if (number == 0) {
                relay->source = STDIN_FILENO;
                relay->input = ends[1];
                return fcntl(ends[1], F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
        }
        relay->output[number - 1] = (RelayOutput){ ends[0], number };
        return fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

static int make_streams(const ExecRequest *request, Streams *s, Relay *relay) {
        int r = 0;

        for (int i = 0; i < 3 && r >= 0; i++) {
                if (request->detach || request->tty || (i == 0 && !request->input))
                        continue; /* the terminal, or /dev/null */
                if (can_pass(i))
                        s->inside[i] = i;
                else if (fcntl(i, F_GETFD) >= 0)
                        r = relay_stream(s, relay, i);
        }
        return r;
}

static int check_running(const Container *c, Err *err) {
        switch (container_status(c)) {
        case CONTAINER_RUNNING:
                return 0;
        case CONTAINER_PAUSED:
                return err_hint(err, refuse(err, EBUSY, "container '%s' is paused", c->name),
                                "'isola unpause %s' lets it go on", c->name);
        case CONTAINER_RESTARTING:
                return err_hint(err, refuse(err, EBUSY, "container '%s' is restarting", c->name),
                                "wait until it runs");
        default:
                return err_hint(err, refuse(err, ESRCH, "container '%s' is not running", c->name),
                                "'isola start %s' starts it", c->name);
        }
}

static int prepare(const Container *c, Err *err) {
        int r = container_has_userns(c) ? 0 : runtime_seal(err);

        return r < 0 ? r : check_running(c, err);
}

/* The terminal of the program gets the keys of ours, if it is to have any. */
static int connect_terminal(Relay *relay, const ExecRequest *request, int console, Err *err) {
        relay->tty = true;
        if (fcntl(console, F_SETFL, O_NONBLOCK) < 0)
                return fail(err, errno, "cannot use the program's terminal");
        relay->output[0] = (RelayOutput){ fcntl(console, F_DUPFD_CLOEXEC, 3), STDOUT_FILENO };
        if (relay->output[0].from < 0)
                return fail(err, errno, "cannot use the program's terminal");
        relay->input = console;
        relay->source = request->input ? STDIN_FILENO : -EBADF;
        return 0;
}

/*
 * The user has left with the detach keys.  A terminal whose other side nobody holds hangs its
 * program up, so a copy of this process stays and reads what is written there, until the last
 * program that has the terminal open ends.
 */
static void keep_terminal(int console) {
        struct pollfd p = { .fd = console, .events = POLLIN };
        char ignored[4096];
        pid_t pid = fork();

        if (pid < 0)
                log_warn("the program loses its terminal: %s", strerror(errno));
        if (pid != 0)
                return;
        (void) setsid();
        for (int fd = 0; fd <= 2; fd++)
                (void) close(fd);
        while (poll(&p, 1, -1) >= 0 || errno == EINTR) {
                ssize_t n = read(console, ignored, sizeof ignored);

                if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
                        break;
        }
        _exit(0);
}

/* @stdio: what the program gets; -EBADF for the terminal, or /dev/null. */
static int start(Container *c, const ExecRequest *request, const int stdio[3], int *ret_pidfd,
                 int *ret_console, Err *err) {
        autoptr(ExecSetup) setup = NULL;
        autoptr(Cgroup) cgroup = NULL;
        autoclose int target = -EBADF;
        pid_t pid;
        int r;

        target = container_pidfd(c);
        if (target == -ESRCH)
                return refuse(err, ESRCH, "container '%s' is not running", c->name);
        if (target < 0)
                return fail(err, target, "cannot find the process of container '%s'", c->name);
        r = exec_setup(c, request, &setup, err);
        if (r < 0)
                return r;
        r = container_cgroup_open(c, &cgroup);
        if (r < 0)
                return fail(err, r, "cannot open the cgroup of container '%s'", c->name);
        setup->exec.pidfd = target;
        setup->exec.cgroup = cgroup;
        memcpy(setup->exec.stdio, stdio, sizeof setup->exec.stdio);
        return runtime_exec(&setup->exec, &pid, ret_pidfd, ret_console, err);
}

static int spawn(Container *c, const ExecRequest *request, Relay *relay, int *ret_console,
                 Err *err) {
        autostreams streams = { { -EBADF, -EBADF, -EBADF }, { -EBADF, -EBADF, -EBADF } };
        int r = make_streams(request, &streams, relay);

        if (r < 0)
                return fail(err, r, "cannot make the program's standard streams");
        return start(c, request, streams.inside, &relay->pidfd, ret_console, err);
}

int container_exec(Container *c, const ExecRequest *request, int *ret_code, Err *err) {
        autoclose int console = -EBADF;
        autorelay relay;
        RelayEnd how;
        int r, code;

        relay_init(&relay);
        r = prepare(c, err);
        if (r >= 0)
                r = detach_keys_parse(request->detach_keys, &relay.keys, err);
        if (r < 0)
                return r;
        if (!request->detach) {
                r = relay_signals(&relay);
                if (r < 0)
                        return fail(err, r, "cannot receive signals");
        }
        relay.proxy = true;
        r = spawn(c, request, &relay, &console, err);
        if (r < 0)
                return r;
        if (request->detach) {
                *ret_code = 0;
                return 0;
        }
        if (request->tty) {
                r = connect_terminal(&relay, request, take_fd(console), err);
                if (r < 0)
                        return r;
        }
        r = relay_run(&relay, &how, &code, err);
        if (r >= 0 && how == RELAY_DETACHED && request->tty)
                keep_terminal(relay.output[0].from);
        for (int i = 0; i < 2; i++)
                relay.output[i].from = close_fd(relay.output[i].from);
        if (r < 0)
                return r;
        *ret_code = relay_result(how, code);
        return 0;
}

/* ---- a program whose output is kept ---- */

/* Takes what there is; false at its end. */
static bool take_output(int pipe, ExecCapture *capture) {
        char ignored[4096];
        bool full = capture->size == capture->max;
        ssize_t n =
                full ? read(pipe, ignored, sizeof ignored)
                     : read(pipe, capture->output + capture->size, capture->max - capture->size);

        if (n < 0)
                return errno == EINTR || errno == EAGAIN;
        if (!full)
                capture->size += (size_t) n;
        return n > 0;
}

/*
 * Until it has ended: what it has started and left behind may hold the pipe for ever.
 * -ETIMEDOUT.
 */
static int wait_and_take(int pidfd, int pipe, int64_t timeout_ms, ExecCapture *capture) {
        int64_t end = clock_monotonic_ms() + timeout_ms, left;
        struct pollfd p[2] = { { .fd = pidfd, .events = POLLIN },
                               { .fd = pipe, .events = POLLIN } };

        while ((left = end - clock_monotonic_ms()) > 0) {
                if (poll(p, 2, (int) (left < INT32_MAX ? left : INT32_MAX)) < 0 && errno != EINTR)
                        return -errno;
                if (p[1].revents && !take_output(pipe, capture))
                        p[1].fd = -1;
                else if (!p[1].revents && p[0].revents)
                        return 0;
                p[1].revents = 0;
        }
        return -ETIMEDOUT;
}

int container_exec_capture(Container *c, const ExecRequest *request, int64_t timeout_ms,
                           ExecCapture *capture, int *ret_code, Err *err) {
        autoclose int pidfd = -EBADF, console = -EBADF, reader = -EBADF, writer = -EBADF;
        siginfo_t info = {};
        int ends[2], r;

        r = prepare(c, err);
        if (r < 0)
                return r;
        if (pipe2(ends, O_CLOEXEC) < 0)
                return fail(err, errno, "cannot make a pipe");
        reader = ends[0];
        writer = ends[1];
        if (fcntl(reader, F_SETFL, O_NONBLOCK) < 0)
                return fail(err, errno, "cannot make a pipe");
        r = start(c, request, (int[]){ -EBADF, writer, writer }, &pidfd, &console, err);
        if (r < 0)
                return r;
        writer = close_fd(writer);
        r = wait_and_take(pidfd, reader, timeout_ms, capture);
        if (r < 0)
                process_kill_and_reap(pidfd);
        if (r == -ETIMEDOUT)
                return refuse(err, ETIMEDOUT, "'%s' did not end in time", request->args[0]);
        if (r >= 0)
                r = process_reap(pidfd, &info);
        if (r < 0)
                return fail(err, r, "cannot wait for '%s'", request->args[0]);
        *ret_code = exit_code_of(&info);
        return 0;
}
