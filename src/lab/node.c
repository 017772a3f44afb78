/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A light node's first process
 *
 * Its maker lays the links meanwhile; then it gives its interfaces their addresses
 * from inside, all nodes at once.  After that it runs the node's command and reaps.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/str.h"
#include "kernel/process.h"
#include "lab/host_tree.h"
#include "lab/node.h"
#include "lab/node_network.h"

static int bind_one(int mount, const char *bind, Err *err) {
        const char *place = strchr(bind, ':') + 1;
        autofree char *target = strndup(place, strcspn(place, ":"));
        int r = target ? node_bind(mount, target, err)
                       : fail(err, ENOMEM, "cannot bind '%s'", bind);

        return r == -ENOENT ? err_hint(err, r,
                                       "a light node has the host's files: bind over one that is "
                                       "there, or below /run or /tmp")
                            : r;
}

static int set_up_files(const NodePlan *plan, Err *err) {
        const Node *n = &plan->topology->nodes[plan->index];
        int r = node_mounts(err);

        for (size_t i = 0; r >= 0 && n->binds && n->binds[i]; i++)
                r = bind_one(plan->binds[i], n->binds[i], err);
        if (r >= 0 && sethostname(n->name, strlen(n->name)) < 0)
                r = fail(err, errno, "cannot set the host name");
        return r;
}

static int set_up(const NodePlan *plan, Err *err) {
        int r = set_up_files(plan, err);

        strv_foreach(setting, plan->topology->nodes[plan->index].sysctls)
                if (r >= 0)
                        r = node_sysctl(*setting, err);
        return r;
}

/* The maker's death closes the pipe without a byte. */
static void wait_for(int pipe) {
        char byte;
        ssize_t n;

        do
                n = read(pipe, &byte, 1);
        while (n < 0 && errno == EINTR);
        if (n != 1)
                _exit(1);
}

static void tell(const NodePlan *plan, char what) {
        if (write(plan->done, &what, 1) != 1)
                _exit(1);
}

_Noreturn static void die(const NodePlan *plan, Err *err) {
        (void) err_prefix(err, err->code, "cannot make node '%s'",
                          plan->topology->nodes[plan->index].name);
        err_write(plan->report, err);
        tell(plan, '-');
        _exit(1);
}

_Noreturn static void run_command(const Node *n, int log) {
        autoclose int null = open("/dev/null", O_RDWR | O_CLOEXEC);

        process_reset_signals();
        (void) setsid();
        if (dup2(null, STDIN_FILENO) < 0 || dup2(log, STDOUT_FILENO) < 0 ||
            dup2(log, STDERR_FILENO) < 0)
                _exit(126);
        strv_foreach(assignment, n->env)
                (void) putenv(*assignment);
        if (n->workdir && chdir(n->workdir) < 0) {
                dprintf(STDERR_FILENO, "isola: cannot start in '%s': %s\n", n->workdir,
                        strerror(errno));
                _exit(126);
        }
        (void) process_close_on_exec(3);
        execvp(n->cmd[0], n->cmd);
        dprintf(STDERR_FILENO, "isola: cannot run '%s': %s\n", n->cmd[0], strerror(errno));
        _exit(errno == ENOENT ? 127 : 126);
}

/* Ends at SIGTERM from outside, and all processes of the node with it. */
_Noreturn static void stay(const NodePlan *plan) {
        const Node *n = &plan->topology->nodes[plan->index];
        sigset_t signals;

        sigemptyset(&signals);
        sigaddset(&signals, SIGCHLD);
        sigaddset(&signals, SIGTERM);
        (void) sigprocmask(SIG_BLOCK, &signals, NULL);
        if (n->cmd) {
                pid_t pid = process_clone(0, -EBADF, NULL);

                if (pid == 0)
                        run_command(n, plan->log);
        }
        process_close_range(0, ~0u);
        for (;;) {
                siginfo_t info;

                if (sigwaitinfo(&signals, &info) == SIGTERM)
                        _exit(0);
                while (waitpid(-1, NULL, WNOHANG) > 0)
                        ;
        }
}

_Noreturn void node_main(const NodePlan *plan) {
        autoerr err = {};

        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void) prctl(PR_SET_NAME, "isola-node");
        if (set_up(plan, &err) < 0)
                die(plan, &err);
        wait_for(plan->go);
        if (node_network_set_up(plan->topology, plan->index, &err) < 0)
                die(plan, &err);
        tell(plan, '+');
        wait_for(plan->release);
        (void) prctl(PR_SET_PDEATHSIG, 0);
        tell(plan, '+');
        stay(plan);
}
