/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"
#include "base/nearest.h"
#include "base/str.h"
#include "kernel/ns.h"
#include "kernel/process.h"
#include "lab/control.h"
#include "lab/device.h"
#include "lab/lab_internal.h"
#include "lab/switches.h"
#include "netlink/link.h"
#include "openflow/controller.h"
#include "openflow/openflow.h"
#include "openflow/ovs.h"
#include "openflow/relay.h"
#include "openflow/target.h"

#define LEARNING   "learning"
#define RECORD_MAX (16u << 20)
#define LOOPBACK   1 /* index of lo, in every network */

/* ---- names ---- */

/* "tcp:NODE[:PORT]": the node, and the same at its own loopback, the caller's; -ENOENT: it names no
 * node. */
static ssize_t node_of_target(const Topology *t, const char *target, char **ret) {
        const char *name = str_after(target, "tcp:");
        size_t length = name ? strcspn(name, ":") : 0;
        autofree char *node = strndup(name ? name : "", length);
        ssize_t index = node ? topology_find_node(t, node) : -ENOMEM;

        if (index < 0)
                return index;
        *ret = str_format("tcp:127.0.0.1%s", name + length);
        return *ret ? index : -ENOMEM;
}

static int refuse_controller(const Topology *t, const Node *n, const char *controller, Err *err) {
        const char *name = str_after(controller, "tcp:");
        autofree char *word = strndup(name ? name : "", name ? strcspn(name, ":") : 0);
        autofree const char **names = calloc(t->n_nodes + 1, sizeof *names);
        const char *nearest;
        int r = topology_refuse(t, n->line, err,
                                "'%s' is no controller: learning, tcp:ADDRESS:PORT or "
                                "tcp:NODE:PORT",
                                controller);

        for (size_t i = 0; names && i < t->n_nodes; i++)
                names[i] = t->nodes[i].name;
        nearest = names && !str_empty(word) ? nearest_name(word, names) : NULL;
        return nearest ? err_hint(err, r, "there is a node '%s'", nearest) : r;
}

int lab_check_controllers(const Topology *t, const Node *n, Err *err) {
        strv_foreach(c, n->controllers) {
                autofree char *within = NULL;
                struct sockaddr_storage address;
                socklen_t size;
                ssize_t node;

                if (str_equal(*c, LEARNING))
                        continue;
                node = node_of_target(t, *c, &within);
                if (node >= 0 && node_is_switch(&t->nodes[node]))
                        return topology_refuse(t, n->line, err,
                                               "'%s' is no controller: '%s' is a switch", *c,
                                               t->nodes[node].name);
                if (target_parse_tcp(within ? within : *c, &address, &size, NULL) < 0)
                        return refuse_controller(t, n, *c, err);
        }
        return 0;
}

char *lab_controller_target(const Lab *lab, const char *directory, size_t node, size_t controller) {
        const Node *n = &lab->topology->nodes[node];

        if (str_equal(n->controllers[controller], LEARNING))
                return ovs_controller(directory, device_of_switch(lab->topology, node).text);
        return str_format("tcp:127.1.%zu.%zu:%zu", node / 256 % 256, node % 256,
                          OF_TCP_PORT + controller);
}

/* ---- the process ---- */

typedef struct Control {
        const Lab *lab;
        const char *directory;
        const char *controller; /* as the file says it */
        unsigned number;        /* of its files; 0: none */
} Control;

static char *file_of(const Control *c, const char *suffix) {
        return c->number ? str_format("%s/control-%u.%s", c->directory, c->number, suffix)
                         : str_format("%s/control.%s", c->directory, suffix);
}

/* What was said first is what explains the rest; the file is in memory, where $RUN is. */
static int start_recorder(const Control *c, Recorder **ret, Err *err) {
        autofree char *file = file_of(c, "pcapng");
        int fd = file ? open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;

        if (fd < 0)
                return fail(err, file ? errno : ENOMEM, "cannot record the control channel");
        return recorder_open(fd, RECORD_MAX, ret, err);
}

/* Numbers that were free would become switches' connections, and warnings go to number 2. */
static int redirect(const Control *c, Err *err) {
        autofree char *file = file_of(c, "log");
        autoclose int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        autoclose int log = file ? open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;

        if (null < 0 || log < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(log, 2) < 0)
                return fail(err, file ? errno : ENOMEM, "cannot open '%s'", file ? file : "a log");
        return 0;
}

typedef struct Loop {
        OfController *controller;
        OfRelay *relay;
} Loop;

static int loop_listen(Loop *loop, int listener, const char *name, Err *err) {
        return loop->relay ? of_relay_listen(loop->relay, listener, name, err)
                           : of_controller_listen(loop->controller, listener, name, err);
}

/* For each switch that has this controller; in the network of the switches. */
static int listen_for(const Control *c, Loop *loop, Err *err) {
        const Topology *t = c->lab->topology;

        for (size_t i = 0; i < t->n_nodes; i++) {
                size_t n = t->nodes[i].kind == NODE_OVS_BRIDGE
                                   ? strv_length(t->nodes[i].controllers)
                                   : 0;

                for (size_t k = 0; k < n; k++) {
                        autofree char *target = NULL;
                        int listener, r;

                        if (!str_equal(t->nodes[i].controllers[k], c->controller))
                                continue;
                        target = lab_controller_target(c->lab, c->directory, i, k);
                        listener = target ? target_listen(target, err)
                                          : fail(err, ENOMEM, "no memory");
                        if (listener < 0)
                                return listener;
                        r = loop_listen(loop, listener, device_of_switch(t, i).text, err);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

static int enter_network(int netns, Err *err) {
        return setns(netns, CLONE_NEWNET) < 0 ? fail(err, errno, "cannot enter a network") : 0;
}

/* The switches' own addresses, 127.0.0.0/8, are there once lo is up. */
static int set_loopback_up(Err *err) {
        autoclose int nl = nl_open();
        autonl NlMessage m;

        if (nl < 0)
                return fail(err, nl, "cannot speak to the kernel's network");
        nl_begin_empty(&m);
        link_next_up(&m, LOOPBACK);
        return nl_call(nl, &m, err);
}

typedef struct Listen {
        const Control *control;
        Loop *loop;
        Err *err;
} Listen;

static int listen_among_switches(void *context) {
        const Listen *l = context;
        int r = set_loopback_up(l->err);

        return r < 0 ? r : listen_for(l->control, l->loop, l->err);
}

/* Listens among the switches, and is itself where the controller is reached from: an ordinary user
 * could not come back to the machine's network. */
static int make_relay(const Control *c, Recorder *recorder, Loop *loop, Err *err) {
        const Topology *t = c->lab->topology;
        autofree char *within = NULL;
        ssize_t node = node_of_target(t, c->controller, &within);
        autoclose int outside = node < 0 ? -EBADF : lab_node_netns(c->lab, (size_t) node, err),
                      switches =
                              node >= 0 && outside < 0 ? outside : lab_switches_netns(c->lab, err);
        Listen listen = { c, loop, err };
        int r = switches;

        if (r >= 0)
                r = of_relay_new(within ? within : c->controller, recorder, &loop->relay, err);
        if (r >= 0)
                r = netns_run(switches, listen_among_switches, &listen);
        if (r < 0 && err && !err->message)
                return fail(err, r, "cannot enter a network");
        return r < 0 || node < 0 ? r : enter_network(outside, err);
}

static int make_loop(const Control *c, Recorder *recorder, Loop *loop, Err *err) {
        int r;

        if (!str_equal(c->controller, LEARNING))
                return make_relay(c, recorder, loop, err);
        r = of_controller_new(&(OfControllerOptions){ .recorder = recorder }, &loop->controller,
                              err);
        return r < 0 ? r : listen_for(c, loop, err);
}

/* It is nobody but the lab's root, and ends with the fabric. */
_Noreturn static void control(const Control *c, int report) {
        /* A relay stays in the network that it connects from. */
        const int spaces = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC |
                           (str_equal(c->controller, LEARNING) ? CLONE_NEWNET : 0);
        autoclose int fabric = lab_process_pidfd(c->lab, &c->lab->state.fabric);
        autoptr(Recorder) recorder = NULL;
        autoerr err = {};
        Loop loop = {};
        int r = redirect(c, &err);

        if (r >= 0)
                r = start_recorder(c, &recorder, &err);
        (void) prctl(PR_SET_NAME, "isola-control");
        (void) setsid();
        if (r >= 0)
                r = make_loop(c, recorder, &loop, &err);
        if (r >= 0 && (fabric < 0 || setns(fabric, spaces) < 0 || process_become_root() < 0))
                r = fail(&err, errno, "cannot enter the lab's fabric");
        if (r < 0) {
                err_write(report, &err);
                _exit(1);
        }
        close_fd(report);
        if (loop.relay)
                (void) of_relay_run(loop.relay, fabric, NULL);
        else
                (void) of_controller_run(loop.controller, fabric, NULL);
        _exit(0);
}

static int start_controller(const Control *c, LabProcess *ret, Err *err) {
        int report[2], r;
        pid_t pid;

        if (pipe2(report, O_CLOEXEC) < 0)
                return fail(err, errno, "cannot make a pipe");
        pid = fork();
        if (pid == 0) {
                /* The lock of the lab is this command's alone. */
                process_close_range(3, (unsigned) report[1] - 1);
                process_close_range((unsigned) report[1] + 1, ~0u);
                control(c, report[1]);
        }
        close_fd(report[1]);
        r = pid < 0 ? fail(err, errno, "cannot make a process") : err_read(report[0], err);
        close_fd(report[0]);
        if (r >= 0 && waitpid(pid, NULL, WNOHANG) != 0)
                r = refuse(err, ECHILD, "it has ended without a word");
        if (r >= 0)
                r = lab_note_process(ret, pid, err);
        return r < 0 ? err_prefix(err, r, "cannot start the controller '%s'", c->controller) : 0;
}

/* ---- all of a lab ---- */

static bool is_started(const Lab *lab, const char *controller) {
        for (size_t i = 0; i < lab->state.n_controllers; i++)
                if (str_equal(lab->state.controllers[i].name, controller))
                        return true;
        return false;
}

static int add_controller(Lab *lab, const char *directory, const char *controller, Err *err) {
        Control one = { lab, directory, controller, 0 };
        LabProcess *p;

        if (is_started(lab, controller))
                return 0;
        if (!str_equal(controller, LEARNING))
                one.number = (unsigned) lab->state.n_controllers + !is_started(lab, LEARNING);
        p = json_grow(&lab->state.controllers, &lab->state.n_controllers, sizeof *p);
        if (!p || str_set(&p->name, controller) < 0)
                return fail(err, ENOMEM, "cannot start the controller '%s'", controller);
        return start_controller(&one, p, err);
}

int lab_start_controllers(Lab *lab, const char *directory, Err *err) {
        const Topology *t = lab->topology;
        int r = 0;

        for (size_t i = 0; i < t->n_nodes; i++)
                if (t->nodes[i].kind == NODE_OVS_BRIDGE)
                        strv_foreach(c, t->nodes[i].controllers)
                                if (r >= 0)
                                        r = add_controller(lab, directory, *c, err);
        return r;
}

/* The process of the node that a controller runs in; 0: it runs in none. */
static int pid_of(const Lab *lab, const char *controller) {
        autofree char *within = NULL;
        ssize_t node = node_of_target(lab->topology, controller, &within);

        return node < 0 ? 0 : lab->state.nodes[node].pid;
}

/* What listens where for whom, and where the controllers are: all that has to stay for them to go
 * on as they are. */
static char *describe(const Lab *lab) {
        const Topology *t = lab->topology;
        autostr s = {};

        for (size_t i = 0; i < t->n_nodes; i++)
                if (t->nodes[i].kind == NODE_OVS_BRIDGE)
                        strv_foreach(c, t->nodes[i].controllers)
                                str_printf(&s, "%zu %s %s %d\n", i, t->nodes[i].name, *c,
                                           pid_of(lab, *c));
        str_put(&s, "\n");
        return str_take(&s);
}

int lab_change_controllers(const Lab *from, Lab *to, const char *directory, Err *err) {
        autofree char *before = describe(from), *after = describe(to);
        LabState *s = &to->state;
        int r = before && after ? 0 : fail(err, ENOMEM, "cannot change the lab's controllers");

        if (r < 0 || str_equal(before, after))
                return r;
        for (size_t i = 0; r >= 0 && i < s->n_controllers; i++)
                r = lab_end_process(to, &s->controllers[i], err);
        for (; r >= 0 && s->n_controllers > 0; s->n_controllers--)
                free(s->controllers[s->n_controllers - 1].name);
        if (r >= 0)
                r = lab_start_controllers(to, directory, err);
        return r < 0 ? r : 1;
}
