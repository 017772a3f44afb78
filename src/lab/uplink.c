/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/network_guest.h"
#include "kernel/ns.h"
#include "lab/device.h"
#include "lab/lab_internal.h"
#include "lab/nat.h"
#include "lab/node_network.h"
#include "lab/outside.h"
#include "lab/uplink.h"
#include "lab/uplink_internal.h"
#include "lab/uplink_record.h"
#include "netlink/link_upper.h"
#include "topology/uplink.h"

#define OWN_NETNS "/proc/thread-self/ns/net"

bool lab_has_uplinks(const Topology *t) {
        return t->n_uplinks > 0 || management_reaches_host(t);
}

static int save(const Attach *a, int inside) {
        const UplinkRecord record = { .kind = a->uplink->kind,
                                      .node = a->node->name,
                                      .uplink = a->uplink->interface,
                                      .interface = (char *) a->name.text,
                                      .guest = a->spec.kind == UPLINK_NAT ? (char *) a->host_name
                                                                          : NULL,
                                      .inside = inside };

        return uplink_record_save(a->lab, &record, a->spec.kind == UPLINK_NIC ? &a->kept : NULL,
                                  a->err);
}

/* ---- outside ---- */

LinkEnd uplink_node_end(const Attach *a) {
        return (LinkEnd){ .name = a->name.text,
                          .netns = a->netns,
                          .mtu = a->spec.mtu,
                          .address = a->spec.has_mac ? a->spec.mac : NULL };
}

static int find_lower(const Attach *a, int *ret) {
        Link link = {};
        int r = a->spec.device ? link_get(a->nl, a->spec.device, &link, a->err) : 0;

        *ret = link.index;
        return r;
}

static int add_macvlan(const Attach *a) {
        const LinkEnd end = uplink_node_end(a);
        NlMessage m;
        int lower, r = find_lower(a, &lower);

        if (r < 0)
                return r;
        nl_begin_empty(&m);
        link_next_macvlan(&m, &end, a->uplink->kind, lower, a->spec.mode);
        return nl_call(a->nl, &m, a->err);
}

static int add_vxlan(const Attach *a) {
        const LinkEnd end = uplink_node_end(a);
        VxlanOptions options = { .vni = a->spec.vni,
                                 .remote = a->spec.remote,
                                 .local = a->spec.local,
                                 .port = a->spec.port };
        NlMessage m;
        int r = find_lower(a, &options.lower);

        if (r < 0)
                return r;
        nl_begin_empty(&m);
        link_next_vxlan(&m, &end, &options);
        r = nl_call(a->nl, &m, a->err);
        if (r == -EADDRINUSE || r == -EEXIST)
                return err_hint(a->err, r, "choose another 'vni' or 'port', on both machines");
        return r;
}

/* The host's end is called after the lab where the file does not say how, with the first number
 * that is free. */
static void name_host_end(Attach *a) {
        Link link;

        if (a->spec.device) {
                (void) snprintf(a->host_name, sizeof a->host_name, "%s", a->spec.device);
                return;
        }
        for (unsigned i = 0; i < 1000; i++) {
                (void) snprintf(a->host_name, sizeof a->host_name, "isola-%.6s%u", a->lab->state.id,
                                i);
                if (link_glance(a->nl, a->host_name, &link) == -ENODEV)
                        return;
        }
}

static int add_cable(const Attach *a) {
        const char *name = a->host_name;
        LinkEnd host = { .name = name, .netns = -EBADF, .mtu = a->spec.mtu, .up = true },
                node = uplink_node_end(a);
        autonl NlMessage m;
        Link link = {};
        int r = 0;

        if (a->spec.bridge)
                r = link_get(a->nl, a->spec.bridge, &link, a->err);
        host.master = link.index;
        if (r >= 0)
                r = link_add_veth(a->nl, &host, &node, a->err);
        if (r >= 0)
                r = link_get(a->nl, name, &link, a->err);
        if (r < 0)
                return r;
        nl_begin_empty(&m);
        for (size_t i = 0; i < a->spec.n_host_addresses; i++)
                addr_next_add(&m, link.index, &a->spec.host_addresses[i]);
        return m.n > 0 ? nl_call(a->nl, &m, a->err) : 0;
}

/* The kernel moves it first and gives it its name then. */
static int move_nic(const Attach *a) {
        struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC, .ifi_index = a->kept.index };
        NlMessage m;
        int r;

        nl_begin(&m, RTM_NEWLINK, 0, &ifi, sizeof ifi);
        nl_put_u32(&m, IFLA_NET_NS_FD, (uint32_t) a->netns);
        nl_put_string(&m, IFLA_IFNAME, a->name.text);
        r = nl_call(a->nl, &m, a->err);
        return r < 0 ? err_prefix(a->err, r, "cannot move the interface '%s'", a->spec.device) : 0;
}

static int add_outside(Attach *a) {
        switch (a->spec.kind) {
        case UPLINK_NIC:
                return move_nic(a);
        case UPLINK_MACVLAN:
        case UPLINK_MACVTAP:
                return add_macvlan(a);
        case UPLINK_VXLAN:
                return add_vxlan(a);
        case UPLINK_HOST:
                return add_cable(a);
        case UPLINK_NAT:
                return nat_add(a);
        case UPLINK_UDP:
                return udp_add(a);
        }
        return 0;
}

/* ---- inside ---- */

static int settle_port(const Attach *a, int nl, int index) {
        NlMessage m;
        Link bridge;
        int r;

        nl_begin_empty(&m);
        link_next_change(&m, index, a->spec.mtu, a->spec.has_mac ? a->spec.mac : NULL);
        if (a->node->kind == NODE_BRIDGE) {
                r = link_get(nl, BRIDGE_NAME, &bridge, a->err);
                if (r < 0)
                        return r;
                link_next_port(&m, index, bridge.index);
        } else
                link_next_up(&m, index); /* Open vSwitch takes it as soon as it is started */
        link_next_get(&m, index);        /* which waits until its carrier shows */
        return nl_call(nl, &m, a->err);
}

static int settle_host(const Attach *a, int nl, int index) {
        const UplinkSpec *s = &a->spec;
        autonl NlMessage m;
        int r;

        nl_begin_empty(&m);
        link_next_change(&m, index, s->mtu, s->has_mac ? s->mac : NULL);
        link_next_up(&m, index);
        for (size_t i = 0; i < s->n_addresses; i++)
                addr_next_add(&m, index, &s->addresses[i]);
        for (int i = 0; i < 2; i++)
                if (s->gateways[i].family && s->kind == UPLINK_NAT)
                        route_next_add_after(&m, index, NULL, &s->gateways[i], NAT_METRIC);
                else if (s->gateways[i].family)
                        route_next_add(&m, index, NULL, &s->gateways[i]);
        link_next_get(&m, index); /* which waits until its carrier shows */
        r = nl_call(nl, &m, a->err);
        /* What it had on the host goes along, unless the file says its own. */
        if (r >= 0 && s->kind == UPLINK_NIC && s->n_addresses == 0)
                r = link_give_addresses(nl, index, &a->kept, a->err);
        if (r >= 0 && s->kind == UPLINK_NAT)
                r = nat_settle(a);
        return r < 0 ? r : 0;
}

static int settle(void *context) {
        Attach *a = context;
        autoclose int nl = nl_open();
        Link link = {};
        int r = nl < 0 ? fail(a->err, nl, "cannot open a netlink socket")
                       : link_get(nl, a->name.text, &link, a->err);

        if (r >= 0 && a->spec.kind == UPLINK_NIC)
                r = save(a, link.index);
        if (r < 0)
                return r;
        return node_is_switch(a->node) ? settle_port(a, nl, link.index)
                                       : settle_host(a, nl, link.index);
}

static int attach(Attach *a) {
        int r = a->spec.kind == UPLINK_NIC ? link_keep(a->nl, a->spec.device, &a->kept, a->err) : 0;

        name_host_end(a);
        if (r >= 0)
                r = save(a, 0);
        fault_point("uplink.recorded");
        if (r >= 0)
                r = add_outside(a);
        fault_point("uplink.added");
        if (r >= 0)
                r = netns_run(a->netns, settle, a);
        fault_point("uplink.settled");
        return r;
}

/* By the keeper, with a socket where this process is. */
static bool is_carried(const Uplink *u) {
        return str_equal(u->kind, uplink_kind_names[UPLINK_UDP]);
}

int lab_attach_uplink(Lab *lab, size_t uplink, Err *err) {
        const Topology *t = lab->topology;
        const Uplink *u = &t->uplinks[uplink];
        /* What a try before this one has made. */
        int r = lab_detach_uplink(lab, t->nodes[u->node].name, u->interface, err);

        if (r >= 0)
                r = lab_check_uplink(lab->home, t, uplink, err);
        autoclose int nl = r < 0           ? r
                           : is_carried(u) ? nl_open()
                                           : lab_open_outside(lab->home, err),
                      netns = r < 0 ? r : lab_node_netns(lab, u->node, err);
        Attach a = { .lab = lab,
                     .t = t,
                     .uplink = u,
                     .node = &t->nodes[u->node],
                     .name = device_of_uplink(t, uplink),
                     .nl = nl,
                     .netns = netns,
                     .err = err };

        if (netns < 0 || nl < 0)
                return netns < 0 ? netns : nl;
        r = uplink_read(t, u, &a.spec, err);
        if (r >= 0)
                r = attach(&a);
        link_kept_clear(&a.kept);
        uplink_spec_clear(&a.spec);
        return r < 0 ? err_prefix(err, r, "cannot make uplink '%s:%s'", t->nodes[u->node].name,
                                  u->interface)
                     : 0;
}

int lab_attach_uplinks(Lab *lab, Err *err) {
        int r = lab_attach_management(lab, err);

        for (size_t i = 0; r >= 0 && i < lab->topology->n_uplinks; i++)
                r = lab_attach_uplink(lab, i, err);
        return r < 0 ? r : lab_connect_outside(lab, err);
}

/* ---- giving back ---- */

typedef struct Detach {
        const UplinkRecord *record;
        const LinkKept *kept;
        int home; /* network namespace */
        Err *err;
} Detach;

static int remove_inside(void *context) {
        const Detach *d = context;
        autoclose int nl = nl_open();
        int r = nl < 0 ? nl : link_remove(nl, d->record->interface, NULL);

        return r == -ENODEV ? 0 : r;
}

/* Under the name that it has, unless told: told one that is taken, the kernel moves it all the same
 * and fails then (do_setlink(), net/core/rtnetlink.c). */
static int send_home(int nl, int index, int home, const char *name, Err *err) {
        struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC, .ifi_index = index };
        NlMessage m;

        nl_begin(&m, RTM_NEWLINK, 0, &ifi, sizeof ifi);
        nl_put_u32(&m, IFLA_NET_NS_FD, (uint32_t) home);
        if (name)
                nl_put_string(&m, IFLA_IFNAME, name);
        return nl_call(nl, &m, err);
}

static int same_index(const Link *link, void *context) {
        Link *wanted = context;

        if (link->index == wanted->index)
                *wanted = *link;
        return 0;
}

/* By its number: a node's root may have called it otherwise, and given it another MAC address.
 * Without one, whoever moved it was killed right after that. */
static int find_nic(int nl, const Detach *d, Link *ret) {
        const char *const names[] = { d->record->interface, d->kept->name };

        if (d->record->inside > 0) {
                *ret = (Link){ .index = d->record->inside };
                return link_each(nl, same_index, ret, NULL) >= 0 && ret->name[0] ? 0 : -ENODEV;
        }

        for (size_t i = 0; i < 2; i++)
                if (link_get(nl, names[i], ret, NULL) >= 0 &&
                    memcmp(ret->address, d->kept->address, 6) == 0)
                        return 0;
        return -ENODEV;
}

/* Its hardware's address again, so that it is known at home by that. */
static void reset_hardware(int nl, int index, const uint8_t *address) {
        struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC,
                                 .ifi_index = index,
                                 .ifi_change = IFF_UP };
        NlMessage m;

        nl_begin(&m, RTM_NEWLINK, 0, &ifi, sizeof ifi);
        nl_put(&m, IFLA_ADDRESS, address, 6);
        (void) nl_call(nl, &m, NULL);
}

static int return_nic(void *context) {
        const Detach *d = context;
        autoclose int nl = nl_open();
        Link link = {};
        int r = nl < 0 ? fail(d->err, nl, "cannot open a netlink socket") : 0;

        if (r < 0)
                return r;
        if (find_nic(nl, d, &link) < 0)
                return 0; /* it is back already, or gone for good */
        reset_hardware(nl, link.index, d->kept->address);
        r = send_home(nl, link.index, d->home, NULL, d->err);
        if (r != -EEXIST)
                return r;
        if (d->err)
                err_clear(d->err);
        return send_home(nl, link.index, d->home, "isola%d", d->err);
}

static int same_hardware(const Link *link, void *context) {
        Link *wanted = context;

        /* A bridge has the address of one of its ports. */
        if (wanted->index == 0 && memcmp(link->address, wanted->address, 6) == 0 &&
            !str_equal(link->kind, "bridge"))
                *wanted = *link;
        return 0;
}

/* A real interface whose node has ended is with the host again, perhaps under another name. */
static int find_at_home(int nl, const LinkKept *kept, Link *ret) {
        if (link_get(nl, kept->name, ret, NULL) >= 0 && memcmp(ret->address, kept->address, 6) == 0)
                return 0;
        *ret = (Link){};
        memcpy(ret->address, kept->address, 6);
        (void) link_each(nl, same_hardware, ret, NULL);
        return ret->index > 0 ? 0 : -ENODEV;
}

static int rename_link(int nl, int index, const char *name, Err *err) {
        struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC, .ifi_index = index };
        NlMessage m;

        nl_begin(&m, RTM_NEWLINK, 0, &ifi, sizeof ifi);
        nl_put_string(&m, IFLA_IFNAME, name);
        return nl_call(nl, &m, err);
}

static int restore_at_home(const LinkKept *kept, Err *err) {
        autoclose int nl = nl_open();
        Link link = {}, other;
        int r = nl < 0 ? fail(err, nl, "cannot open a netlink socket") : 0;

        if (r < 0)
                return r;
        if (find_at_home(nl, kept, &link) < 0) {
                log_warn("the interface '%s' that the lab had is gone: its node has ended, and the "
                         "kernel keeps only real ones",
                         kept->name);
                return 0;
        }
        if (str_equal(link.name, kept->name))
                r = 0;
        else if (link_glance(nl, kept->name, &other) == -ENODEV) {
                r = rename_link(nl, link.index, kept->name, err);
                (void) snprintf(link.name, sizeof link.name, "%s", kept->name);
        } else
                log_warn("another interface of the host is called '%s' now: the one that the lab "
                         "had is given back as '%s'",
                         kept->name, link.name);
        if (r >= 0)
                r = link_give_back(nl, &link, kept, err);
        if (r > 0)
                log_warn("%d route%s by '%s' could not be given back: their gateways are not "
                         "reached any more",
                         r, r == 1 ? "" : "s", kept->name);
        return r < 0 ? r : 0;
}

static int give_nic_back(const Detach *d, int netns) {
        int r = netns >= 0 ? netns_run(netns, return_nic, (void *) d) : 0;

        fault_point("uplink.returned");
        if (r >= 0)
                r = restore_at_home(d->kept, d->err);
        fault_point("uplink.restored");
        return r < 0 ? err_prefix(d->err, r, "cannot give the interface '%s' back to the host",
                                  d->kept->name)
                     : 0;
}

/* The lab may be between two topologies: its state has the nodes of both. */
static ssize_t find_state(const Lab *lab, const char *node) {
        for (size_t i = 0; i < lab->state.n_nodes; i++)
                if (str_equal(lab->state.nodes[i].name, node))
                        return (ssize_t) i;
        return -ENOENT;
}

static int detach(const Lab *lab, const char *name, Err *err) {
        autoclose int home = open(OWN_NETNS, O_RDONLY | O_CLOEXEC), netns = -EBADF;
        autouplinkrecord record = {};
        autolinkkept kept = {};
        Detach d = { &record, &kept, home, err };
        ssize_t node;
        int r = home < 0 ? fail(err, errno, "cannot open this network namespace")
                         : uplink_record_load(lab, name, &record, err);

        if (r < 0)
                return r;
        node = find_state(lab, record.node);
        netns = node < 0 ? -ESRCH : lab_node_netns(lab, (size_t) node, NULL);
        if (str_equal(record.kind, uplink_kind_names[UPLINK_UDP]))
                udp_remove(lab, record.node, record.uplink);
        if (record.device) {
                r = uplink_record_kept(&record, &kept, err);
                if (r >= 0)
                        r = give_nic_back(&d, netns);
        } else if (netns >= 0)
                r = netns_run(netns, remove_inside, &d);
        if (r >= 0 && record.guest)
                r = guest_remove_one(lab->home, lab->state.id, record.guest, err);
        if (r >= 0 && unlinkat(lab->dir, name, 0) < 0 && errno != ENOENT)
                r = fail(err, errno, "cannot forget an uplink");
        return r;
}

int lab_detach_uplink(const Lab *lab, const char *node, const char *interface, Err *err) {
        autofree char *name = uplink_record_name(node, interface);

        if (!name)
                return fail(err, ENOMEM, "cannot forget an uplink");
        return file_access(lab->dir, name, F_OK) < 0 ? 0 : detach(lab, name, err);
}

int lab_detach_uplinks(const Lab *lab, Err *err) {
        autostrv names = NULL;
        int r = uplink_record_list(lab, &names, err);

        strv_foreach(name, names)
                if (r >= 0)
                        r = detach(lab, *name, err);
        if (r >= 0 && lab->state.id)
                r = guest_remove(lab->home, lab->state.id, err);
        return r < 0 ? r : 0;
}

/* ---- where the host is ---- */

int lab_note_home(Lab *lab, Err *err) {
        struct stat st;

        if (lab->home->network)
                return 0; /* see outside.h */
        if (stat(OWN_NETNS, &st) < 0)
                return fail(err, errno, "cannot look at this network namespace");
        lab->state.netns = st.st_ino;
        return 0;
}

static bool is_namespace(const char *path, uint64_t inode) {
        struct stat st;

        return stat(path, &st) == 0 && st.st_ino == inode;
}

/* Some process that is in it, or a name that ip-netns(8) gave it. */
static char *find_namespace(uint64_t inode) {
        static const char *const places[] = { "/proc", "/run/netns" };

        for (size_t i = 0; i < 2; i++) {
                autostrv names = NULL;

                if (dir_list(AT_FDCWD, places[i], &names) < 0)
                        continue;
                strv_foreach(name, names) {
                        autofree char *path = i == 0 ? str_format("/proc/%s/ns/net", *name)
                                                     : str_format("/run/netns/%s", *name);

                        if ((i > 0 || strspn(*name, "0123456789") == strlen(*name)) && path &&
                            is_namespace(path, inode))
                                return take_ptr(path);
                }
        }
        return NULL;
}

void lab_enter_home(const Lab *lab) {
        autofree char *path = NULL;
        autoclose int netns = -EBADF;

        if (!lab->state.netns || is_namespace(OWN_NETNS, lab->state.netns))
                return;
        path = find_namespace(lab->state.netns);
        netns = path ? open(path, O_RDONLY | O_CLOEXEC) : -EBADF;
        if (netns < 0 || setns(netns, CLONE_NEWNET) < 0)
                log_warn("the network namespace where lab '%s' was made is gone: what it had of "
                         "the host is given back here",
                         lab->name);
}
