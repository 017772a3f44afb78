/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Links of a lab that is changed. */

#include <errno.h>
#include <string.h>

#include "base/fault.h"
#include "base/str.h"
#include "kernel/ns.h"
#include "lab/change_internal.h"
#include "lab/device.h"
#include "lab/engine.h"
#include "lab/keeper.h"
#include "lab/link.h"
#include "lab/link_state.h"
#include "netlink/link.h"

static bool is_wire(const TopologyLink *l) {
        return link_engine(l, NULL) == ENGINE_WIRE;
}

static int remove_interface(void *context) {
        autoclose int nl = nl_open();

        return nl < 0 ? nl : link_remove(nl, context, NULL);
}

/* That of a node which has gone has gone, too. */
static void remove_end(const Lab *lab, const TopologyLink *l, int end) {
        DeviceName name = device_name(lab->topology, l->sides[end]);
        autoclose int netns = lab_node_netns(lab, l->sides[end].node, NULL);

        if (netns >= 0)
                (void) netns_run(netns, remove_interface, name.text);
}

static void ask_to_remove(const Lab *lab, char *key) {
        const KeeperRequest request = { .verb = (char *) "remove", .link = key, .direction = -1 };
        KeeperReply reply = {};
        autoerr err = {};

        /* Without a keeper there is nobody who emulates it. */
        if (lab->state.keeper.pid > 0)
                (void) lab_ask_keeper(lab, &request, NULL, 0, &reply, &err);
        json_clear(&keeper_reply_type, &reply);
}

int change_unlay_link(Changing *c, const PlanStep *step, Err *err) {
        const TopologyLink *l = &c->from->topology->links[step->before];
        autofree char *key = topology_link_key(c->from->topology, l);

        if (!key)
                return fail(err, ENOMEM, "cannot take link '%s' away", l->name);
        lab_forget_link(c->to, key);
        lab_forget_cut(c->from, step->before);
        if (is_wire(l))
                ask_to_remove(c->to, key);
        for (int end = 0; end < 2; end++)
                remove_end(c->from, l, end);
        fault_point("change.unlaid");
        return 0;
}

int change_need_keeper(Changing *c, Err *err) {
        bool needed = false;

        for (size_t i = 0; i < c->plan->n_steps; i++)
                needed = needed || (c->plan->steps[i].verb == PLAN_LAY &&
                                    is_wire(&c->to->topology->links[c->plan->steps[i].after]));
        if (!needed || lab_keeper_lives(c->to))
                return 0;
        /* One that was killed has links of both topologies: those that stay are laid by it. */
        return lab_start_keeper(c->to, true, err);
}

/* ---- laying ---- */

static int set_up(void *context) {
        autoclose int nl = nl_open();
        NlMessage m;
        Link link;
        int r = nl < 0 ? nl : link_get(nl, context, &link, NULL);

        if (r < 0)
                return r;
        nl_begin_empty(&m);
        link_next_up(&m, link.index);
        return nl_call(nl, &m, NULL);
}

/* Once both ends are there; nobody else does it for a switch of Open vSwitch. */
static int set_fabric_up(const Topology *t, const TopologyLink *l, const int spaces[2], Err *err) {
        int r = 0;

        for (int end = 0; r >= 0 && end < 2; end++) {
                DeviceName name = device_name(t, l->sides[end]);

                if (t->nodes[l->sides[end].node].kind == NODE_OVS_BRIDGE)
                        r = netns_run(spaces[end], set_up, name.text);
        }
        return r < 0 ? fail(err, r, "cannot set it up") : 0;
}

static int open_netlink(void *context) {
        (void) context;
        return nl_open();
}

static int lay_cable(const Lab *lab, const TopologyLink *l, Err *err) {
        const Topology *t = lab->topology;
        autoclose int a = lab_node_netns(lab, l->sides[0].node, err),
                      b = a < 0 ? a : lab_node_netns(lab, l->sides[1].node, err),
                      nl = b < 0 ? b : netns_run(a, open_netlink, NULL);
        const DeviceName names[] = { device_name(t, l->sides[0]), device_name(t, l->sides[1]) };
        const int spaces[] = { a, b };
        LinkEnd ends[2];
        int r;

        if (nl < 0)
                return err && err->message ? nl : fail(err, nl, "cannot open a netlink socket");
        for (int i = 0; i < 2; i++)
                ends[i] = (LinkEnd){
                        .name = names[i].text,
                        .netns = spaces[i],
                        .mtu = l->mtu,
                        .address = topology_interface(t, l->sides[i])->mac,
                };
        r = link_add_veth(nl, &ends[0], &ends[1], err);
        return r < 0 ? r : set_fabric_up(t, l, spaces, err);
}

static int ask_to_add(const Lab *lab, const TopologyLink *l, const int ends[2], Err *err) {
        autofree char *key = topology_link_key(lab->topology, l);
        autostrv there = NULL;
        autostrv back = NULL;
        KeeperRequest request = { .verb = (char *) "add",
                                  .link = key,
                                  .name = l->name,
                                  .direction = -1,
                                  .seed = topology_link_seed(lab->topology, l) };
        KeeperReply reply = {};
        int r;

        if (!key || quality_settings(&l->quality[0], &there) < 0 ||
            quality_settings(&l->quality[1], &back) < 0)
                return fail(err, ENOMEM, "cannot lay link '%s'", l->name);
        request.settings = there;
        request.back = back;
        r = lab_ask_keeper(lab, &request, ends, 2, &reply, err);
        json_clear(&keeper_reply_type, &reply);
        return r;
}

static int lay_wire(const Lab *lab, const TopologyLink *l, Err *err) {
        autoclose int a = -EBADF, b = -EBADF;
        int r;

        for (int end = 0; end < 2; end++) {
                autoclose int alive = lab_node_pidfd(lab, l->sides[end].node, err);
                int tap = alive < 0
                                  ? alive
                                  : keeper_open_end(lab->topology, l, end,
                                                    lab->state.nodes[l->sides[end].node].pid, err);

                if (tap < 0)
                        return tap;
                *(end ? &b : &a) = tap;
        }
        r = ask_to_add(lab, l, (int[]){ a, b }, err);
        return r;
}

int change_lay_link(Changing *c, const PlanStep *step, Err *err) {
        const TopologyLink *l = &c->to->topology->links[step->after];
        autofree char *key = topology_link_key(c->to->topology, l);
        int engine = link_engine(l, err), r = key ? engine : fail(err, ENOMEM, "no memory");

        /* What a try before this one has laid. */
        if (r >= 0 && is_wire(l))
                ask_to_remove(c->to, key);
        for (int end = 0; r >= 0 && end < 2; end++)
                remove_end(c->to, l, end);
        if (r >= 0)
                r = engine == ENGINE_WIRE ? lay_wire(c->to, l, err) : lay_cable(c->to, l, err);
        for (int d = 0; r >= 0 && link_engine_is_kernels(engine) && d < 2; d++)
                r = lab_link_put_rate(c->to, l, d, err);
        fault_point("change.laid");
        return r < 0 ? err_prefix(err, r, "cannot lay link '%s'", l->name) : 0;
}

/* ---- changing ---- */

typedef struct EndChange {
        const char *name;
        uint32_t mtu;
        const uint8_t *mac;
        Err *err;
} EndChange;

static int change_end(void *context) {
        const EndChange *e = context;
        autoclose int nl = nl_open();
        NlMessage m;
        Link link;
        int r = nl < 0 ? fail(e->err, nl, "cannot open a netlink socket")
                       : link_get(nl, e->name, &link, e->err);

        if (r < 0)
                return r;
        nl_begin_empty(&m);
        link_next_change(&m, link.index, e->mtu, e->mac);
        return nl_call(nl, &m, e->err);
}

static int set_end(const Lab *lab, const TopologyLink *before, const Topology *was,
                   const TopologyLink *l, int end, Err *err) {
        const uint8_t *old = topology_interface(was, before->sides[end])->mac,
                      *mac = topology_interface(lab->topology, l->sides[end])->mac;
        uint32_t mtu = l->mtu ? l->mtu : 1500, mtu_before = before->mtu ? before->mtu : 1500;
        DeviceName name = device_name(lab->topology, l->sides[end]);
        EndChange e = { name.text, mtu == mtu_before ? 0 : mtu,
                        memcmp(old, mac, 6) == 0 ? NULL : mac, err };
        autoclose int netns = -EBADF;

        if (!e.mtu && !e.mac)
                return 0;
        netns = lab_node_netns(lab, l->sides[end].node, err);
        return netns < 0 ? netns : netns_run(netns, change_end, &e);
}

static bool same_quality(const Quality *a, const Quality *b) {
        autofree char *x = quality_words(a), *y = quality_words(b);

        return str_equal(x, y);
}

int change_set_link(Changing *c, const PlanStep *step, Err *err) {
        const TopologyLink *before = &c->from->topology->links[step->before],
                           *l = &c->to->topology->links[step->after];
        int r = 0;

        for (int end = 0; r >= 0 && end < 2; end++)
                r = set_end(c->to, before, c->from->topology, l, end, err);
        for (int d = 0; r >= 0 && d < 2; d++)
                if (!same_quality(&before->quality[d], &l->quality[d]))
                        r = lab_link_file(c->to, step->after, d, err);
        fault_point("change.link-set");
        return r < 0 ? err_prefix(err, r, "cannot change link '%s'", l->name) : 0;
}
