/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * How a monitor comes to be
 *
 * A copy of the starting command, without exec: its pages are shared until
 * written.  What must not be shared with the command any longer is given up
 * first: session, signals, descriptors, working directory and name.  Standard
 * error stays the command's until the container runs, so that a warning on the
 * way reaches the user.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cold.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/monitor.h"
#include "engine/protocol.h"
#include "kernel/process.h"

/* The cgroup of all monitors: a service manager that kills the command's own does not kill them. */
#define MONITORS_CGROUP "isola/monitors"
#define CLONE_TRIES     8
#define KEPT_MAX        16

/* What `ps` shows.  The command's arguments and environment lie one behind the other on the stack;
 * the kernel shows what is written there, see proc(5) on /proc/PID/cmdline. */
static void set_title(const char *name) {
        autofree char *title = str_format("isola: monitor %s", name);
        char *first = program_invocation_name;
        size_t room = strlen(first);

        if (!title)
                return;
        if (environ && environ[0] > first && (size_t) (environ[0] - first) < (1u << 20))
                room = (size_t) (environ[0] - first) - 1;
        if (room > 0) {
                size_t n = strnlen(title, room - 1);

                memset(first, 0, room);
                memcpy(first, title, n);
        }
        (void) prctl(PR_SET_NAME, "isola-monitor");
}

static int compare_fds(const void *a, const void *b) {
        return *(const int *) a - *(const int *) b;
}

/* Closes every descriptor above 2 that is not among those kept. */
static void close_others(int *kept, size_t n) {
        unsigned next = 3;

        qsort(kept, n, sizeof *kept, compare_fds);
        for (size_t i = 0; i < n; i++) {
                if (kept[i] < (int) next)
                        continue;
                if (kept[i] > (int) next)
                        process_close_range(next, (unsigned) kept[i] - 1);
                next = (unsigned) kept[i] + 1;
        }
        process_close_range(next, ~0u);
}

/* A copy of the command's output for the monitor to write to; -EBADF if it has none. */
static int copy_output(int fd) {
        int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

        return copy < 0 ? -EBADF : copy;
}

static int leave_command(Monitor *m) {
        autoclose int null = -EBADF;
        sigset_t all;

        sigfillset(&all);
        if (sigprocmask(SIG_SETMASK, &all, NULL) < 0 || setsid() < 0)
                return -errno;
        null = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
                return -errno;
        null = null > STDERR_FILENO ? close_fd(null) : -EBADF;

        const HomeNetwork *network = m->c->home->network;
        int kept[] = { network ? network->netns : -EBADF,
                       m->lock,
                       m->run_dir,
                       m->starter,
                       m->input_read,
                       m->input_write,
                       m->source[0].sink,
                       m->source[1].sink,
                       m->c->dir,
                       m->c->home->data_fd,
                       m->c->home->run_fd };
        close_others(kept, sizeof kept / sizeof *kept);
        if (chdir("/") < 0)
                return -errno;
        set_title(m->c->name);
        cold_drop();
        return 0;
}

static int init_monitor(Monitor *m, const MonitorStart *start, int socket) {
        autofree char *path = container_run_path(start->c->id);
        struct winsize size;

        if (!path)
                return -ENOMEM;
        *m = (Monitor){ .c = start->c,
                        .lock = start->lock,
                        .starter = socket,
                        .starter_waits = !start->io || start->c->config.tty,
                        .starter_input = start->io && start->io->attach_input,
                        .ran_before = str_equal(start->c->state.status, "exited"),
                        .signals = -EBADF,
                        .listener = -EBADF,
                        .output = -EBADF,
                        .pidfd = -EBADF,
                        .console = -EBADF,
                        .uplink = -EBADF,
                        .health = { .pidfd = -EBADF, .report = -EBADF },
                        .input_read = start->input_read,
                        .input_write = start->input_write,
                        .log_wanted = !str_equal(start->c->host.log_config.type, "none") };
        for (int i = 0; i < 2; i++)
                m->source[i] = (Source){ .fd = -EBADF, .stream = i + 1, .sink = -EBADF };
        /* The starting command has the one end that counts: the input ends with it. */
        if (start->io && start->io->attach_input && start->c->config.stdin_once)
                m->input_write = -EBADF;
        m->run_dir = openat(m->c->home->run_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (m->run_dir < 0)
                return -errno;
        if (start->io && start->io->attach_output)
                for (int i = 0; i < 2; i++)
                        m->source[i].sink = copy_output(STDOUT_FILENO + i);
        if (start->io && start->c->config.tty &&
            (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) >= 0 ||
             ioctl(STDIN_FILENO, TIOCGWINSZ, &size) >= 0)) {
                m->rows = size.ws_row;
                m->columns = size.ws_col;
        }
        return 0;
}

/* Runs in the clone; never returns. */
static _Noreturn void begin(const MonitorStart *start, bool adopt, int socket) {
        Monitor m;
        int r;

        r = init_monitor(&m, start, socket);
        if (r >= 0)
                r = leave_command(&m);
        if (r < 0) {
                autoerr err = {};

                (void) fail(&err, r, "cannot start a monitor");
                (void) frame_send(socket, FRAME_FAILED, NULL, 0, -EBADF, true);
                err_write(socket, &err);
                _exit(1);
        }
        fault_point("monitor.alone");
        _exit(monitor_main(&m, adopt));
}

int monitor_spawn(const MonitorStart *start, bool adopt, int *ret_socket, Err *err) {
        bool grouped = true;
        int pair[2];
        pid_t pid = -1;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return fail(err, errno, "cannot make a socket for the monitor");

        for (int i = 0; i < CLONE_TRIES && pid < 0; i++) {
                autoptr(Cgroup) cgroup = NULL;
                autoerr why = {};

                if (grouped && cgroup_share(MONITORS_CGROUP, &cgroup, &why) < 0)
                        log_debug("%s; the monitor stays in this command's cgroup", why.message);
                pid = process_clone(0, cgroup ? cgroup_fd(cgroup) : -EBADF, NULL);
                if (pid == 0) {
                        close_fd(pair[0]);
                        begin(start, adopt, pair[1]);
                }
                /* The last other monitor has just removed the directory: make it anew.  Root's is
                 * not for others. */
                if (pid != -ENODEV && pid != -ENOENT && !(grouped && pid == -EACCES))
                        break;
                grouped = pid != -EACCES;
        }
        close_fd(pair[1]);
        if (pid < 0) {
                close_fd(pair[0]);
                return fail(err, pid, "cannot start a monitor");
        }
        *ret_socket = pair[0];
        return 0;
}

void monitors_cgroup_sweep(void) {
        (void) cgroup_remove(MONITORS_CGROUP, 0);
}
