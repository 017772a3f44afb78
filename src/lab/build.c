/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The maker of a lab
 *
 * A process enters the lab's user namespace, makes the fabric's namespaces and the
 * tree of files that nodes share, and clones the nodes out of that: each has a copy of
 * what is there, and only its own mounts to add.  While they add them, on other
 * processors, the links are laid from here in batches, both ends straight into the
 * nodes' network namespaces.
 */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/fault.h"
#include "base/file.h"
#include "kernel/mount.h"
#include "kernel/process.h"
#include "lab/build.h"
#include "lab/idle_node.h"
#include "lab/keeper.h"
#include "lab/lay.h"
#include "lab/node.h"
#include "lab/node_network.h"

#define NODE_FLAGS \
        (CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWCGROUP)
#define WATCH_MS 200

/* The maker's own. */
typedef struct Maker {
        const BuildPlan *plan;
        int go[2], release[2], done[2], report[2];
        int pids; /* to the keeper */
        pid_t fabric, keeper, *nodes;
        bool *idle; /* which nodes share this process's memory (idle_node.h) */
        IdleNodes idle_nodes;
} Maker;

static int enter_userns(int userns, Err *err) {
        if (userns < 0)
                return 0;
        if (setns(userns, CLONE_NEWUSER) < 0 || process_become_root() < 0)
                return fail(err, errno, "cannot enter the lab's user namespace");
        /* Who has changed its user cannot be looked at by its own children, nor dies with its
         * parent any more. */
        (void) prctl(PR_SET_DUMPABLE, 1);
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        return 0;
}

_Noreturn static void hold_fabric(const Maker *m) {
        char byte;

        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void) prctl(PR_SET_NAME, "isola-fabric");
        close_fd(m->release[1]);
        if (read(m->release[0], &byte, 1) != 1)
                _exit(1);
        (void) prctl(PR_SET_PDEATHSIG, 0);
        if (write(m->done[1], "+", 1) != 1)
                _exit(1);
        process_close_range(0, ~0u);
        for (;;)
                pause();
}

/* That of a lab which is up: new nodes are clones out of it, as the first ones were. */
static int enter_fabric(const Maker *m, Err *err) {
        const int spaces = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC;

        if (setns(m->plan->inside, spaces) < 0 || process_become_root() < 0 || chdir("/") < 0)
                return fail(err, errno, "cannot enter the lab's fabric");
        (void) prctl(PR_SET_DUMPABLE, 1);
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        return 0;
}

static int make_fabric(Maker *m, Err *err) {
        int r = enter_userns(m->plan->userns, err);

        if (r >= 0 && unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC) < 0)
                r = fail(err, errno, "cannot make the lab's namespaces");
        if (r >= 0)
                r = host_tree_enter(m->plan->tree, err);
        if (r >= 0 && file_access(AT_FDCWD, "/etc/hosts", F_OK) == 0)
                r = node_bind(m->plan->hosts, "/etc/hosts", err);
        return r;
}

/* What a process that could not be made has come up against. */
static int hint_at_limits(int code, Err *err) {
        struct rlimit limit;

        if (code == -EAGAIN && getrlimit(RLIMIT_NPROC, &limit) == 0)
                return err_hint(err, code,
                                "each node is a process, and a user may have %ju (ulimit -u), or "
                                "what the control group allows (pids.max)",
                                (uintmax_t) limit.rlim_cur);
        return code == -ENOSPC ? err_hint(err, code,
                                          "each node takes namespaces: /proc/sys/user/"
                                          "max_*_namespaces is how many a user may have")
                               : code;
}

static int cannot_clone(const char *node, int code, Err *err) {
        return hint_at_limits(fail(err, code, "cannot make node '%s'", node), err);
}

static int make_node(Maker *m, size_t index, Err *err) {
        const NodePlan plan = {
                .topology = m->plan->topology,
                .index = index,
                .binds = m->plan->binds[index],
                .log = m->plan->logs[index],
                .status = m->plan->statuses[index],
                .go = m->go[0],
                .release = m->release[0],
                .done = m->done[1],
                .report = m->report[1],
                .files = m->plan->files,
                .bare = m->plan->inside >= 0,
        };
        const Node *n = &m->plan->topology->nodes[index];
        pid_t pid = process_clone(n->image ? CLONE_NEWNET : NODE_FLAGS, -EBADF, NULL);

        if (pid == 0) {
                close_fd(m->go[1]);
                close_fd(m->release[1]);
                close_fd(m->done[0]);
                node_main(&plan);
        }
        if (pid < 0)
                return cannot_clone(n->name, pid, err);
        m->nodes[index] = pid;
        return 0;
}

/* Switches of Open vSwitch are no processes of their own. */
static bool is_in_fabric(const Topology *t, size_t node) {
        return t->nodes[node].kind == NODE_OVS_BRIDGE;
}

static bool is_wanted(const Maker *m, size_t node) {
        return !m->plan->wanted || m->plan->wanted[node];
}

/* Those with a memory and a voice of their own. */
static size_t count_processes(const Maker *m) {
        size_t n = 0;

        for (size_t i = 0; i < m->plan->topology->n_nodes; i++)
                n += is_wanted(m, i) && !is_in_fabric(m->plan->topology, i) && !m->idle[i];
        return n;
}

/* What a node has said of its end; 0 if nothing. */
static int hear_node(const Maker *m, int timeout_ms, Err *err) {
        struct pollfd p = { .fd = m->report[0], .events = POLLIN };
        char report[ERR_WIRE_MAX];
        ssize_t n = poll(&p, 1, timeout_ms) > 0 ? read(m->report[0], report, sizeof report - 1) : 0;

        return n > 0 ? err_parse(report, (size_t) n, err) : 0;
}

static int why_not(const Maker *m, Err *err) {
        int r = hear_node(m, WATCH_MS, err);

        return r < 0 ? r : refuse(err, ECHILD, "a node's process has ended while it was made");
}

/* ---- all of it ---- */

/* A byte for each: they share the pipe. */
static int let_go(int pipe, size_t n, Err *err) {
        autofree char *bytes = calloc(n + 1, 1);

        if (!bytes || fd_write_all(pipe, bytes, n) < 0)
                return fail(err, errno, "cannot let the nodes go on");
        return 0;
}

static int await(const Maker *m, size_t left, Err *err) {
        struct pollfd p = { .fd = m->done[0], .events = POLLIN };

        while (left > 0) {
                char bytes[256];
                ssize_t n;
                int r = poll(&p, 1, WATCH_MS);

                if (r < 0 && errno != EINTR)
                        return fail(err, errno, "cannot wait for the nodes");
                if (r <= 0) {
                        if (waitpid(-1, NULL, WNOHANG) > 0)
                                return why_not(m, err);
                        continue;
                }
                n = read(m->done[0], bytes, sizeof bytes);
                if (n <= 0 || memchr(bytes, '-', (size_t) n))
                        return why_not(m, err);
                left -= (size_t) n;
        }
        return 0;
}

/* Cloned while this process is still its maker's user. */
static int make_keeper(Maker *m, Err *err) {
        KeeperPlan plan = {
                .topology = m->plan->topology,
                .listener = m->plan->listener,
                .release = m->release[0],
                .done = m->done[1],
                .report = m->report[1],
                .priority = m->plan->priority,
        };
        int pids[2];

        if (pipe2(pids, O_CLOEXEC) < 0)
                return fail(err, errno, "cannot make a pipe");
        /* By libc's fork(): after a clone() behind its back it does not know its thread's id, and
         * the emulator's locks, which inherit priorities, wait for the thread that has that id. */
        m->keeper = fork();
        if (m->keeper == 0) {
                close_fd(pids[1]);
                close_fd(m->go[1]);
                close_fd(m->release[1]);
                close_fd(m->done[0]);
                plan.pids = pids[0];
                keeper_main(&plan);
        }
        close_fd(pids[0]);
        m->pids = pids[1];
        return m->keeper < 0 ? fail(err, errno, "cannot make the keeper") : 0;
}

/* It has laid its links before the nodes look for theirs. */
static int let_keeper_lay(Maker *m, Err *err) {
        size_t size = m->plan->topology->n_nodes * sizeof *m->nodes;

        if (fd_write_all(m->pids, &m->fabric, sizeof m->fabric) < 0 ||
            fd_write_all(m->pids, m->nodes, size) < 0)
                return why_not(m, err);
        m->pids = close_fd(m->pids);
        return await(m, 1, err);
}

static int make_nodes(Maker *m, Err *err) {
        const Topology *t = m->plan->topology;
        int r = 0;

        for (size_t i = 0; i < t->n_nodes; i++) {
                m->idle[i] = !m->plan->apart && node_is_idle(&t->nodes[i]);
                m->nodes[i] = is_in_fabric(t, i) ? m->fabric : 0;
        }
        for (size_t i = 0; r >= 0 && i < t->n_nodes; i++)
                if (m->nodes[i] == 0 && !m->idle[i])
                        r = make_node(m, i, err);
        return r;
}

static int clone_idle(Maker *m, Lay *lay, Err *err) {
        const Topology *t = m->plan->topology;

        for (size_t i = 0; i < t->n_nodes; i++) {
                pid_t pid = m->idle[i]
                                    ? idle_node_clone(&m->idle_nodes, NODE_FLAGS, t->nodes[i].name)
                                    : 0;

                if (pid < 0)
                        return cannot_clone(t->nodes[i].name, pid, err);
                if (pid > 0)
                        lay_made(lay, i, pid);
        }
        return 0;
}

/* Out of mounts without the host's /proc and /sys, which this process has again after that. */
static int make_idle(Maker *m, Lay *lay, Err *err) {
        autoclose int proc = mount_clone_source("/proc", true);
        sigset_t signals;
        int r = idle_nodes_open(&m->idle_nodes, m->plan->topology->n_nodes, m->release[0], err);

        if (r < 0)
                return r;
        sigemptyset(&signals);
        sigaddset(&signals, SIGCHLD);
        sigaddset(&signals, SIGTERM);
        (void) pthread_sigmask(SIG_BLOCK, &signals, NULL);
        if (proc < 0 || unshare(CLONE_NEWNS) < 0)
                return fail(err, proc < 0 ? proc : -errno, "cannot make a mount namespace");
        r = node_mounts_clear(err);
        if (r >= 0)
                r = clone_idle(m, lay, err);
        return r < 0 ? r : node_bind(proc, "/proc", err);
}

/* What is laid once all cables are. */
static int lay_others(Maker *m, Lay *lay, Err *err) {
        const Topology *t = m->plan->topology;
        int r = 0;

        if (m->keeper > 0 || t->management)
                r = lay_wait(lay, err);
        if (r >= 0 && m->keeper > 0)
                r = let_keeper_lay(m, err);
        if (r >= 0 && t->management)
                r = lay_management(t, m->nodes, err);
        return r;
}

static int connect_nodes(Maker *m, Lay *lay, Err *err) {
        const Topology *t = m->plan->topology;
        int r = make_idle(m, lay, err);

        fault_point("lab.nodes");
        if (r >= 0)
                r = lay_others(m, lay, err);
        if (r >= 0)
                r = lay_finish(lay, err);
        else
                lay_give_up(lay);
        if (r >= 0)
                r = lay_fabric_up(t, err);
        fault_point("lab.links");
        if (r >= 0)
                r = let_go(m->go[1], count_processes(m), err);
        if (r >= 0)
                r = await(m, count_processes(m), err);
        return r < 0 ? r : lay_settle(lay, err);
}

/* Nodes for a lab that is up, each with a memory of its own. */
static int make_more(Maker *m, Err *err) {
        const Topology *t = m->plan->topology;
        int r = enter_fabric(m, err);

        m->idle = calloc(t->n_nodes + 1, sizeof *m->idle);
        if (!m->idle)
                return fail(err, ENOMEM, "cannot make the lab's nodes");
        for (size_t i = 0; r >= 0 && i < t->n_nodes; i++)
                if (is_wanted(m, i) && !is_in_fabric(t, i))
                        r = make_node(m, i, err);
        if (r >= 0)
                r = let_go(m->go[1], count_processes(m), err);
        if (r >= 0)
                r = await(m, count_processes(m), err);
        for (size_t i = 0; r >= 0 && i < t->n_nodes; i++)
                if (is_wanted(m, i) && t->nodes[i].kind == NODE_ROUTER)
                        r = node_forward(m->nodes[i], err);
        return r;
}

static int make_all(Maker *m, Err *err) {
        const Topology *t = m->plan->topology;
        Lay lay = { .home = -EBADF };
        int r = m->plan->listener >= 0 ? make_keeper(m, err) : 0;

        m->idle = calloc(t->n_nodes + 1, sizeof *m->idle);
        if (r >= 0)
                r = m->idle ? make_fabric(m, err) : fail(err, ENOMEM, "cannot make the lab");
        if (r >= 0) {
                m->fabric = process_clone(0, -EBADF, NULL);
                if (m->fabric == 0)
                        hold_fabric(m);
                r = m->fabric < 0
                            ? hint_at_limits(fail(err, m->fabric, "cannot make the fabric"), err)
                            : 0;
        }
        if (r >= 0)
                r = make_nodes(m, err);
        if (r >= 0)
                r = lay_start(&lay, t, m->nodes, m->idle, err);
        if (r >= 0)
                r = connect_nodes(m, &lay, err);
        lay_clear(&lay);
        if (r == -ESRCH && err)
                err_clear(err);
        if (r == -ESRCH)
                return why_not(m, err);
        for (size_t i = 0; r >= 0 && i < t->n_nodes; i++)
                if (t->nodes[i].kind == NODE_ROUTER)
                        r = node_forward(m->nodes[i], err);
        return r < 0 ? r : idle_nodes_settle(&m->idle_nodes) < 0 ? why_not(m, err) : 0;
}

/* They would die with this process before they have heard that they need not. */
static int release(const Maker *m) {
        size_t n = count_processes(m) + (m->fabric > 0) + (m->keeper > 0);
        int r = let_go(m->release[1], n + m->idle_nodes.n, NULL);

        return r < 0 ? r : await(m, n, NULL);
}

_Noreturn static void run(Maker *m, int socket, pid_t parent) {
        size_t size = m->plan->topology->n_nodes * sizeof *m->nodes;
        autoerr err = {};
        char byte = '+';

        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
                _exit(1);
        if ((m->plan->inside >= 0 ? make_more(m, &err) : make_all(m, &err)) < 0) {
                byte = '-';
                if (write(socket, &byte, 1) == 1)
                        err_write(socket, &err);
                _exit(1);
        }
        if (write(socket, &byte, 1) != 1 ||
            fd_write_all(socket, &m->fabric, sizeof m->fabric) < 0 ||
            fd_write_all(socket, &m->keeper, sizeof m->keeper) < 0 ||
            fd_write_all(socket, m->nodes, size) < 0 || read(socket, &byte, 1) != 1 ||
            release(m) < 0)
                _exit(1);
        _exit(0);
}

static int open_pipes(Maker *m) {
        return pipe2(m->go, O_CLOEXEC) < 0 || pipe2(m->release, O_CLOEXEC) < 0 ||
                               pipe2(m->done, O_CLOEXEC) < 0 || pipe2(m->report, O_CLOEXEC) < 0
                       ? -errno
                       : 0;
}

static void close_pipes(Maker *m) {
        for (int i = 0; i < 2; i++) {
                close_fd(m->go[i]);
                close_fd(m->release[i]);
                close_fd(m->done[i]);
                close_fd(m->report[i]);
        }
}

static int hear(int socket, const Maker *m, pid_t *ret_fabric, pid_t *ret_keeper, Err *err) {
        size_t size = m->plan->topology->n_nodes * sizeof *m->nodes;
        char byte;

        if (fd_read_all(socket, &byte, 1) != 1)
                return refuse(err, ECHILD, "the process that makes the lab was killed");
        if (byte != '+') {
                int r = err_read(socket, err);

                return r < 0 ? r : refuse(err, ECHILD, "the lab could not be made");
        }
        if (fd_read_all(socket, ret_fabric, sizeof *ret_fabric) != sizeof *ret_fabric ||
            fd_read_all(socket, ret_keeper, sizeof *ret_keeper) != sizeof *ret_keeper ||
            fd_read_all(socket, m->nodes, size) != (ssize_t) size)
                return refuse(err, ECHILD, "the process that makes the lab was killed");
        return 0;
}

int build_start(const BuildPlan *plan, Build *ret, pid_t *ret_fabric, pid_t *ret_keeper,
                pid_t *ret_nodes, Err *err) {
        Maker m = { .plan = plan,
                    .go = { -EBADF, -EBADF },
                    .release = { -EBADF, -EBADF },
                    .done = { -EBADF, -EBADF },
                    .report = { -EBADF, -EBADF },
                    .nodes = ret_nodes };
        pid_t parent = getpid(), pid;
        int ends[2], r;

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
                return fail(err, errno, "cannot make a socket");
        r = open_pipes(&m);
        pid = r < 0 ? r : process_clone(0, plan->cgroup, &ret->pidfd);
        if (pid == 0) {
                close_fd(ends[0]);
                run(&m, ends[1], parent);
        }
        close_pipes(&m);
        close_fd(ends[1]);
        ret->socket = ends[0];
        if (pid < 0) {
                ret->pidfd = -EBADF;
                ret->socket = close_fd(ret->socket);
                return fail(err, pid, "cannot make a process");
        }
        return hear(ends[0], &m, ret_fabric, ret_keeper, err);
}

int build_release(Build *build, Err *err) {
        siginfo_t info = {};

        if (write(build->socket, "", 1) != 1 || process_reap(build->pidfd, &info) < 0 ||
            info.si_code != CLD_EXITED || info.si_status != 0)
                return refuse(err, ECHILD, "the process that makes the lab was killed");
        build->pidfd = close_fd(build->pidfd);
        return 0;
}

void build_clear(Build *build) {
        close_fd(build->socket);
        if (build->pidfd >= 0) {
                process_kill_and_reap(build->pidfd);
                close_fd(build->pidfd);
        }
}
