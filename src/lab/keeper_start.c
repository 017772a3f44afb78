/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A keeper for a lab that is up
 *
 * Because it had none, or because its own was killed: the ends of links that it had are still in
 * their nodes, with addresses and routes, and are taken over.  What is drawn for packets and what
 * is counted begins anew; what was set and cut live is done again.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/str.h"
#include "kernel/ns.h"
#include "kernel/process.h"
#include "lab/device.h"
#include "lab/engine.h"
#include "lab/keeper.h"
#include "lab/lab_internal.h"
#include "lab/link.h"
#include "lab/link_state.h"
#include "lab/place.h"
#include "netlink/link.h"

typedef struct Starter {
        const Lab *lab;
        KeeperPlan plan;
        int pids[2], release[2], done[2], report[2];
} Starter;

bool lab_keeper_lives(const Lab *lab) {
        autoclose int pidfd = lab_process_pidfd(lab, &lab->state.keeper);

        return pidfd >= 0;
}

/* ---- its maker, in the lab's control group ---- */

static int send_pids(const Starter *s) {
        const pid_t fabric = s->lab->state.fabric.pid;
        int r = fd_write_all(s->pids[1], &fabric, sizeof fabric);

        for (size_t i = 0; r >= 0 && i < s->lab->state.n_nodes; i++) {
                const pid_t pid = s->lab->state.nodes[i].pid;

                r = fd_write_all(s->pids[1], &pid, sizeof pid);
        }
        return r;
}

/* The keeper is its child and dies with it until it has been released. */
_Noreturn static void make(Starter *s, int socket, pid_t parent) {
        char byte;
        pid_t pid;

        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
                _exit(1);
        pid = fork();
        if (pid == 0) {
                close_fd(s->pids[1]);
                close_fd(s->release[1]);
                close_fd(s->done[0]);
                close_fd(socket);
                s->plan.pids = s->pids[0];
                s->plan.release = s->release[0];
                s->plan.done = s->done[1];
                s->plan.report = s->report[1];
                keeper_main(&s->plan);
        }
        close_fd(s->pids[0]);
        close_fd(s->done[1]);
        if (pid < 0 || send_pids(s) < 0 || read(s->done[0], &byte, 1) != 1 || byte != '+' ||
            write(socket, &pid, sizeof pid) != sizeof pid || read(socket, &byte, 1) != 1 ||
            write(s->release[1], "", 1) != 1 || read(s->done[0], &byte, 1) != 1 ||
            write(socket, "", 1) != 1)
                _exit(1);
        _exit(0);
}

/* ---- the command ---- */

static int open_pipes(Starter *s) {
        int(*const pipes[])[2] = { &s->pids, &s->release, &s->done, &s->report };

        for (size_t i = 0; i < sizeof pipes / sizeof *pipes; i++)
                if (pipe2(*pipes[i], O_CLOEXEC) < 0)
                        return -errno;
        return 0;
}

/* But for the end that words come from. */
static void close_pipes(Starter *s) {
        s->report[1] = close_fd(s->report[1]);
        for (int i = 0; i < 2; i++) {
                s->pids[i] = close_fd(s->pids[i]);
                s->release[i] = close_fd(s->release[i]);
                s->done[i] = close_fd(s->done[i]);
        }
}

static int hear(Starter *s, int socket, pid_t *ret, Err *err) {
        int r;

        if (fd_read_all(socket, ret, sizeof *ret) == sizeof *ret)
                return 0;
        r = err_read(s->report[0], err);
        return r < 0 ? r : refuse(err, ECHILD, "the process that emulates links has ended at once");
}

static int record(Lab *lab, pid_t pid, Err *err) {
        int r = lab_note_process(&lab->state.keeper, pid, err);

        return r < 0 ? r : lab_save(lab, err);
}

static int start(Lab *lab, Starter *s, int cgroup, Err *err) {
        autoclose int pidfd = -EBADF;
        pid_t parent = getpid(), keeper, pid;
        siginfo_t info;
        int ends[2], r;
        char byte;

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
                return fail(err, errno, "cannot make a socket");
        pid = process_clone(0, cgroup, &pidfd);
        if (pid == 0) {
                close_fd(ends[0]);
                make(s, ends[1], parent);
        }
        close_fd(ends[1]);
        close_pipes(s);
        r = pid < 0 ? fail(err, pid, "cannot make a process") : hear(s, ends[0], &keeper, err);
        fault_point("keeper.started");
        if (r >= 0)
                r = record(lab, keeper, err);
        fault_point("keeper.recorded");
        if (r >= 0 && (write(ends[0], "", 1) != 1 || read(ends[0], &byte, 1) != 1))
                r = refuse(err, ECHILD, "the process that emulates links was killed");
        close_fd(ends[0]);
        if (r < 0 && pid > 0)
                process_kill_and_reap(pidfd);
        else if (pid > 0)
                (void) process_reap(pidfd, &info);
        return r;
}

/* ---- as it was ---- */

static int tell(const Lab *lab, size_t link, const char *verb, int direction, char **settings,
                Err *err) {
        autofree char *key = topology_link_key(lab->topology, &lab->topology->links[link]);
        const KeeperRequest request = {
                .verb = (char *) verb, .link = key, .direction = direction, .settings = settings
        };
        KeeperReply reply = {};
        int r = key ? lab_ask_keeper(lab, &request, NULL, 0, &reply, err)
                    : fail(err, ENOMEM, "cannot ask the lab's keeper");

        json_clear(&keeper_reply_type, &reply);
        return r;
}

static ssize_t find_link(const Lab *lab, const char *wanted) {
        for (size_t i = 0; i < lab->topology->n_links; i++) {
                autofree char *key = topology_link_key(lab->topology, &lab->topology->links[i]);

                if (str_equal(key, wanted))
                        return (ssize_t) i;
        }
        return -ENOENT;
}

static int restore(const Lab *lab, Err *err) {
        const Topology *t = lab->topology;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < lab->state.n_changes; i++) {
                const LinkChange *change = &lab->state.changes[i];
                ssize_t link = change->direction < 0 ? -ENOENT : find_link(lab, change->link);

                if (link >= 0 && link_engine(&t->links[link], NULL) == ENGINE_WIRE)
                        r = tell(lab, (size_t) link, "replace", change->direction, change->settings,
                                 err);
        }
        for (size_t i = 0; r >= 0 && i < t->n_links; i++)
                if (link_engine(&t->links[i], NULL) == ENGINE_WIRE && lab_link_is_cut(lab, i))
                        r = tell(lab, i, "cut", -1, NULL, err);
        return r;
}

static int ask_for_interface(void *context) {
        autoclose int nl = nl_open();
        Link link;

        return nl < 0 ? nl : link_get(nl, context, &link, NULL);
}

/* Ends have their carrier again, which the kernel notices at once where it is asked: see
 * node_network_settle(). */
static void settle(const Lab *lab) {
        const Topology *t = lab->topology;

        for (size_t i = 0; i < t->n_links; i++)
                for (int end = 0; link_engine(&t->links[i], NULL) == ENGINE_WIRE && end < 2;
                     end++) {
                        DeviceName name = device_name(t, t->links[i].sides[end]);
                        autoclose int netns =
                                lab_node_netns(lab, t->links[i].sides[end].node, NULL);

                        if (netns >= 0)
                                (void) netns_run(netns, ask_for_interface, name.text);
                }
}

int lab_start_keeper(Lab *lab, bool none, Err *err) {
        Starter s = { .lab = lab,
                      .plan = { .topology = lab->topology,
                                .priority = lab->state.priority,
                                .none = none,
                                .listener = -EBADF },
                      .pids = { -EBADF, -EBADF },
                      .release = { -EBADF, -EBADF },
                      .done = { -EBADF, -EBADF },
                      .report = { -EBADF, -EBADF } };
        autoptr(Cgroup) place = NULL;
        int r = lab_place(lab, &place, err);

        if (r < 0)
                return r;
        if (lab->state.keeper.pid > 0)
                lab->state.keeper_starts++;
        s.plan.starts = lab->state.keeper_starts;
        s.plan.listener = keeper_listen(lab, err);
        if (s.plan.listener < 0)
                return s.plan.listener;
        r = open_pipes(&s);
        r = r < 0 ? fail(err, r, "cannot make a pipe")
                  : start(lab, &s, place ? cgroup_fd(place) : -EBADF, err);
        if (r < 0)
                close_pipes(&s);
        close_fd(s.report[0]);
        close_fd(s.plan.listener);
        if (r < 0 || none)
                return r;
        settle(lab);
        return restore(lab, err);
}
