/* SPDX-License-Identifier: GPL-2.0-or-later */

/* One more program in a light node. */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "kernel/process.h"
#include "lab/container_node.h"
#include "lab/idle_node.h"
#include "lab/node.h"
#include "lab/place.h"

#define ALL_NAMESPACES                                                                             \
        (CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | \
         CLONE_NEWCGROUP)

static int set_streams(const int stdio[3]) {
        autoclose int null = open("/dev/null", O_RDWR | O_CLOEXEC);

        for (int i = 0; i < 3; i++) {
                int from = stdio[i] >= 0 ? stdio[i] : null;

                /* One that is there already would lose its close-on-exec mark by no dup2(). */
                if (from == i ? fcntl(i, F_SETFD, 0) < 0 : dup2(from, i) < 0)
                        return -errno;
        }
        return 0;
}

_Noreturn static void run(const Node *n, const LabExec *exec, const IdleFiles *files, int report) {
        char **env = node_environment(n, getenv("TERM"), exec->env);
        autoerr err = {};
        int r = idle_files_make(files, &err);

        if (r >= 0 && exec->session)
                (void) setsid();
        if (r >= 0)
                r = env ? set_streams(exec->stdio) : -ENOMEM;
        if (r < 0 && err.message)
                (void) err_prefix(&err, r, "cannot set up its files");
        else if (r < 0)
                (void) fail(&err, r, "cannot set up '%s'", exec->args[0]);
        else if (exec->workdir && chdir(exec->workdir) < 0)
                (void) fail(&err, errno, "cannot start in '%s'", exec->workdir);
        else {
                process_reset_signals();
                if (exec->inside) {
                        process_close_range(3, ~0u);
                        exec->inside(exec->inside_data);
                        _exit(0);
                }
                (void) process_close_on_exec(3);
                environ = env;
                (void) execvp(exec->args[0], exec->args);
                (void) fail(&err, errno, "cannot run '%s'", exec->args[0]);
        }
        err_write(report, &err);
        _exit(127);
}

/* The child joins; only its own child is in the pid namespace. */
static int join(int pidfd, bool fabric, Err *err) {
        /* The fabric has no processes and no control groups of its own. */
        int spaces = fabric ? ALL_NAMESPACES & ~(CLONE_NEWPID | CLONE_NEWCGROUP) : ALL_NAMESPACES;

        if (setns(pidfd, spaces) < 0)
                return fail(err, errno, "cannot enter the node");
        if (process_become_root() < 0)
                return fail(err, errno, "cannot become the node's root");
        return chdir("/") < 0 ? fail(err, errno, "cannot enter the node") : 0;
}

/* CLONE_PARENT: the program is the caller's child, and this process is gone before it begins. */
_Noreturn static void enter(const Lab *lab, size_t node, const LabExec *exec, int pidfd,
                            const IdleFiles *files, const Cgroup *place, const int report[2],
                            int number) {
        const Node *n = &lab->topology->nodes[node];
        autoerr err = {};
        pid_t pid = place && cgroup_needs_join(place) ? cgroup_join(place, getpid(), &err) : 0;

        if (pid >= 0)
                pid = join(pidfd, n->kind == NODE_OVS_BRIDGE, &err);
        if (pid == 0) {
                int child = -EBADF;

                pid = process_clone(CLONE_PARENT, -EBADF, &child);
                if (pid == 0)
                        run(n, exec, files, report[1]);
                if (pid < 0)
                        (void) fail(&err, pid, "cannot make a process");
        }
        if (pid < 0)
                err_write(report[1], &err);
        else if (write(number, &pid, sizeof pid) != sizeof pid)
                _exit(1);
        _exit(0);
}

pid_t lab_exec(const Lab *lab, size_t node, const LabExec *exec, int *ret_pidfd, Err *err) {
        autoclose int pidfd = -EBADF, middle = -EBADF;
        autoptr(Cgroup) place = NULL;
        IdleFiles files = IDLE_FILES_NONE;
        int report[2] = { -EBADF, -EBADF }, number[2] = { -EBADF, -EBADF };
        siginfo_t info;
        pid_t pid;
        int r;

        if (lab->topology->nodes[node].image)
                return lab_exec_container(lab, node, exec, ret_pidfd, err);
        pidfd = lab_node_pidfd(lab, node, err);
        if (pidfd < 0)
                return pidfd;
        r = lab_node_place(lab, node, &place, err);
        if (r < 0)
                return r;
        if (pipe2(report, O_CLOEXEC) < 0 || pipe2(number, O_CLOEXEC) < 0)
                return fail(err, errno, "cannot make a pipe");
        r = idle_files_open(lab, node, &files, err);
        if (r < 0)
                return r;
        pid = process_clone(0, place ? cgroup_fd(place) : -EBADF, &middle);
        if (pid == 0)
                enter(lab, node, exec, pidfd, &files, place, report, number[1]);
        close_fd(report[1]);
        close_fd(number[1]);
        idle_files_close(&files);
        r = pid < 0 ? fail(err, pid, "cannot make a process") : process_reap(middle, &info);
        if (r >= 0 && read(number[0], &pid, sizeof pid) != sizeof pid)
                pid = -ECHILD;
        if (r >= 0)
                r = err_read(report[0], err);
        close_fd(report[0]);
        close_fd(number[0]);
        if (r >= 0)
                r = *ret_pidfd = pidfd_open(pid, 0);
        if (r >= 0)
                return pid;
        if (pid > 0)
                (void) waitpid(pid, NULL, 0);
        return err_prefix(err, r, "node '%s'", lab->topology->nodes[node].name);
}
