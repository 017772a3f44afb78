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
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/fault.h"
#include "base/file.h"
#include "kernel/process.h"
#include "lab/build.h"
#include "lab/device.h"
#include "lab/engine.h"
#include "lab/keeper.h"
#include "lab/node.h"
#include "lab/node_network.h"
#include "netlink/addr.h"
#include "netlink/link.h"
#include "topology/management.h"

#define NODE_FLAGS \
        (CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWCGROUP)
#define LINKS_AT_ONCE     64
#define WATCH_MS          200
#define MANAGEMENT_BRIDGE (1 << 20) /* index; behind what the kernel numbers by itself */

/* The maker's own. */
typedef struct Maker {
        const BuildPlan *plan;
        int go[2], release[2], done[2], report[2];
        int pids; /* to the keeper */
        pid_t fabric, keeper, *nodes;
} Maker;

static int enter_userns(int userns, Err *err) {
        if (userns < 0)
                return 0;
        if (setns(userns, CLONE_NEWUSER) < 0 || setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 ||
            setresuid(0, 0, 0) < 0)
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
                return fail(err, pid, "cannot make node '%s'", n->name);
        m->nodes[index] = pid;
        return 0;
}

/* Switches of Open vSwitch are no processes of their own. */
static bool is_in_fabric(const Topology *t, size_t node) {
        return t->nodes[node].kind == NODE_OVS_BRIDGE;
}

static size_t count_processes(const Topology *t) {
        size_t n = 0;

        for (size_t i = 0; i < t->n_nodes; i++)
                n += !is_in_fabric(t, i);
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

/* ---- links ---- */

static LinkEnd end_of(const Maker *m, const TopologyLink *l, int end, DeviceName *name) {
        const Topology *t = m->plan->topology;
        const Interface *in = topology_interface(t, l->sides[end]);

        *name = device_name(t, l->sides[end]);
        return (LinkEnd){
                .name = name->text,
                .netns = -EBADF,
                .netns_pid = m->nodes[l->sides[end].node],
                .mtu = l->mtu,
                .address = in->mac,
        };
}

static int lay_links(const Maker *m, Err *err) {
        const Topology *t = m->plan->topology;
        const TopologyLink *laid[LINKS_AT_ONCE];
        autoclose int nl = nl_open();
        autonl NlMessage batch;
        int r = nl < 0 ? fail(err, nl, "cannot open a netlink socket") : 0;

        nl_begin_empty(&batch);
        for (size_t i = 0; r >= 0 && i < t->n_links; i++) {
                const TopologyLink *l = &t->links[i];
                DeviceName names[2];
                LinkEnd a = end_of(m, l, 0, &names[0]), b = end_of(m, l, 1, &names[1]);

                if (link_engine(l, NULL) != ENGINE_WIRE) {
                        laid[batch.n] = l;
                        link_next_veth(&batch, &a, &b);
                }
                if (batch.n == 0 || (batch.n < LINKS_AT_ONCE && i + 1 < t->n_links))
                        continue;
                r = nl_call(nl, &batch, err);
                if (r == -ESRCH && err)
                        err_clear(err);
                if (r == -ESRCH)
                        return why_not(m, err);
                if (r < 0)
                        return err_prefix(err, r, "cannot lay link '%s'",
                                          laid[batch.failed > 0 ? batch.failed - 1 : 0]->name);
                nl_clear(&batch);
                nl_begin_empty(&batch);
        }
        return r;
}

/* The ends that are in no node: here, and nobody else sets them up.  Not while they are made: the
 * other end is not there yet. */
static int set_fabric_up(const Maker *m, Err *err) {
        const Topology *t = m->plan->topology;
        autoclose int nl = nl_open();
        autonl NlMessage batch;
        int r = nl < 0 ? fail(err, nl, "cannot open a netlink socket") : 0;

        nl_begin_empty(&batch);
        for (size_t i = 0; r >= 0 && i < t->n_links; i++)
                for (int end = 0; r >= 0 && end < 2; end++) {
                        DeviceName name = device_name(t, t->links[i].sides[end]);
                        Link link;

                        if (!is_in_fabric(t, t->links[i].sides[end].node) ||
                            link_engine(&t->links[i], NULL) == ENGINE_WIRE)
                                continue;
                        r = link_get(nl, name.text, &link, err);
                        if (r >= 0)
                                link_next_up(&batch, link.index);
                }
        if (r >= 0 && batch.n > 0)
                r = nl_call(nl, &batch, err);
        return r;
}

/* ---- the management network ---- */

static void put_management_bridge(NlMessage *batch, const Topology *t) {
        const BridgeOptions options = { .index = MANAGEMENT_BRIDGE };
        const Address v4 = management_gateway(&t->management_net),
                      v6 = management_gateway(&t->management_net6);

        link_next_bridge(batch, "isola-mgmt", &options);
        addr_next_add(batch, MANAGEMENT_BRIDGE, &v4);
        addr_next_add(batch, MANAGEMENT_BRIDGE, &v6);
}

static int call(int nl, NlMessage *batch, Err *err) {
        int r = nl_call(nl, batch, err);

        nl_clear(batch);
        nl_begin_empty(batch);
        return r < 0 ? err_prefix(err, r, "cannot lay the management network") : 0;
}

/* A bridge in the fabric, and a cable from it to each node. */
static int lay_management(const Maker *m, Err *err) {
        const Topology *t = m->plan->topology;
        autoclose int nl = -EBADF;
        autonl NlMessage batch;
        int r = 0;

        nl_begin_empty(&batch);
        for (size_t i = 0; r >= 0 && i < t->n_nodes; i++) {
                char name[INTERFACE_NAME_MAX + 1];
                const LinkEnd a = { .name = name,
                                    .netns = -EBADF,
                                    .master = MANAGEMENT_BRIDGE,
                                    .up = true },
                              b = { .name = management_interface(t),
                                    .netns = -EBADF,
                                    .netns_pid = m->nodes[i] };

                if (!node_is_managed(t, &t->nodes[i]))
                        continue;
                if (nl < 0) {
                        nl = nl_open();
                        if (nl < 0)
                                return fail(err, nl, "cannot open a netlink socket");
                        put_management_bridge(&batch, t);
                        r = call(nl, &batch, err);
                }
                (void) snprintf(name, sizeof name, "m%u", (unsigned) i);
                link_next_veth(&batch, &a, &b);
                if (r >= 0 && batch.n >= LINKS_AT_ONCE)
                        r = call(nl, &batch, err);
        }
        return r >= 0 && batch.n > 0 ? call(nl, &batch, err) : r;
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

static int make_all(Maker *m, Err *err) {
        const Topology *t = m->plan->topology;
        int r = m->plan->listener >= 0 ? make_keeper(m, err) : 0;

        if (r >= 0)
                r = make_fabric(m, err);
        if (r >= 0) {
                m->fabric = process_clone(0, -EBADF, NULL);
                if (m->fabric == 0)
                        hold_fabric(m);
                r = m->fabric < 0 ? fail(err, m->fabric, "cannot make the fabric") : 0;
        }
        for (size_t i = 0; r >= 0 && i < t->n_nodes; i++)
                if (is_in_fabric(t, i))
                        m->nodes[i] = m->fabric;
                else
                        r = make_node(m, i, err);
        fault_point("lab.nodes");
        if (r >= 0)
                r = lay_links(m, err);
        if (r >= 0 && m->keeper > 0)
                r = let_keeper_lay(m, err);
        if (r >= 0 && t->management)
                r = lay_management(m, err);
        if (r >= 0)
                r = set_fabric_up(m, err);
        fault_point("lab.links");
        if (r >= 0)
                r = let_go(m->go[1], count_processes(t), err);
        if (r >= 0)
                r = await(m, count_processes(t), err);
        for (size_t i = 0; r >= 0 && i < t->n_nodes; i++)
                if (t->nodes[i].kind == NODE_ROUTER)
                        r = node_forward(m->nodes[i], err);
        return r;
}

/* They would die with this process before they have heard that they need not. */
static int release(const Maker *m) {
        size_t n = count_processes(m->plan->topology) + 1 + (m->keeper > 0);
        int r = let_go(m->release[1], n, NULL);

        return r < 0 ? r : await(m, n, NULL);
}

_Noreturn static void run(Maker *m, int socket, pid_t parent) {
        size_t size = m->plan->topology->n_nodes * sizeof *m->nodes;
        autoerr err = {};
        char byte = '+';

        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
                _exit(1);
        if (make_all(m, &err) < 0) {
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
