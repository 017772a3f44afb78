/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Bridges and the cables to them
 *
 * A container is connected with one batch of netlink messages, sent from inside
 * its network namespace: the cable (host end already a port of the bridge, both
 * ends up), lo, the addresses and routes.  What it stands on, the bridge and the
 * firewall, is only glanced at, and made when the glance does not find it; so
 * whatever removes them, the next container mends it.
 *
 * Whoever attaches holds the network's lock shared from that glance until the
 * cable is plugged in; whoever removes a bridge holds it exclusively.
 *
 * The interfaces go with the container's network namespace.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/network_firewall.h"
#include "engine/network_forwarding.h"
#include "engine/network_guard.h"
#include "engine/network_internal.h"
#include "engine/uplink.h"
#include "kernel/idmap.h"
#include "kernel/ns.h"
#include "netlink/nft.h"

/* The index of eth0 is chosen beforehand, so that one batch can make and address it.  Some kernels
 * put tunnel devices into every new namespace, which take the first numbers. */
static const int indices[] = { 2, 64, 4711 };

#define OPERATIONAL    6 /* IF_OPER_UP of linux/if.h, which does not go with net/if.h */
#define LOOPBACK_INDEX 1 /* net/core/dev.c: always the first */

int network_parse_mac(const char *text, uint8_t mac[6]) {
        unsigned byte[6];

        if (!text || sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x", &byte[0], &byte[1], &byte[2], &byte[3],
                            &byte[4], &byte[5]) != 6)
                return -EINVAL;
        for (int i = 0; i < 6; i++)
                mac[i] = (uint8_t) byte[i];
        return 0;
}

static int parse_net(const char *address, const char *subnet, Address *ret) {
        Address net;

        if (addr_parse(address, ret) < 0 || addr_parse(subnet, &net) < 0)
                return -EINVAL;
        ret->prefix = net.prefix;
        return 0;
}

static int take_mtu_device(const Route *route, void *context) {
        int *index = context;

        if (route->to.prefix == 0 && route->table == RT_TABLE_MAIN && route->index > 0 && !*index)
                *index = route->index;
        return 0;
}

/* The MTU that the user wants, or that of the way out, or 0 for the kernel's.  In a user's own
 * network namespace it is pasta's, which is about to come: each packet costs it a system call. */
static uint32_t choose_mtu(const Network *n, int nl) {
        const char *wanted = strv_env_get(n->options, "com.docker.network.driver.mtu");
        char name[IF_NAMESIZE];
        int mtu, index = 0;
        Link link;

        if (wanted && parse_int(wanted, 68, 65535, &mtu) >= 0)
                return (uint32_t) mtu;
        if (route_each(nl, AF_INET, take_mtu_device, &index, NULL) < 0 || !index)
                return idmap_is_inside() ? UPLINK_MTU : 0;
        if (!if_indextoname((unsigned) index, name) || link_glance(nl, name, &link) < 0)
                return 0;
        return link.mtu;
}

static int set_sysctl(const char *family, const char *name, const char *key, const char *value) {
        NetworkPath path = network_path("/proc/sys/net/%s/conf/%s/%s", family, name, key);

        return file_write(AT_FDCWD, path.text, value);
}

static bool sysctl_is(const char *path, const char *value) {
        autofree char *text = NULL;

        return file_read_line(AT_FDCWD, path, &text) >= 0 && str_equal(text, value);
}

static int switch_on_forwarding(const Network *n, Err *err) {
        autofree char *whom = str_format("network '%s'", n->name);
        autostrv changes = NULL;
        int r = forwarding_plan(n->subnet6, &changes, err);

        return r < 0 ? r : forwarding_switch_on(changes, whom ? whom : n->name, err);
}

/* Brings the bridge up with the gateway's address of one family. */
static int raise_bridge(const Network *n, int nl, int index, const char *gateway,
                        const char *subnet, Err *err) {
        NlMessage m;
        Address a;
        int r;

        if (parse_net(gateway, subnet, &a) < 0)
                return refuse(err, EINVAL, "network '%s' has a bad gateway '%s'", n->name, gateway);
        nl_begin_empty(&m);
        link_next_up(&m, index);
        addr_next_add(&m, index, &a);
        r = nl_call(nl, &m, err);
        return r < 0 ? err_prefix(err, r, "cannot give '%s' to '%s'", gateway, n->bridge) : 0;
}

/*
 * Replies to connections from this host's 127.0.0.1 come in by the bridge; the firewall keeps
 * everybody else's packets for that address out.  No router advertises itself here.  Duplicates of
 * addresses that we choose need no detection, which would silence IPv6 for the first two seconds.
 */
static void set_up_bridge(const Network *n) {
        int r = set_sysctl("ipv4", n->bridge, "route_localnet", "1");

        if (r < 0)
                log_warn("ports are not published on 127.0.0.1: cannot set route_localnet of "
                         "'%s': %s",
                         n->bridge, strerror(-r));
        (void) set_sysctl("ipv6", n->bridge, "disable_ipv6", n->subnet6 ? "0" : "1");
        (void) set_sysctl("ipv6", n->bridge, "accept_ra", "0");
        (void) set_sysctl("ipv6", n->bridge, "accept_dad", "0");
}

static int address_bridge(const Network *n, int nl, int index, Err *err) {
        int r = raise_bridge(n, nl, index, n->gateway, n->subnet, err);

        if (r < 0 || !n->subnet6)
                return r;
        r = network_has_ipv6() ? raise_bridge(n, nl, index, n->gateway6, n->subnet6, NULL)
                               : -EAFNOSUPPORT;
        if (r < 0)
                log_debug("network '%s' goes without IPv6: %s", n->name, strerror(-r));
        return 0;
}

int network_raise(const Network *n, Err *err) {
        autoclose int nl = nl_open();
        Link link;
        int r = nl < 0 ? nl : link_glance(nl, n->bridge, &link);

        if (r < 0)
                return fail(err, r, "cannot find interface '%s'", n->bridge);
        set_up_bridge(n);
        return address_bridge(n, nl, link.index, err);
}

int network_make_bridge(const Network *n, Err *err) {
        autoclose int nl = nl_open();
        uint8_t mac[6] = { 0x02, 0x42 };
        Address gateway;
        Link bridge;
        int r;

        if (nl < 0)
                return fail(err, nl, "cannot open a netlink socket");
        if (addr_parse(n->gateway, &gateway) < 0)
                return refuse(err, EINVAL, "network '%s' has a bad gateway '%s'", n->name,
                              n->gateway);

        if (link_glance(nl, n->bridge, &bridge) == -ENODEV) {
                r = network_check_free(n, err);
                /* Its own bridge, which somebody else has made in between, is no rival. */
                if (r < 0 && link_glance(nl, n->bridge, &bridge) == -ENODEV)
                        return r;
                if (r < 0 && err)
                        err_clear(err);
        }
        memcpy(mac + 2, gateway.bytes, 4);
        log_debug("making bridge '%s' for network '%s'", n->bridge, n->name);
        {
                autoerr why = {};

                r = link_add_bridge(nl, n->bridge, choose_mtu(n, nl), mac, &why);
                if (r < 0 && r != -EEXIST)
                        return refuse(err, r, "%s", why.message);
        }
        r = network_raise(n, err);
        return r < 0 ? r : switch_on_forwarding(n, err);
}

/* Adds the messages that make eth0 usable; IPv6 comes last.  Returns the number of the first that
 * is about IPv6, or 0. */
static int put_addresses(NlMessage *m, const Endpoint *e, int index, unsigned *ret_first6) {
        Address a, gateway;

        if (addr_parse(e->ip_address, &a) < 0)
                return -EINVAL;
        a.prefix = (uint8_t) e->ip_prefix;
        addr_next_add(m, index, &a);
        if (!str_empty(e->gateway)) {
                if (addr_parse(e->gateway, &gateway) < 0)
                        return -EINVAL;
                route_next_add(m, index, NULL, &gateway);
        }
        /* Waits for the carrier: before, the first packet would be dropped and sent again after a
         * second. */
        link_next_get(m, index);
        *ret_first6 = 0;
        if (str_empty(e->ip6_address))
                return 0;

        if (addr_parse(e->ip6_address, &a) < 0)
                return -EINVAL;
        a.prefix = (uint8_t) e->ip6_prefix;
        addr_next_add(m, index, &a);
        *ret_first6 = m->n;
        if (!str_empty(e->gateway6)) {
                if (addr_parse(e->gateway6, &gateway) < 0)
                        return -EINVAL;
                route_next_add(m, index, NULL, &gateway);
        }
        return 0;
}

/*
 * Settings that eth0 is born with.  No router speaks for the network but the one we set
 * (CVE-2020-13401), and no duplicates have to be looked for.
 */
static void set_up_ipv6(bool wanted) {
        if (!wanted) {
                (void) set_sysctl("ipv6", "default", "disable_ipv6", "1");
                return;
        }
        (void) set_sysctl("ipv6", "default", "accept_ra", "0");
        (void) set_sysctl("ipv6", "default", "accept_dad", "0");
}

/* Runs in the container's network namespace; host is the one that has the bridge. */
static int connect_inside(const Endpoint *e, const Link *bridge, int host, int netns, int index,
                          Err *err) {
        LinkEnd outer = { .name = e->interface,
                          .netns = host,
                          .master = bridge->index,
                          .mtu = bridge->mtu,
                          .up = true };
        /* The second end has no peer to open with until the message is done (veth_open()). */
        LinkEnd inner = { .name = "eth0", .netns = netns, .index = index, .mtu = bridge->mtu };
        autoclose int nl = nl_open();
        uint8_t mac[6];
        unsigned first6;
        NlMessage m;
        int r;

        if (nl < 0)
                return fail(err, nl, "cannot open a netlink socket");
        if (network_parse_mac(e->mac_address, mac) < 0)
                return refuse(err, EINVAL, "'%s' is not a hardware address", e->mac_address);
        inner.address = mac;

        set_up_ipv6(!str_empty(e->ip6_address));
        link_begin_veth(&m, &outer, &inner);
        link_next_up(&m, LOOPBACK_INDEX);
        link_next_up(&m, index);
        r = put_addresses(&m, e, index, &first6);
        if (r < 0)
                return refuse(err, r, "the container has a bad address '%s'", e->ip_address);

        autoerr why = {};
        r = nl_call(nl, &m, &why);
        if (r < 0 && first6 && m.failed >= first6) {
                log_debug("the container goes without IPv6: %s", why.message);
                return 0;
        }
        return r < 0 ? refuse(err, r, "%s", why.message) : 0;
}

typedef struct Connect {
        const Endpoint *endpoint;
        const Link *bridge;
        int host, netns;
        Err *err;
} Connect;

static int connect_there(void *context) {
        const Connect *c = context;
        int r = -EBUSY;

        for (size_t i = 0; i < sizeof indices / sizeof *indices && r == -EBUSY; i++) {
                autoerr why = {};

                r = connect_inside(c->endpoint, c->bridge, c->host, c->netns, indices[i], &why);
                if (r < 0 && (r != -EBUSY || i + 1 == sizeof indices / sizeof *indices))
                        (void) refuse(c->err, r, "%s", why.message);
        }
        return r;
}

/* From inside of netns, with the cable's other end here. */
static int connect_container(const Endpoint *e, const Link *bridge, int netns, Err *err) {
        autoclose int host = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
        autoerr why = {};
        Connect c = { e, bridge, host, netns, &why };
        int r;

        if (host < 0)
                return fail(err, errno, "cannot open this network namespace");
        r = netns_run(netns, connect_there, &c);
        if (r < 0 && !why.message)
                return fail(err, r, "cannot enter the container's network namespace");
        return r < 0 ? refuse(err, r, "%s", why.message) : 0;
}

/* Notes that there is a bridge to be removed one day, before there is one. */
static int mark_bridge(const Home *home, const Network *n, Err *err) {
        int r = claim_make(home->run_fd, network_path("networks/%s/" BRIDGE_MARK, n->name).text,
                           n->bridge);

        return r < 0 && r != -EEXIST ? fail(err, r, "cannot note bridge '%s'", n->bridge) : 0;
}

/* Looks whether bridge and firewall are there, and makes what is not. */
static int prepare(const Home *home, const Network *n, Link *bridge, Err *err) {
        int nft = nft_socket();
        int r;

        if (nft < 0)
                return fail(err, nft, "cannot open a netfilter socket");
        r = link_glance(nft, n->bridge, bridge);
        if (r < 0 || !(bridge->flags & IFF_UP)) {
                r = mark_bridge(home, n, err);
                if (r >= 0)
                        r = network_make_bridge(n, err);
                if (r < 0)
                        return r;
                r = link_glance(nft, n->bridge, bridge);
                if (r < 0)
                        return fail(err, r, "cannot find bridge '%s'", n->bridge);
        }
        return firewall_prepare(home, n, nft, err);
}

/*
 * An interface sends nothing until the kernel's link watch, which works in the background, has seen
 * its carrier; what is sent before is lost, and the first connection takes a second longer.  Asking
 * for an interface brings its link watch up to date since Linux 6.9; before, it is asked again for
 * a little while.
 */
static void wait_until_up(int nl, const char *name) {
        const struct timespec pause = { .tv_nsec = 200000 };
        Link link = {};

        for (int i = 0; i < 100; i++) {
                if (link_get(nl, name, &link, NULL) < 0 || link.state == OPERATIONAL)
                        return;
                (void) nanosleep(&pause, NULL);
        }
        log_debug("'%s' is not up yet", name);
}

/* The bridge gets its carrier from its first port. */
static void wait_for_carrier(const Network *n, const Endpoint *e, bool bridge_too) {
        autoclose int nl = nl_open();

        if (nl < 0)
                return;
        wait_until_up(nl, e->interface);
        if (bridge_too)
                wait_until_up(nl, n->bridge);
}

static int attach(const Home *home, const Network *n, const Endpoint *e, int netns, Err *err) {
        autoclose int lock = network_lock(home, n->name, false, true);
        Link bridge;
        int r;

        if (lock < 0)
                return fail(err, lock, "cannot lock '%s/networks/%s'", home->run, n->name);
        r = prepare(home, n, &bridge, err);
        if (r < 0)
                return r;
        if (e->guarded)
                guard_add(home, nft_socket(), e);
        fault_point("network.guarded");
        r = connect_container(e, &bridge, netns, err);
        if (r == -EXFULL)
                return err_hint(err, r, "a bridge has 1023 ports; make another network");
        if (r < 0)
                return r;

        wait_for_carrier(n, e, !(bridge.flags & IFF_RUNNING));
        return 0;
}

typedef struct Attach {
        const Home *home;
        const Network *network;
        const Endpoint *endpoint;
        int netns;
} Attach;

static int attach_there(void *job, Err *err) {
        const Attach *a = job;

        return attach(a->home, a->network, a->endpoint, a->netns, err);
}

int network_attach(const Home *home, const Network *network, const Endpoint *endpoint, int netns,
                   Err *err) {
        Attach a = { home, network, endpoint, netns };
        int r;

        if (str_equal(network->driver, "host"))
                return 0;
        if (str_equal(network->driver, "null"))
                return network_loopback(netns, err);

        r = uplink_run(home, attach_there, &a, err);
        if (r < 0)
                return err_prefix(err, r, "cannot connect to network '%s'", network->name);
        return 0;
}

void network_allow_hairpin(const Endpoint *e) {
        autoclose int nl = -EBADF;
        int r;

        if (!sysctl_is("/proc/sys/net/bridge/bridge-nf-call-iptables", "1") &&
            !sysctl_is("/proc/sys/net/bridge/bridge-nf-call-ip6tables", "1"))
                return;
        nl = nl_open();
        r = nl < 0 ? nl : link_set_hairpin(nl, e->interface, NULL);
        if (r < 0)
                log_warn("the container does not reach its own published ports: cannot set "
                         "hairpin mode of '%s': %s",
                         e->interface, strerror(-r));
}

static int raise_loopback(void *context) {
        autoclose int nl = nl_open();
        NlMessage m;

        if (nl < 0)
                return fail(context, nl, "cannot open a netlink socket");
        nl_begin_empty(&m);
        link_next_up(&m, LOOPBACK_INDEX);
        return nl_call(nl, &m, context);
}

int network_loopback(int netns, Err *err) {
        autoerr why = {};
        int r = netns_run(netns, raise_loopback, &why);

        if (r < 0 && !why.message)
                return fail(err, r, "cannot enter the container's network namespace");
        return r < 0 ? refuse(err, r, "cannot bring up 'lo': %s", why.message) : 0;
}
