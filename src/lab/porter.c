/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/network.h"
#include "engine/port_relay.h"
#include "engine/port_spec.h"
#include "engine/publish.h"
#include "engine/uplink.h"
#include "kernel/proc_stat.h"
#include "kernel/process.h"
#include "lab/lab_internal.h"
#include "lab/outside.h"
#include "lab/porter.h"
#include "netlink/nft.h"
#include "topology/management.h"

#define FILE_NAME "ports.json"

static const JsonField port_fields[] = {
        JSON_STRING(LabPort, node, "node", JSON_REQUIRED),
        JSON_STRING(LabPort, port, "port", JSON_REQUIRED),
        JSON_STRING(LabPort, host_ip, "hostIp", JSON_ALWAYS),
        JSON_STRING(LabPort, host_port, "hostPort", JSON_REQUIRED),
        {},
};
static const JsonType port_type = { sizeof(LabPort), port_fields };

static const JsonField ports_fields[] = {
        JSON_ARRAY(LabPorts, ports, LabPort, "ports", &port_type),
        {},
};
static const JsonType ports_type = { sizeof(LabPorts), ports_fields };

void lab_ports_clear(LabPorts *ports) {
        json_clear(&ports_type, ports);
}

int lab_published_ports(const Lab *lab, LabPorts *ret, Err *err) {
        autoerr why = {};
        int r = json_load(&ports_type, lab->dir, FILE_NAME, ret, &why);

        return r == -ENOENT || r >= 0 ? 0 : refuse(err, r, "%s", why.message);
}

static bool publishes(const Topology *t, size_t node) {
        return t->nodes[node].ports && node_is_managed(t, &t->nodes[node]);
}

/* ---- the process: all of this is in it ---- */

/* What one node has published. */
typedef struct Door {
        Endpoint endpoint;
        PublishedPort *ports;
        size_t n_ports;
        PortRelay *port_relay;
} Door;

static int describe_endpoint(const Topology *t, const Node *n, Endpoint *e) {
        const Address gateway = management_gateway(&t->management_net);
        char text[INET6_ADDRSTRLEN];

        addr_text(&n->management, text);
        e->ip_address = strdup(text);
        addr_text(&n->management6, text);
        e->ip6_address = strdup(text);
        addr_text(&gateway, text);
        e->gateway = strdup(text);
        return e->ip_address && e->ip6_address && e->gateway ? 0 : -ENOMEM;
}

static int read_ports(const Node *n, Door *door, Err *err) {
        autoptr(Container) c = calloc(1, sizeof *c);
        int r = 0;

        if (!c)
                return fail(err, ENOMEM, "cannot publish ports");
        c->dir = -EBADF;
        strv_foreach(port, n->ports)
                if (r >= 0)
                        r = port_publish(*port, &c->config, &c->host, err);
        return r < 0 ? r : publish_collect(c, &door->ports, &door->n_ports, err);
}

static int note_ports(const Node *n, const Door *door, LabPorts *list) {
        PortMap *maps = NULL;
        size_t n_maps = 0;
        int r = publish_report(door->ports, door->n_ports, &maps, &n_maps);

        for (size_t i = 0; r >= 0 && i < n_maps; i++)
                for (size_t k = 0; r >= 0 && k < maps[i].n_bindings; k++) {
                        LabPort *p = json_grow(&list->ports, &list->n_ports, sizeof *p);

                        if (!p || str_set(&p->node, n->name) < 0 ||
                            str_set(&p->port, maps[i].port) < 0 ||
                            str_set(&p->host_ip, maps[i].bindings[k].host_ip) < 0 ||
                            str_set(&p->host_port, maps[i].bindings[k].host_port) < 0)
                                r = -ENOMEM;
                }
        for (size_t i = 0; i < n_maps; i++)
                json_clear(&port_map_type, &maps[i]);
        free(maps);
        return r;
}

static int open_door(const Lab *lab, size_t node, Door *door, LabPorts *list, Err *err) {
        const Node *n = &lab->topology->nodes[node];
        int r = describe_endpoint(lab->topology, n, &door->endpoint);

        if (r < 0)
                return fail(err, r, "cannot publish ports");
        r = read_ports(n, door, err);
        if (r >= 0)
                r = network_publish(lab->home, lab->state.id, &door->endpoint, door->ports,
                                    door->n_ports, err);
        if (r < 0)
                return err_prefix(err, r, "node '%s'", n->name);
        r = port_relay_open(lab->home, &door->endpoint, door->ports, door->n_ports,
                            &door->port_relay);
        if (r >= 0)
                r = note_ports(n, door, list);
        return r < 0 ? fail(err, r, "cannot publish the ports of node '%s'", n->name) : 0;
}

static int open_doors(const Lab *lab, Door *doors, size_t *ret_n, Err *err) {
        autolabports list = {};
        int r = 0;

        for (size_t i = 0; r >= 0 && i < lab->topology->n_nodes; i++)
                if (publishes(lab->topology, i))
                        r = open_door(lab, i, &doors[(*ret_n)++], &list, err);
        fault_point("porter.published");
        return r < 0 ? r : json_save(&ports_type, lab->dir, FILE_NAME, &list, false, err);
}

_Noreturn static void serve(const Door *doors, size_t n) {
        autofree struct pollfd *polled = calloc(n, sizeof *polled);

        if (!polled)
                _exit(1);
        for (;;) {
                for (size_t i = 0; i < n; i++)
                        polled[i] = (struct pollfd){ .fd = port_relay_fd(doors[i].port_relay),
                                                     .events = POLLIN };
                (void) poll(polled, n, -1);
                for (size_t i = 0; i < n; i++)
                        if (polled[i].revents)
                                port_relay_run(doors[i].port_relay);
        }
}

/* What the engine keeps open, where it speaks to the firewall. */
static int open_nft(void *job, Err *err) {
        int *nft = job;

        *nft = nft_socket();
        return 0;
}

/* The lab's lock stays with the command alone, and so does all else that it has open. */
static void close_others(const Lab *lab, int report, int go) {
        const HomeNetwork *network = lab->home->network;
        int nft = -EBADF;

        (void) uplink_run(lab->home, open_nft, &nft, NULL);
        const int keep[] = { 0,
                             1,
                             2,
                             lab->home->run_fd,
                             lab->home->data_fd,
                             lab->dir,
                             report,
                             go,
                             nft,
                             network ? network->netns : -EBADF };

        process_close_all_but(keep, sizeof keep / sizeof *keep);
}

/* The command's terminal or pipes; numbers that were free would become connections. */
static void let_streams_go(void) {
        autoclose int null = open("/dev/null", O_RDWR | O_CLOEXEC);

        for (int fd = 0; fd <= 2; fd++)
                if (null < 0 || dup2(null, fd) < 0)
                        _exit(1);
}

_Noreturn static void porter_main(const Lab *lab, int report, int go) {
        autofree Door *doors = calloc(lab->topology->n_nodes, sizeof *doors);
        autoerr err = {};
        size_t n = 0;
        char byte;

        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void) prctl(PR_SET_NAME, "isola-porter");
        (void) signal(SIGPIPE, SIG_IGN);
        (void) setsid();
        close_others(lab, report, go);
        if (!doors || open_doors(lab, doors, &n, &err) < 0) {
                err_write(report, &err);
                _exit(1);
        }
        if (write(report, "+", 1) != 1 || read(go, &byte, 1) != 1)
                _exit(1);
        (void) prctl(PR_SET_PDEATHSIG, 0);
        if (write(report, "+", 1) != 1)
                _exit(1);
        let_streams_go();
        close_fd(report);
        close_fd(go);
        serve(doors, n);
}

/* ---- in the command ---- */

static int hear(int report, Err *err) {
        char words[ERR_WIRE_MAX];
        ssize_t n = read(report, words, sizeof words - 1);
        int r;

        if (n == 1 && words[0] == '+')
                return 0;
        r = n > 0 ? err_parse(words, (size_t) n, err) : 0;
        return r < 0 ? r : refuse(err, ECHILD, "the process that publishes ports has ended");
}

static int release(Lab *lab, pid_t pid, int report, int go, Err *err) {
        int r = hear(report, err);

        if (r < 0)
                return r;
        lab->state.porter.pid = pid;
        r = process_start_time(pid, &lab->state.porter.start_time);
        if (r < 0)
                return fail(err, r, "the process that publishes ports has ended");
        r = lab_save(lab, err);
        fault_point("porter.recorded");
        if (r >= 0 && write(go, "", 1) != 1)
                r = fail(err, errno, "the process that publishes ports has ended");
        /* It would die with this process before it has heard that it need not. */
        return r < 0 ? r : hear(report, err);
}

/* Those of an earlier porter. */
static int withdraw(Lab *lab, Err *err) {
        int r;

        if (lab->state.porter.pid == 0)
                return 0;
        r = lab_end_process(lab, &lab->state.porter, err);
        if (r < 0)
                return r;
        network_release_all(lab->home, lab->state.id);
        lab->state.porter = (LabProcess){};
        (void) unlinkat(lab->dir, FILE_NAME, 0);
        return 0;
}

int lab_publish_ports(Lab *lab, Err *err) {
        int report[2] = { -EBADF, -EBADF }, go[2] = { -EBADF, -EBADF }, r = 0;
        autoclose int there = -EBADF;
        bool any = false;
        pid_t pid;

        r = withdraw(lab, err);
        if (r < 0)
                return r;
        for (size_t i = 0; i < lab->topology->n_nodes; i++)
                any = any || publishes(lab->topology, i);
        if (lab_keeps_outside(lab))
                any = true;
        if (!any)
                return 0;
        /* So that it has the namespace of its own open, if there is one. */
        there = lab_open_outside(lab->home, err);
        if (there < 0)
                return there;
        if (pipe2(report, O_CLOEXEC) < 0 || pipe2(go, O_CLOEXEC) < 0)
                r = fail(err, errno, "cannot make a pipe");
        pid = r < 0 ? -1 : fork();
        if (pid == 0)
                porter_main(lab, report[1], go[0]);
        report[1] = close_fd(report[1]);
        go[0] = close_fd(go[0]);
        if (r >= 0)
                r = pid < 0 ? fail(err, errno, "cannot make a process")
                            : release(lab, pid, report[0], go[1], err);
        close_fd(report[0]);
        close_fd(go[1]);
        return r < 0 ? err_prefix(err, r, "cannot publish ports") : 0;
}
