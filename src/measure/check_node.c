/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Tests of what a node says by itself: route, exec. */

#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "kernel/ns.h"
#include "measure/check_internal.h"
#include "netlink/route.h"

/* ---- route ---- */

typedef struct Lookup {
        Address to;
        RouteAnswer answer;
        char interface[IF_NAMESIZE];
        Err *err;
} Lookup;

static int look_up(void *context) {
        Lookup *l = context;
        autoclose int nl = nl_open();
        int r = nl < 0 ? nl : route_lookup(nl, &l->to, &l->answer, l->err);

        if (r >= 0 && !if_indextoname((unsigned) l->answer.index, l->interface))
                *l->interface = '\0';
        return r;
}

/* Whether the next hop is an address, or any address of a node. */
static bool is_via(const Topology *t, const char *via, const Address *gateway) {
        ssize_t node = topology_find_node(t, via);
        Address wanted;

        if (addr_parse(via, &wanted) >= 0)
                return addr_equal(&wanted, gateway);
        for (size_t i = 0; node >= 0 && i < t->nodes[node].n_interfaces; i++)
                for (size_t k = 0; k < t->nodes[node].interfaces[i].n_addresses; k++)
                        if (addr_equal(&t->nodes[node].interfaces[i].addresses[k], gateway))
                                return true;
        return false;
}

static int route_one(const Check *c, const CheckLab *lab, const Endpoint *from, const Endpoint *to,
                     int family, CheckOutcome *o, Err *err) {
        autofree char *name = endpoint_name(lab->topology, to);
        autoerr inner = {};
        Lookup l = { .err = &inner };
        char gateway[INET6_ADDRSTRLEN] = "";
        Station s;
        int r;

        if (!name || !endpoint_address(lab->topology, to, family, &l.to))
                return -ENOMEM;
        r = check_station(lab, from, family, &s, err);
        if (r < 0)
                return r;
        r = netns_run(s.netns, look_up, &l);
        close_fd(s.netns);
        if (r < 0)
                return c->expect == 1
                               ? check_detail(o, "there is no route to %s", name)
                               : check_failed(o, "there is no route to %s: %s", name, strerror(-r));
        if (l.answer.gateway.family)
                addr_text(&l.answer.gateway, gateway);
        r = check_detail(o, "to %s%s%s dev %s", name, *gateway ? " via " : "", gateway,
                         l.interface);
        if (r >= 0 && c->expect == 1)
                return check_failed(o, "there is a route to %s, which there should not be", name);
        if (r >= 0 && c->via && !is_via(lab->topology, c->via, &l.answer.gateway))
                r = check_failed(o, "the next hop is %s, not %s",
                                 *gateway ? gateway : "the destination itself", c->via);
        if (r >= 0 && c->interface && !str_equal(c->interface, l.interface))
                r = check_failed(o, "it leaves by %s, not %s", l.interface, c->interface);
        return r;
}

int check_route(const Check *c, const CheckLab *lab, CheckOutcome *o, Err *err) {
        return check_pairs(c, route_one, lab, o, err);
}

/* ---- exec ---- */

static bool has_output(const char *wanted, const char *output) {
        return strpbrk(wanted, "*?") ? str_glob(wanted, output) : strstr(output, wanted) != NULL;
}

/* As a shell's $(…) takes it. */
static void cut_newlines(char *text) {
        for (size_t n = strlen(text); n > 0 && text[n - 1] == '\n'; n--)
                text[n - 1] = '\0';
}

int check_exec(const Check *c, const CheckLab *lab, CheckOutcome *o, Err *err) {
        autofree char *output = NULL, *shown = NULL;
        int code = 0, r;

        if (!lab->exec)
                return refuse(err, ENOTSUP, "commands cannot be run here");
        r = lab->exec(lab->context, (size_t) c->from.list[0].node, c->command, c->timeout_ns, &code,
                      &output, err);
        if (r < 0)
                return r;
        if (output)
                cut_newlines(output);
        if (output && *output) {
                shown = str_printable_lines(output);
                r = check_detail(o, "it wrote: %.2000s", shown ? shown : "");
        }
        if (r >= 0 && code != c->exit)
                r = check_failed(o, "its exit code is %d, wanted %d", code, (int) c->exit);
        if (r >= 0 && c->output && !has_output(c->output, output ? output : ""))
                r = check_failed(o, "its output is not as '%s'", c->output);
        return r;
}
