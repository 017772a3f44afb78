/* SPDX-License-Identifier: GPL-2.0-or-later */

/* One more program in a node of an image. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "engine/group.h"
#include "engine/spec.h"
#include "kernel/process.h"
#include "lab/container_node.h"

/* Whoever enters a container becomes its program's parent, and so does a process of its own. */
typedef struct Keeper {
        const Container *c;
        const LabExec *exec;
        pid_t parent, program;
} Keeper;

static void call_inside(const void *data) {
        const LabExec *exec = data;

        process_close_range(3, ~0u);
        exec->inside(exec->inside_data);
}

static int begin(Keeper *k, Err *err) {
        ExecRequest request = { .args = (char **) k->exec->args,
                                .env = (char **) k->exec->env,
                                .working_dir = k->exec->workdir,
                                .user = k->exec->inside ? "0:0" : NULL };
        autoclose int target = container_pidfd(k->c), pidfd = -EBADF, console = -EBADF;
        autoptr(ExecSetup) setup = NULL;
        autoptr(Cgroup) cgroup = NULL;
        int r;

        if (target < 0)
                return refuse(err, ESRCH, "its container does not run");
        r = exec_setup(k->c, &request, &setup, err);
        if (r < 0)
                return r;
        r = container_cgroup_open(k->c, &cgroup);
        if (r < 0)
                return fail(err, r, "cannot open the cgroup of its container");
        setup->exec.pidfd = target;
        setup->exec.cgroup = cgroup;
        memcpy(setup->exec.stdio, k->exec->stdio, sizeof setup->exec.stdio);
        setup->exec.inside = k->exec->inside ? call_inside : NULL;
        setup->exec.inside_data = k->exec;
        return runtime_exec(&setup->exec, &k->program, &pidfd, &console, err);
}

static int code_of(int status) {
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Until the program ends; its parent's end, or SIGTERM, is the program's. */
_Noreturn static void keep(const Keeper *k, const sigset_t *signals) {
        int status;

        (void) prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() != k->parent)
                (void) kill(k->program, SIGKILL);
        while (waitpid(k->program, &status, WNOHANG) == 0) {
                siginfo_t info;

                if (sigwaitinfo(signals, &info) == SIGTERM && kill(-k->program, SIGKILL) < 0)
                        (void) kill(k->program, SIGKILL);
        }
        _exit(code_of(status));
}

_Noreturn static void run(Keeper *k, int report) {
        sigset_t signals;
        autoerr err = {};

        sigemptyset(&signals);
        sigaddset(&signals, SIGTERM);
        sigaddset(&signals, SIGCHLD);
        (void) sigprocmask(SIG_BLOCK, &signals, NULL);
        if (begin(k, &err) < 0) {
                err_write(report, &err);
                _exit(127);
        }
        process_close_range(0, ~0u);
        keep(k, &signals);
}

pid_t lab_exec_container(const Lab *lab, size_t node, const LabExec *exec, int *ret_pidfd,
                         Err *err) {
        const char *name = lab->topology->nodes[node].name;
        Keeper k = { .exec = exec, .parent = getpid() };
        autoptr(Container) c = NULL;
        autoclose int pidfd = -EBADF;
        int report[2], r;
        pid_t pid;

        if (!lab->state.nodes[node].container)
                return refuse(err, ESRCH, "node '%s' is not started", name);
        r = container_load(lab->home, lab->state.nodes[node].container, &c, err);
        if (r < 0)
                return err_prefix(err, r, "node '%s'", name);
        k.c = c;
        if (pipe2(report, O_CLOEXEC) < 0)
                return fail(err, errno, "cannot make a pipe");
        pid = process_clone(0, -EBADF, &pidfd);
        if (pid == 0) {
                close_fd(report[0]);
                run(&k, report[1]);
        }
        close_fd(report[1]);
        r = pid < 0 ? fail(err, pid, "cannot make a process") : err_read(report[0], err);
        close_fd(report[0]);
        if (r < 0) {
                if (pid > 0)
                        process_kill_and_reap(pidfd);
                return err_prefix(err, r, "node '%s'", name);
        }
        *ret_pidfd = take_fd(pidfd);
        return pid;
}
