/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What uplinks need to know of the machine: interfaces, and how large packets may be. */

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <string.h>

#include "base/str.h"
#include "lab/outside.h"
#include "lab/rights.h"
#include "lab/uplink.h"
#include "netlink/link.h"
#include "netlink/link_keep.h"
#include "netlink/route.h"
#include "topology/domain.h"
#include "topology/management.h"
#include "topology/uplink.h"

#define ETHERNET_MTU 1500
#define JUMBO_MTU    9216
/* Ethernet header inside, VXLAN, UDP and IP around it (RFC 7348 §5). */
#define OVERHEAD4 (14 + 8 + 8 + 20)
#define OVERHEAD6 (14 + 8 + 8 + 40)

typedef struct DefaultRoute {
        int index;
} DefaultRoute;

static int take_default(const Route *route, void *context) {
        DefaultRoute *found = context;

        if (route->to.prefix == 0 && route->table == RT_TABLE_MAIN && route->index > 0 &&
            route->type == RTN_UNICAST && !found->index)
                found->index = route->index;
        return 0;
}

static int mtu_of_device(int nl, const char *name, uint32_t *ret) {
        Link link;
        int r = link_glance(nl, name, &link);

        if (r >= 0)
                *ret = link.mtu;
        return r;
}

static int mtu_of_index(int nl, int index, uint32_t *ret) {
        char name[IF_NAMESIZE];

        return if_indextoname((unsigned) index, name) ? mtu_of_device(nl, name, ret) : -ENODEV;
}

/* What goes through a tunnel without being cut up below. */
static int tunnel_mtu(int nl, const UplinkSpec *s, uint32_t *ret, Err *err) {
        uint32_t overhead = s->remote.family == AF_INET6 ? OVERHEAD6 : OVERHEAD4, below = 0;
        RouteAnswer way = {};
        int r = s->device ? mtu_of_device(nl, s->device, &below)
                          : route_lookup(nl, &s->remote, &way, err);

        if (r >= 0 && !s->device)
                r = mtu_of_index(nl, way.index, &below);
        if (r < 0)
                return r;
        /* A loopback's 64 KiB would not fit into a packet of UDP. */
        if (below > JUMBO_MTU)
                below = JUMBO_MTU;
        *ret = below > overhead + 68 ? below - overhead : 68;
        return 0;
}

static int find_mtu(const Home *home, int nl, const UplinkSpec *s, uint32_t *ret, Err *err) {
        DefaultRoute way = {};

        *ret = s->mtu;
        if (s->mtu)
                return 0;
        if (s->kind == UPLINK_VXLAN || s->kind == UPLINK_UDP)
                return tunnel_mtu(nl, s, ret, err);
        if (s->kind == UPLINK_HOST) {
                autoclose int there = s->bridge ? lab_open_outside(home, err) : -EBADF;

                return !s->bridge ? 0 : there < 0 ? there : mtu_of_device(there, s->bridge, ret);
        }
        if (s->device) {
                int r = mtu_of_device(nl, s->device, ret);

                if (*ret > UINT16_MAX) /* a loopback's, which is refused later */
                        *ret = UINT16_MAX;
                return r;
        }
        if (route_each(nl, AF_INET, take_default, &way, NULL) >= 0 && way.index)
                (void) mtu_of_index(nl, way.index, ret);
        return 0;
}

/* Frames that are too large for one port of a switch vanish there: nobody tells the sender. */
static void limit_domain(Topology *t, const size_t *domains, size_t node, uint32_t mtu) {
        const Node *n = &t->nodes[node];

        for (size_t k = 0; k < n->n_interfaces; k++)
                for (size_t i = 0; i < t->n_links; i++)
                        if (domains[i] == domains[n->interfaces[k].link] &&
                            (t->links[i].mtu == 0 || t->links[i].mtu > mtu))
                                t->links[i].mtu = mtu;
}

static bool same_setting(const Uplink *a, const Uplink *b, const char *key) {
        return str_equal(strv_env_get(a->settings, key), strv_env_get(b->settings, key));
}

/* That of an uplink by the same way in the lab as it is; 0: there is none.  The host may not have
 * its interface any more. */
static uint32_t known_mtu(const Uplink *u, const Topology *before) {
        for (size_t i = 0; before && i < before->n_uplinks; i++) {
                const Uplink *other = &before->uplinks[i];
                const char *text = strv_env_get(other->settings, "mtu");
                int mtu;

                if (str_equal(other->kind, u->kind) && same_setting(u, other, "device") &&
                    same_setting(u, other, "remote") && same_setting(u, other, "bridge") && text &&
                    parse_int(text, 68, 65535, &mtu) >= 0)
                        return (uint32_t) mtu;
        }
        return 0;
}

static int no_interface(const Home *home, const Topology *t, const Uplink *u, const char *name,
                        Err *err) {
        int r = topology_refuse(t, u->line, err, "there is no interface '%s'", name);

        return home->network ? err_hint(err, r,
                                        "it is looked for among the bridges of your containers, "
                                        "which 'isola network inspect' names")
                             : err_hint(err, r, "'ip link' lists those of this host");
}

static int resolve(const Home *home, int nl, Topology *t, const Topology *before,
                   const size_t *domains, Uplink *u, Err *err) {
        autouplinkspec s = {};
        uint32_t mtu = 0;
        int r = uplink_read(t, u, &s, err);

        if (r >= 0 && !s.mtu)
                mtu = known_mtu(u, before);
        if (r >= 0 && !mtu && (r = find_mtu(home, nl, &s, &mtu, err)) < 0 &&
            (!err || !err->message))
                return no_interface(home, t, u,
                                    s.bridge   ? s.bridge
                                    : s.device ? s.device
                                               : "?",
                                    err);
        if (r < 0)
                return r;
        if (mtu && !s.mtu && strv_addf(&u->settings, "mtu=%u", mtu) < 0)
                return fail(err, ENOMEM, "cannot work out the MTU of an uplink");
        if (mtu && mtu < ETHERNET_MTU && node_is_switch(&t->nodes[u->node]))
                limit_domain(t, domains, u->node, mtu);
        return 0;
}

int lab_resolve_uplinks(const Home *home, Topology *t, const Topology *before, Err *err) {
        autofree size_t *domains = NULL;
        autoclose int nl = -EBADF;
        int r = lab_fit_rights(t, err);

        if (r < 0 || t->n_uplinks == 0)
                return r;
        nl = nl_open();
        if (nl < 0 || topology_domains(t, &domains) < 0)
                return fail(err, nl < 0 ? nl : -ENOMEM, "cannot work out the MTUs of uplinks");
        for (size_t i = 0; r >= 0 && i < t->n_uplinks; i++)
                r = resolve(home, nl, t, before, domains, &t->uplinks[i], err);
        return r;
}

/* ---- checks ---- */

static int check_nic(int nl, const Topology *t, const Uplink *u, const Link *link, Err *err) {
        autolinkkept kept = {};
        int r;

        if (link->hardware != ARPHRD_ETHER)
                return topology_refuse(t, u->line, err, "the interface '%s' is no Ethernet's",
                                       link->name);
        if (link->master)
                return err_hint(err,
                                topology_refuse(t, u->line, err,
                                                "the interface '%s' is a port of another of the "
                                                "host's",
                                                link->name),
                                "kind host with 'bridge' gives the node a port of its own there");
        r = link_keep(nl, link->name, &kept, err);
        if (r < 0)
                return r;
        return link_kept_is_default(&kept)
                       ? err_hint(err,
                                  topology_refuse(t, u->line, err,
                                                  "the interface '%s' carries the host's default "
                                                  "route, and is not taken from it",
                                                  link->name),
                                  "kinds macvlan and nat leave it to the host")
                       : 0;
}

static int check_one(const Home *home, const Topology *t, const Uplink *u, Err *err) {
        autouplinkspec s = {};
        autoclose int nl = -EBADF;
        const char *name;
        Link link = {};
        int r = uplink_read(t, u, &s, err);

        if (r < 0)
                return r;
        name = s.kind == UPLINK_HOST ? s.bridge : s.device;
        if (!name)
                return 0;
        nl = lab_open_outside(home, err);
        if (nl < 0)
                return nl;
        r = link_get(nl, name, &link, NULL);
        if (r < 0)
                return no_interface(home, t, u, name, err);
        if (s.kind == UPLINK_NIC)
                return check_nic(nl, t, u, &link, err);
        if (s.kind == UPLINK_HOST && !str_equal(link.kind, "bridge"))
                return topology_refuse(t, u->line, err, "the interface '%s' is no bridge", name);
        if (s.kind != UPLINK_HOST && link.hardware != ARPHRD_ETHER)
                return topology_refuse(t, u->line, err, "the interface '%s' is no Ethernet's",
                                       name);
        return 0;
}

int lab_check_uplink(const Home *home, const Topology *t, size_t uplink, Err *err) {
        return check_one(home, t, &t->uplinks[uplink], err);
}

int lab_check_uplinks(const Home *home, const Topology *t, Err *err) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < t->n_uplinks; i++)
                r = lab_check_uplink(home, t, i, err);
        return r;
}
