/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "kernel/ns.h"
#include "lab/device.h"
#include "lab/engine.h"
#include "lab/link_state.h"
#include "netlink/link.h"
#include "netlink/nl.h"

#define ROUTES_MAX  (1 << 20)
#define PATIENCE_MS 3000 /* until IPv6 has noticed the carrier */
#define STEP_US     20000

/* What is done in the namespace of the end that goes down. */
typedef struct End {
        const char *interface;
        bool up;
        Str routes; /* RTM_NEWROUTE messages, one after the other, as the kernel lists them */
        uint32_t index;
        int nl;
        Err *err;
} End;

static char *file_name(const Topology *t, size_t link) {
        autofree char *key = topology_link_key(t, &t->links[link]);

        return key ? str_format("cut-%s", key) : NULL;
}

bool lab_link_is_cut(const Lab *lab, size_t link) {
        autofree char *name = file_name(lab->topology, link);

        return name && file_has_name(lab->dir, name);
}

int lab_note_cut(const Lab *lab, size_t link, Err *err) {
        autofree char *name = file_name(lab->topology, link);
        int r = name ? file_replace(lab->dir, name, "", 0, 0600, false) : -ENOMEM;

        return r < 0 ? fail(err, r, "cannot write down that a link is cut") : 0;
}

void lab_forget_cut(const Lab *lab, size_t link) {
        autofree char *name = file_name(lab->topology, link);

        if (name)
                (void) unlinkat(lab->dir, name, 0);
}

static LinkSide side_to_set(const Topology *t, size_t link) {
        const LinkSide *sides = t->links[link].sides;

        return node_is_switch(&t->nodes[sides[1].node]) ? sides[1] : sides[0];
}

bool lab_link_is_cut_at(const Lab *lab, size_t link, int end) {
        const LinkSide *side = &lab->topology->links[link].sides[end];
        LinkSide set = side_to_set(lab->topology, link);

        return link_engine(&lab->topology->links[link], NULL) != ENGINE_WIRE &&
               set.node == side->node && set.interface == side->interface &&
               lab_link_is_cut(lab, link);
}

/* Those that the interface would lose and nobody else brings back. */
static int keep_route(const struct nlmsghdr *message, void *context) {
        End *e = context;
        const struct rtmsg *rt = NLMSG_DATA(message);

        if (message->nlmsg_type != RTM_NEWROUTE || message->nlmsg_len < NLMSG_LENGTH(sizeof *rt) ||
            (rt->rtm_flags & RTM_F_CLONED))
                return 0;
        if (rt->rtm_protocol != RTPROT_STATIC && rt->rtm_protocol != RTPROT_BOOT &&
            rt->rtm_protocol != RTPROT_UNSPEC)
                return 0;
        if (nl_u32(nl_find(message, sizeof *rt, RTA_OIF), 0) == e->index)
                str_put_bytes(&e->routes, message, NLMSG_ALIGN(message->nlmsg_len));
        return 0;
}

static int list_routes(End *e) {
        static const uint8_t families[] = { AF_INET, AF_INET6 };
        int r = 0;

        for (size_t i = 0; i < 2 && r >= 0; i++) {
                struct rtmsg rt = { .rtm_family = families[i] };
                NlMessage m;

                nl_begin(&m, RTM_GETROUTE, NLM_F_DUMP, &rt, sizeof rt);
                r = nl_dump(e->nl, &m, keep_route, e, e->err);
        }
        if (r < 0)
                return err_prefix(e->err, r, "cannot list the routes");
        return e->routes.failed ? fail(e->err, ENOMEM, "cannot list the routes") : 0;
}

static int set_flags(End *e) {
        struct ifinfomsg ifi = { .ifi_index = (int) e->index,
                                 .ifi_change = IFF_UP,
                                 .ifi_flags = e->up ? IFF_UP : 0 };
        NlMessage m;

        nl_begin(&m, RTM_NEWLINK, 0, &ifi, sizeof ifi);
        return nl_call(e->nl, &m, e->err);
}

/* An IPv6 address goes with the interface unless this says otherwise. */
static int keep_addresses(const End *e) {
        autofree char *path =
                str_format("/proc/sys/net/ipv6/conf/%s/keep_addr_on_down", e->interface);
        int r;

        if (!path)
                return -ENOMEM;
        r = file_write(AT_FDCWD, path, "1");
        return r == -ENOENT ? 0 : r;
}

static int put_route(End *e, const struct nlmsghdr *route) {
        struct rtmsg rt;
        NlMessage m;

        memcpy(&rt, NLMSG_DATA(route), sizeof rt);
        rt.rtm_flags &= RTNH_F_ONLINK;
        nl_begin(&m, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &rt, sizeof rt);
        nl_put_raw(&m, (const char *) route + NLMSG_LENGTH(sizeof rt),
                   route->nlmsg_len - NLMSG_LENGTH(sizeof rt));
        return nl_call(e->nl, &m, NULL);
}

/* A next hop of IPv6 is reached once the carrier has been noticed. */
static int put_routes(End *e) {
        const char *at = e->routes.text, *end = at + e->routes.length;
        int r = 0;

        while (at && end - at >= (ptrdiff_t) NLMSG_LENGTH(sizeof(struct rtmsg))) {
                const struct nlmsghdr *route = (const struct nlmsghdr *) at;

                if (route->nlmsg_len < NLMSG_LENGTH(sizeof(struct rtmsg)) ||
                    (ptrdiff_t) route->nlmsg_len > end - at)
                        return refuse(e->err, EINVAL, "what was kept of its routes is damaged");
                for (int waited = 0; waited <= PATIENCE_MS * 1000; waited += STEP_US) {
                        r = put_route(e, route);
                        if (r >= 0)
                                break;
                        usleep(STEP_US);
                }
                if (r < 0)
                        return fail(e->err, r, "cannot bring back a route by '%s'", e->interface);
                at += NLMSG_ALIGN(route->nlmsg_len);
        }
        return 0;
}

static int change_end(void *context) {
        End *e = context;
        Link link;
        int r;

        e->nl = nl_open();
        if (e->nl < 0)
                return fail(e->err, e->nl, "cannot speak to the kernel");
        r = link_get(e->nl, e->interface, &link, e->err);
        if (r < 0)
                return r;
        e->index = (uint32_t) link.index;
        if (e->up) {
                r = set_flags(e);
                return r < 0 ? r : put_routes(e);
        }
        r = keep_addresses(e);
        if (r < 0)
                return fail(e->err, r, "cannot keep the addresses of '%s'", e->interface);
        r = list_routes(e);
        return r < 0 ? r : set_flags(e);
}

static int change(const Lab *lab, size_t link, End *e, Err *err) {
        LinkSide side = side_to_set(lab->topology, link);
        DeviceName name;
        autoclose int netns = lab_node_netns(lab, side.node, err);
        int r;

        if (netns < 0)
                return netns;
        name = device_name(lab->topology, side);
        e->interface = name.text;
        e->nl = -EBADF;
        e->err = err;
        r = netns_run(netns, change_end, e);
        close_fd(e->nl);
        return r < 0 ? err_prefix(err, r, "cannot %s link '%s'", e->up ? "restore" : "cut",
                                  lab->topology->links[link].name)
                     : 0;
}

int lab_cut_link(const Lab *lab, size_t link, Err *err) {
        autofree char *name = file_name(lab->topology, link);
        autostr routes = {};
        End e = {};
        int r;

        if (!name)
                return fail(err, ENOMEM, "cannot cut a link");
        if (lab_link_is_cut(lab, link))
                return 0;
        r = change(lab, link, &e, err);
        routes = e.routes;
        if (r < 0)
                return r;
        r = file_replace(lab->dir, name, routes.text ? routes.text : "", routes.length, 0600,
                         false);
        return r < 0 ? fail(err, r, "cannot write down that a link is cut") : 0;
}

int lab_restore_link(const Lab *lab, size_t link, Err *err) {
        autofree char *name = file_name(lab->topology, link), *kept = NULL;
        End e = { .up = true };
        size_t size;
        int r;

        if (!name)
                return fail(err, ENOMEM, "cannot restore a link");
        r = file_read(lab->dir, name, ROUTES_MAX, &kept, &size);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return fail(err, r, "cannot read what was kept of a link");
        e.routes = (Str){ .text = kept, .length = size };
        r = change(lab, link, &e, err);
        if (r >= 0 && unlinkat(lab->dir, name, 0) < 0)
                r = fail(err, errno, "cannot forget that a link was cut");
        return r;
}
