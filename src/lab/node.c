/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A light node's first process
 *
 * Its maker lays the links meanwhile; then it gives its interfaces their addresses
 * from inside, all nodes at once.  After that it runs the node's command, at once or,
 * where that has to wait, at SIGUSR1, and reaps.
 */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "kernel/process.h"
#include "lab/host_tree.h"
#include "lab/node.h"
#include "lab/node_network.h"
#include "lab/place.h"

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

/* As in a network of the engine's: ping without a capability, low ports without root. */
static int open_to_users(Err *err) {
        int r = node_sysctl("net.ipv4.ping_group_range=0 65535", NULL);

        /* Of a user who may map nobody but himself there is one group. */
        if (r == -EINVAL)
                r = node_sysctl("net.ipv4.ping_group_range=0 0", NULL);
        if (r < 0)
                return fail(err, r, "cannot let all of its users ping");
        return node_sysctl("net.ipv4.ip_unprivileged_port_start=0", err);
}

/* Those of its own namespaces; without @all, only those that are there. */
static int node_sysctls(const Node *n, bool all, Err *err) {
        strv_foreach(setting, n->sysctls) {
                autoerr why = {};
                int r = n->image && !str_after(*setting, "net.") ? 0 : node_sysctl(*setting, &why);

                if (r < 0 && (all || r != -ENOENT))
                        return refuse(err, r, "%s", why.message ? why.message : *setting);
        }
        return 0;
}

static int set_up_network(const NodePlan *plan, Err *err) {
        int r = node_network_set_up(plan->topology, plan->index, err);

        return r < 0 ? r : node_sysctls(&plan->topology->nodes[plan->index], true, err);
}

static int set_up(const NodePlan *plan, Err *err) {
        const Node *n = &plan->topology->nodes[plan->index];
        int r = n->image ? open_to_users(err) : set_up_files(plan, err);

        /* What is said of interfaces to come is for them; that of those which are there, for later.
         */
        return r < 0 ? r : node_sysctls(n, false, err);
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
        const Topology *t = plan->topology;
        const Node *n = &t->nodes[plan->index];

        (void) err_prefix(err, err->code, "cannot make node '%s'", n->name);
        if (t->file)
                (void) err_prefix(err, err->code, "%s:%d", t->file, n->line);
        err_write(plan->report, err);
        tell(plan, '-');
        _exit(1);
}

char **node_environment(const Node *n, const char *terminal, char *const *more) {
        static const char *const standard[] = {
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
                NULL
        };
        autostrv env = NULL;

        if (strv_add_words(&env, standard) < 0 ||
            (terminal && strv_addf(&env, "TERM=%s", terminal) < 0) ||
            strv_addf(&env, "HOSTNAME=%s", n->name) < 0)
                return NULL;
        for (int i = 0; i < 2; i++)
                strv_foreach(assignment, i == 0 ? n->env : more)
                        if (strv_env_set(&env, *assignment) < 0)
                                return NULL;
        return take_ptr(env);
}

_Noreturn static void run_command(const Node *n, int log) {
        char **env = node_environment(n, NULL, NULL);
        autoclose int null = open("/dev/null", O_RDWR | O_CLOEXEC);

        process_reset_signals();
        (void) setsid();
        if (!env || dup2(null, STDIN_FILENO) < 0 || dup2(log, STDOUT_FILENO) < 0 ||
            dup2(log, STDERR_FILENO) < 0)
                _exit(126);
        environ = env;
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

/* One line of a length that is always the same, so that a reader sees no half of two. */
static void note(int status, const char *word, int code) {
        char line[16];
        int n = snprintf(line, sizeof line, "%-8s %-6d", word, code);

        line[n] = '\n';
        if (pwrite(status, line, (size_t) n + 1, 0) < 0)
                return; /* nobody to tell */
}

static pid_t start_command(const Node *n) {
        pid_t pid = process_clone(0, -EBADF, NULL);

        if (pid == 0)
                run_command(n, STDOUT_FILENO);
        note(STDERR_FILENO, pid < 0 ? "ended" : "running", pid < 0 ? 126 : 0);
        close_fd(STDOUT_FILENO);
        return pid;
}

static void reap(pid_t command) {
        int status;
        pid_t pid;

        while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
                if (pid == command)
                        note(STDERR_FILENO, "ended",
                             WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

/* The log and the status are kept until the command is started by SIGUSR1, and the status until it
 * has ended; nothing else is. */
static void keep_streams(const NodePlan *plan) {
        if (plan->log < 0) {
                process_close_range(0, ~0u);
                return;
        }
        if (dup2(plan->log, STDOUT_FILENO) < 0 || dup2(plan->status, STDERR_FILENO) < 0)
                _exit(1);
        close_fd(STDIN_FILENO);
        process_close_range(3, ~0u);
}

/* The lab's maker may have raised it for what it had to open. */
static void lower_files(rlim_t soft) {
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && soft > 0 && limit.rlim_cur > soft) {
                limit.rlim_cur = soft;
                (void) setrlimit(RLIMIT_NOFILE, &limit);
        }
}

/* Ends at SIGTERM from outside, and all processes of the node with it. */
_Noreturn static void stay(const NodePlan *plan, const sigset_t *signals) {
        const Node *n = &plan->topology->nodes[plan->index];
        pid_t command = 0;

        keep_streams(plan);
        lower_files(plan->files);
        if (node_has_command(n) && !node_is_held(n))
                command = start_command(n);
        for (;;) {
                siginfo_t info;
                int signal = sigwaitinfo(signals, &info);

                if (signal == SIGTERM)
                        _exit(0);
                if (signal == SIGUSR1 && node_has_command(n) && command == 0)
                        command = start_command(n);
                reap(command);
        }
}

static void block_signals(sigset_t *ret) {
        sigemptyset(ret);
        sigaddset(ret, SIGCHLD);
        sigaddset(ret, SIGTERM);
        sigaddset(ret, SIGUSR1);
        (void) sigprocmask(SIG_BLOCK, ret, NULL);
}

_Noreturn void node_main(const NodePlan *plan) {
        autoerr err = {};
        sigset_t signals;

        block_signals(&signals);
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void) prctl(PR_SET_NAME, "isola-node");
        if (set_up(plan, &err) < 0)
                die(plan, &err);
        wait_for(plan->go);
        if (!plan->bare && set_up_network(plan, &err) < 0)
                die(plan, &err);
        tell(plan, '+');
        wait_for(plan->release);
        (void) prctl(PR_SET_PDEATHSIG, 0);
        /* It has been moved to a control group of its own: that is its root. */
        if (node_is_limited(&plan->topology->nodes[plan->index]))
                (void) unshare(CLONE_NEWCGROUP);
        /* All are set up.  What is missing now has been taken away, which is somebody's wish. */
        (void) node_network_settle(&plan->topology->nodes[plan->index], NULL);
        tell(plan, '+');
        stay(plan, &signals);
}
