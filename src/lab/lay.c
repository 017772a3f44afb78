/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>

#include "lab/device.h"
#include "lab/engine.h"
#include "lab/lay.h"
#include "lab/management.h"
#include "lab/node_network.h"
#include "netlink/addr.h"
#include "netlink/link.h"
#include "topology/management.h"
#include "topology/uplink.h"

#define LINKS_AT_ONCE 64

/* ---- what has to wait for what ---- */

static bool is_laid_here(const TopologyLink *l) {
        return link_engine(l, NULL) != ENGINE_WIRE;
}

/* With the lock held. */
static void count_down(Lay *lay, size_t node) {
        if (--lay->left[node] == 0 && lay->set[node])
                lay->ready[lay->n_ready++] = node;
}

/* Its own process, the links that are laid here, and the others once. */
static void count_links(Lay *lay) {
        const Topology *t = lay->topology;

        for (size_t i = 0; i < t->n_nodes; i++) {
                const Node *n = &t->nodes[i];
                bool late = node_is_managed(t, n);

                lay->left[i] = lay->nodes[i] == 0;
                for (size_t k = 0; k < n->n_interfaces; k++)
                        if (is_laid_here(&t->links[n->interfaces[k].link]))
                                lay->left[i]++;
                        else
                                late = true;
                lay->left[i] += late;
        }
}

static void count_late(Lay *lay) {
        const Topology *t = lay->topology;

        for (size_t i = 0; i < t->n_nodes; i++) {
                bool late = node_is_managed(t, &t->nodes[i]);

                for (size_t k = 0; k < t->nodes[i].n_interfaces; k++)
                        late = late || !is_laid_here(&t->links[t->nodes[i].interfaces[k].link]);
                if (late)
                        count_down(lay, i);
        }
}

/* -1 where all have been taken. */
static ssize_t take_ready(Lay *lay) {
        ssize_t node = -1;

        (void) pthread_mutex_lock(&lay->lock);
        while (lay->n_taken == lay->n_ready && !(lay->laid && lay->late) && !lay->given_up)
                (void) pthread_cond_wait(&lay->changed, &lay->lock);
        if (!lay->given_up && lay->n_taken < lay->n_ready)
                node = (ssize_t) lay->ready[lay->n_taken++];
        (void) pthread_mutex_unlock(&lay->lock);
        return node;
}

static void give_up(Lay *lay) {
        (void) pthread_mutex_lock(&lay->lock);
        lay->given_up = true;
        (void) pthread_cond_broadcast(&lay->changed);
        (void) pthread_mutex_unlock(&lay->lock);
}

/* ---- networks of nodes ---- */

static int enter_network(const Lay *lay, size_t node) {
        autoclose int pidfd = pidfd_open(lay->nodes[node], 0);

        return pidfd < 0 || setns(pidfd, CLONE_NEWNET) < 0 ? -errno : 0;
}

/* Back from the networks of nodes. */
static int go_home(const Lay *lay, int r, Err *err) {
        if (setns(lay->home, CLONE_NEWNET) < 0)
                return fail(err, errno, "cannot return to the fabric");
        return r;
}

static int set_up_ready(Lay *lay, Err *err) {
        ssize_t node;
        int r = 0;

        while (r >= 0 && (node = take_ready(lay)) >= 0) {
                r = enter_network(lay, (size_t) node);
                if (r >= 0)
                        r = node_network_set_up(lay->topology, (size_t) node, err);
                if (r < 0 && r != -ESRCH)
                        r = err_prefix(err, r, "cannot make node '%s'",
                                       lay->topology->nodes[node].name);
        }
        return r;
}

/* ---- links ---- */

static LinkEnd end_of(const Lay *lay, const TopologyLink *l, int end, DeviceName *name) {
        const Topology *t = lay->topology;
        const LinkSide side = l->sides[end];
        bool fabric = t->nodes[side.node].kind == NODE_OVS_BRIDGE;

        *name = device_name(t, side);
        return (LinkEnd){
                .name = name->text,
                .netns = -EBADF,
                .netns_pid = lay->nodes[side.node],
                .index = fabric ? 0 : interface_index(side.interface),
                .mtu = l->mtu,
                .address = topology_interface(t, side)->mac,
                .one_queue = true,
        };
}

/* Whether both of its nodes are there; waits for them if there is nothing else to do. */
static bool is_possible(Lay *lay, const TopologyLink *l, bool wait) {
        const pid_t *a = &lay->nodes[l->sides[0].node], *b = &lay->nodes[l->sides[1].node];
        bool there;

        (void) pthread_mutex_lock(&lay->lock);
        while (wait && !lay->given_up && (*a == 0 || *b == 0))
                (void) pthread_cond_wait(&lay->changed, &lay->lock);
        there = *a != 0 && *b != 0 && !lay->given_up;
        (void) pthread_mutex_unlock(&lay->lock);
        return there;
}

static void note_laid(Lay *lay, const TopologyLink *const *links, size_t n) {
        (void) pthread_mutex_lock(&lay->lock);
        for (size_t i = 0; i < n; i++)
                for (int end = 0; end < 2; end++)
                        count_down(lay, links[i]->sides[end].node);
        (void) pthread_cond_broadcast(&lay->changed);
        (void) pthread_mutex_unlock(&lay->lock);
}

typedef struct LinkBatch {
        const TopologyLink *links[LINKS_AT_ONCE];
        NlMessage message;
        int nl;
} LinkBatch;

static int lay_batch(Lay *lay, LinkBatch *b, Err *err) {
        int r = nl_call(b->nl, &b->message, err);

        if (r < 0)
                return r == -ESRCH
                               ? r
                               : err_prefix(
                                         err, r, "cannot lay link '%s'",
                                         b->links[b->message.failed > 0 ? b->message.failed - 1 : 0]
                                                 ->name);
        note_laid(lay, b->links, b->message.n);
        nl_clear(&b->message);
        nl_begin_empty(&b->message);
        return 0;
}

static int lay_links(Lay *lay, Err *err) {
        const Topology *t = lay->topology;
        autoclose int nl = nl_open();
        LinkBatch b = { .nl = nl };
        int r = nl < 0 ? fail(err, nl, "cannot open a netlink socket") : 0;

        nl_begin_empty(&b.message);
        for (size_t i = 0; r >= 0 && i < t->n_links; i++) {
                const TopologyLink *l = &t->links[i];
                DeviceName names[2];
                LinkEnd ends[2];

                if (!is_laid_here(l))
                        continue;
                if (b.message.n == LINKS_AT_ONCE ||
                    (b.message.n > 0 && !is_possible(lay, l, false)))
                        r = lay_batch(lay, &b, err);
                if (r < 0 || !is_possible(lay, l, true))
                        break;
                for (int end = 0; end < 2; end++)
                        ends[end] = end_of(lay, l, end, &names[end]);
                b.links[b.message.n] = l;
                link_next_veth(&b.message, &ends[0], &ends[1]);
        }
        if (r >= 0 && b.message.n > 0)
                r = lay_batch(lay, &b, err);
        nl_clear(&b.message);
        return r;
}

/* ---- the thread ---- */

static int lay_all(Lay *lay) {
        int r = lay_links(lay, &lay->err);

        (void) pthread_mutex_lock(&lay->lock);
        lay->laid = true;
        lay->r = r;
        lay->given_up = lay->given_up || r < 0;
        (void) pthread_cond_broadcast(&lay->changed);
        (void) pthread_mutex_unlock(&lay->lock);
        return r;
}

static void *work(void *context) {
        Lay *lay = context;
        int r = lay_all(lay);

        if (r >= 0)
                r = set_up_ready(lay, &lay->err);
        if (r < 0)
                give_up(lay);
        lay->r = r;
        return NULL;
}

int lay_start(Lay *lay, const Topology *t, pid_t *nodes, const bool *set, Err *err) {
        *lay = (Lay){ .topology = t,
                      .lock = PTHREAD_MUTEX_INITIALIZER,
                      .changed = PTHREAD_COND_INITIALIZER,
                      .home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC),
                      .nodes = nodes,
                      .set = set,
                      .left = calloc(t->n_nodes + 1, sizeof *lay->left),
                      .ready = calloc(t->n_nodes + 1, sizeof *lay->ready) };
        if (lay->home < 0)
                return fail(err, errno, "cannot open the fabric");
        if (!lay->left || !lay->ready)
                return fail(err, ENOMEM, "cannot lay the links");
        count_links(lay);
        /* The C library makes none where a filter denies clone3(): then all is done by the caller,
         * one after the other. */
        if (pthread_create(&lay->thread, NULL, work, lay) != 0)
                lay->thread = 0;
        return 0;
}

void lay_made(Lay *lay, size_t node, pid_t pid) {
        (void) pthread_mutex_lock(&lay->lock);
        lay->nodes[node] = pid;
        count_down(lay, node);
        (void) pthread_cond_signal(&lay->changed);
        (void) pthread_mutex_unlock(&lay->lock);
}

int lay_wait(Lay *lay, Err *err) {
        int r;

        if (!lay->thread && !lay->laid)
                (void) lay_all(lay);
        (void) pthread_mutex_lock(&lay->lock);
        while (!lay->laid)
                (void) pthread_cond_wait(&lay->changed, &lay->lock);
        r = lay->r;
        (void) pthread_mutex_unlock(&lay->lock);
        return r < 0 ? refuse(err, r, "%s", lay->err.message ? lay->err.message : strerror(-r)) : 0;
}

static void join(Lay *lay) {
        if (lay->thread)
                (void) pthread_join(lay->thread, NULL);
        lay->thread = 0;
}

int lay_finish(Lay *lay, Err *err) {
        autoerr why = {};
        int r;

        if (!lay->thread && !lay->laid)
                (void) lay_all(lay);
        (void) pthread_mutex_lock(&lay->lock);
        count_late(lay);
        lay->late = true;
        (void) pthread_cond_broadcast(&lay->changed);
        (void) pthread_mutex_unlock(&lay->lock);
        r = set_up_ready(lay, &why);
        if (r < 0)
                give_up(lay);
        join(lay);
        r = go_home(lay, r, &why);
        if (lay->r < 0)
                return refuse(err, lay->r, "%s",
                              lay->err.message ? lay->err.message : strerror(-lay->r));
        return r < 0 ? refuse(err, r, "%s", why.message ? why.message : strerror(-r)) : 0;
}

void lay_give_up(Lay *lay) {
        give_up(lay);
        join(lay);
}

void lay_clear(Lay *lay) {
        free(lay->left);
        free(lay->ready);
        lay->home = close_fd(lay->home);
        err_clear(&lay->err);
}

int lay_settle(Lay *lay, Err *err) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < lay->topology->n_nodes; i++)
                if (lay->set[i]) {
                        r = enter_network(lay, i);
                        if (r >= 0)
                                r = node_network_settle(&lay->topology->nodes[i], err);
                }
        return go_home(lay, r, err);
}

/* ---- the fabric ---- */

/* Nobody else sets them up.  Not while they are made: the other end is not there yet. */
int lay_fabric_up(const Topology *t, Err *err) {
        autoclose int nl = nl_open();
        autonl NlMessage batch;
        int r = nl < 0 ? fail(err, nl, "cannot open a netlink socket") : 0;

        nl_begin_empty(&batch);
        for (size_t i = 0; r >= 0 && i < t->n_links; i++)
                for (int end = 0; r >= 0 && end < 2; end++) {
                        DeviceName name = device_name(t, t->links[i].sides[end]);
                        Link link;

                        if (t->nodes[t->links[i].sides[end].node].kind != NODE_OVS_BRIDGE ||
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
        const BridgeOptions options = { .index = MANAGEMENT_BRIDGE_INDEX };
        const Address v4 = management_gateway(&t->management_net),
                      v6 = management_gateway(&t->management_net6);

        link_next_bridge(batch, MANAGEMENT_BRIDGE, &options);
        if (management_reaches_host(t))
                return; /* the host's end has them: lab/nat.c */
        addr_next_add(batch, MANAGEMENT_BRIDGE_INDEX, &v4);
        addr_next_add(batch, MANAGEMENT_BRIDGE_INDEX, &v6);
}

static int call(int nl, NlMessage *batch, Err *err) {
        int r = nl_call(nl, batch, err);

        nl_clear(batch);
        nl_begin_empty(batch);
        return r < 0 ? err_prefix(err, r, "cannot lay the management network") : 0;
}

int lay_management(const Topology *t, const pid_t *nodes, Err *err) {
        autoclose int nl = -EBADF;
        autonl NlMessage batch;
        int r = 0;

        nl_begin_empty(&batch);
        for (size_t i = 0; r >= 0 && i < t->n_nodes; i++) {
                const DeviceName name = device_of_management(t, i);
                const LinkEnd a = { .name = name.text,
                                    .netns = -EBADF,
                                    .master = MANAGEMENT_BRIDGE_INDEX,
                                    .up = true },
                              b = { .name = management_interface(t),
                                    .netns = -EBADF,
                                    .netns_pid = nodes[i] };

                if (!node_is_managed(t, &t->nodes[i]))
                        continue;
                if (nl < 0) {
                        nl = nl_open();
                        if (nl < 0)
                                return fail(err, nl, "cannot open a netlink socket");
                        put_management_bridge(&batch, t);
                        r = call(nl, &batch, err);
                }
                link_next_veth(&batch, &a, &b);
                if (r >= 0 && batch.n >= LINKS_AT_ONCE)
                        r = call(nl, &batch, err);
        }
        return r >= 0 && batch.n > 0 ? call(nl, &batch, err) : r;
}
