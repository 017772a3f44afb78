/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "kernel/ns.h"
#include "lab/device.h"
#include "lab/lab_internal.h"
#include "lab/link.h"
#include "lab/link_state.h"
#include "lab/node_network.h"
#include "netlink/link.h"
#include "netlink/qdisc.h"

#define DEV_MAX ((size_t) 4 << 20) /* of /proc/net/dev */

void link_view_clear(LinkView *v) {
        free(v->directions[0].quality);
        free(v->directions[1].quality);
}

/* What was changed live of a link that the kernel gives its quality; NULL: nothing. */
static LinkChange *find_change(const Lab *lab, size_t link, int direction) {
        autofree char *key = lab->state.n_changes > 0
                                     ? topology_link_key(lab->topology, &lab->topology->links[link])
                                     : NULL;

        for (size_t i = 0; key && i < lab->state.n_changes; i++)
                if (str_equal(lab->state.changes[i].link, key) &&
                    lab->state.changes[i].direction == direction)
                        return &lab->state.changes[i];
        return NULL;
}

/* A link as it is now: @ret has the topology's names and ends, and qualities of its own. */
static int present(const Lab *lab, size_t link, TopologyLink *ret) {
        const TopologyLink *l = &lab->topology->links[link];
        int r = 0;

        *ret = *l;
        ret->quality[0] = ret->quality[1] = (Quality){};
        for (int d = 0; r >= 0 && d < 2; d++) {
                const LinkChange *change = find_change(lab, link, d);

                r = change ? 0 : quality_copy(&l->quality[d], &ret->quality[d]);
                strv_foreach(setting, change ? change->settings : NULL)
                        if (r >= 0)
                                r = quality_assign(&ret->quality[d], *setting, NULL);
        }
        return r;
}

static void present_clear(TopologyLink *l) {
        quality_clear(&l->quality[0]);
        quality_clear(&l->quality[1]);
}
#define autopresent __attribute__((__cleanup__(present_clear))) TopologyLink

/* ---- counters of interfaces ---- */

typedef struct Counters {
        const char *name;
        bool is_queued; /* a discipline of ours may drop what it sends */
        uint64_t rx_bytes, rx_packets, tx_bytes, tx_packets;
        uint32_t drops;
} Counters;

static int read_drops(Counters *c) {
        autoclose int nl = nl_open();
        unsigned index = if_nametoindex(c->name);

        if (nl < 0 || index == 0)
                return nl < 0 ? nl : -ENODEV;
        return qdisc_drops(nl, (int) index, &c->drops);
}

/* The thread's network namespace is what /proc/thread-self shows (proc_pid_net(5)). */
static int read_counters(void *context) {
        Counters *c = context;
        autofree char *text = NULL, *wanted = str_format("%s:", c->name);
        int r = file_read(AT_FDCWD, "/proc/thread-self/net/dev", DEV_MAX, &text, NULL);
        char *rest = text, *line;

        while (r >= 0 && wanted && (line = strsep(&rest, "\n"))) {
                const char *numbers = str_after(line + strspn(line, " "), wanted);

                if (numbers &&
                    sscanf(numbers, "%" SCNu64 "%" SCNu64 "%*u%*u%*u%*u%*u%*u%" SCNu64 "%" SCNu64,
                           &c->rx_bytes, &c->rx_packets, &c->tx_bytes, &c->tx_packets) == 4)
                        return c->is_queued ? read_drops(c) : 0;
        }
        return r < 0 ? r : wanted ? -ENODEV : -ENOMEM;
}

static int count_end(const Lab *lab, const TopologyLink *l, int end, LinkEngine engine,
                     Counters *ret, Err *err) {
        DeviceName name = device_name(lab->topology, l->sides[end]);
        autoclose int netns = lab_node_netns(lab, l->sides[end].node, err);
        int r;

        if (netns < 0)
                return netns;
        *ret = (Counters){ .name = name.text, .is_queued = engine != ENGINE_CABLE };
        r = netns_run(netns, read_counters, ret);
        return r < 0 ? fail(err, r, "cannot read the counters of '%s:%s'",
                            lab->topology->nodes[l->sides[end].node].name, name.text)
                     : 0;
}

static int view_cable(const Lab *lab, size_t link, LinkView *ret, Err *err) {
        autopresent l = {};
        Counters ends[2];
        int r = present(lab, link, &l);

        if (r < 0)
                return fail(err, r, "cannot show link '%s'", l.name);
        ret->cut = lab_link_is_cut(lab, link);
        for (int d = 0; r >= 0 && d < 2; d++)
                r = count_end(lab, &l, d, ret->engine, &ends[d], err);
        for (int d = 0; r >= 0 && d < 2; d++) {
                ret->directions[d].quality = quality_words(&l.quality[d]);
                ret->directions[d].stats = (LinkStats){
                        .arrived = ends[d].tx_packets,
                        .arrived_bytes = ends[d].tx_bytes,
                        .packets = ends[!d].rx_packets,
                        .bytes = ends[!d].rx_bytes,
                };
                /* A token bucket drops what finds no room; netem does not tell why. */
                if (ret->engine == ENGINE_KERNEL)
                        ret->directions[d].stats.queue_full = ends[d].drops;
                else
                        ret->directions[d].stats.lost = ends[d].drops;
                if (!ret->directions[d].quality)
                        r = fail(err, ENOMEM, "cannot show link '%s'", l.name);
        }
        return r;
}

/* ---- the emulator's ---- */

static int ask(const Lab *lab, const char *verb, size_t link, int direction, char *const *settings,
               KeeperReply *reply, Err *err) {
        autofree char *key = topology_link_key(lab->topology, &lab->topology->links[link]);
        const KeeperRequest request = { .verb = (char *) verb,
                                        .link = key,
                                        .direction = direction,
                                        .settings = (char **) settings };
        int r = key ? lab_ask_keeper(lab, &request, NULL, 0, reply, err)
                    : fail(err, ENOMEM, "cannot ask the lab's keeper");

        return r < 0 ? err_prefix(err, r, "link '%s'", lab->topology->links[link].name) : 0;
}

static int view_wire(const Lab *lab, size_t link, LinkView *ret, Err *err) {
        KeeperReply reply = {};
        int r = ask(lab, "stats", link, -1, NULL, &reply, err);

        if (r >= 0 && (reply.n_directions != 2 || strv_length(reply.quality) != 2))
                r = refuse(err, EBADMSG, "the keeper's answer cannot be understood");
        for (int d = 0; r >= 0 && d < 2; d++) {
                ret->directions[d].stats = reply.directions[d];
                r = str_set(&ret->directions[d].quality, reply.quality[d]);
                if (r < 0)
                        r = fail(err, r, "cannot show the link");
        }
        ret->cut = reply.cut;
        ret->starts = reply.starts;
        ret->captures = reply.captures;
        json_clear(&keeper_reply_type, &reply);
        return r;
}

static int engine_of(const Lab *lab, size_t link, Err *err) {
        return link_engine(&lab->topology->links[link], err);
}

int lab_link_view(const Lab *lab, size_t link, LinkView *ret, Err *err) {
        autolinkview view = {};
        int engine = engine_of(lab, link, err), r;

        if (engine < 0)
                return engine;
        view.engine = (LinkEngine) engine;
        r = engine == ENGINE_WIRE ? view_wire(lab, link, &view, err)
                                  : view_cable(lab, link, &view, err);
        if (r < 0)
                return r;
        *ret = view;
        view = (LinkView){};
        return 0;
}

/* ---- changes ---- */

typedef struct RateRequest {
        const TopologyLink *link;
        const char *interface;
        int end;
        Err err;
} RateRequest;

static int put_rate(void *context) {
        RateRequest *q = context;
        autoclose int nl = nl_open();
        NlMessage m;
        Link found;
        int r = nl < 0 ? fail(&q->err, nl, "cannot open a netlink socket")
                       : link_get(nl, q->interface, &found, &q->err);

        if (r < 0)
                return r;
        nl_begin_empty(&m);
        if (!quality_is_plain(&q->link->quality[q->end]))
                link_put_rate(&m, found.index, q->link, q->end);
        else
                qdisc_next_none(&m, found.index);
        r = nl_call(nl, &m, &q->err);
        /* There was none to take away. */
        if (r == -ENOENT && quality_is_plain(&q->link->quality[q->end])) {
                err_clear(&q->err);
                r = 0;
        }
        return r;
}

int lab_link_put_rate(const Lab *lab, const TopologyLink *l, int end, Err *err) {
        DeviceName name = device_name(lab->topology, l->sides[end]);
        RateRequest request = { l, name.text, end, {} };
        autoclose int netns = lab_node_netns(lab, l->sides[end].node, err);
        int r;

        if (netns < 0)
                return netns;
        r = netns_run(netns, put_rate, &request);
        if (r < 0)
                r = refuse(err, r, "cannot change link '%s': %s", l->name,
                           request.err.message ? request.err.message : strerror(-r));
        err_clear(&request.err);
        return r;
}

static int note_change(Lab *lab, size_t link, int direction, const Quality *q, Err *err) {
        LinkChange *change = find_change(lab, link, direction);

        if (!change) {
                change = json_grow(&lab->state.changes, &lab->state.n_changes, sizeof *change);
                if (change)
                        change->link =
                                topology_link_key(lab->topology, &lab->topology->links[link]);
                if (!change || !change->link)
                        return fail(err, ENOMEM, "cannot note the change");
                change->direction = direction;
        }
        change->settings = strv_free(change->settings);
        return quality_settings(q, &change->settings) < 0
                       ? fail(err, ENOMEM, "cannot note the change")
                       : 0;
}

static bool is_link(const Lab *lab, size_t link, const char *wanted) {
        autofree char *key = topology_link_key(lab->topology, &lab->topology->links[link]);

        return str_equal(key, wanted);
}

/* The new quality of a direction. */
static int change_quality(const Lab *lab, size_t link, int d, char *const *settings, Quality *q,
                          Err *err) {
        int r = 0;

        if (!settings) {
                quality_clear(q);
                r = quality_copy(&lab->topology->links[link].quality[d], q);
                return r < 0 ? fail(err, r, "cannot change the link") : 0;
        }
        strv_foreach(setting, settings)
                if (r >= 0)
                        r = quality_assign(q, *setting, err);
        return r < 0 ? r : quality_check(q, err);
}

static int set_cable(Lab *lab, size_t link, int direction, char *const *settings, Err *err) {
        autopresent l = {};
        int r = present(lab, link, &l);

        if (r < 0)
                return fail(err, r, "cannot change link '%s'", l.name);
        for (int d = 0; r >= 0 && d < 2; d++)
                if (direction < 0 || direction == d)
                        r = change_quality(lab, link, d, settings, &l.quality[d], err);
        if (r < 0)
                return r;
        r = link_engine(&l, err);
        if (r < 0)
                return r;
        if (r == ENGINE_WIRE && !str_equal(l.engine, "kernel"))
                return err_hint(err,
                                refuse(err, EOPNOTSUPP,
                                       "link '%s' is a cable of the kernel's, which has no more "
                                       "than a rate with a queue in bytes or time",
                                       l.name),
                                "say 'engine: wire' for it in the lab's file");
        for (int d = 0; r >= 0 && d < 2; d++) {
                if (direction >= 0 && direction != d)
                        continue;
                r = lab_link_put_rate(lab, &l, d, err);
                if (r >= 0)
                        r = note_change(lab, link, d, &l.quality[d], err);
        }
        return r < 0 ? r : lab_save(lab, err);
}

static void forget_change(Lab *lab, size_t link, int direction) {
        LinkChange *change = find_change(lab, link, direction);

        if (change) {
                change->direction = -1;
                change->settings = strv_free(change->settings);
        }
}

/* The keeper does it, and what it was told is written down for another one. */
static int set_wire(Lab *lab, size_t link, int direction, char *const *settings, Err *err) {
        KeeperReply reply = {};
        int r = ask(lab, settings ? "set" : "reset", link, direction, settings, &reply, err);

        json_clear(&keeper_reply_type, &reply);
        for (int d = 0; r >= 0 && d < 2; d++) {
                autopresent l = {};

                if (direction >= 0 && direction != d)
                        continue;
                if (!settings) {
                        forget_change(lab, link, d);
                        continue;
                }
                r = present(lab, link, &l);
                if (r >= 0)
                        r = change_quality(lab, link, d, settings, &l.quality[d], err);
                if (r >= 0)
                        r = note_change(lab, link, d, &l.quality[d], err);
        }
        return r < 0 ? r : lab_save(lab, err);
}

int lab_link_set(Lab *lab, size_t link, int direction, char *const *settings, Err *err) {
        autofree char *key = topology_link_key(lab->topology, &lab->topology->links[link]);
        autoclose int lock = -EBADF;
        int engine = engine_of(lab, link, err), r = engine;

        if (r >= 0)
                r = lab_lock(lab, &lock, err);
        if (r < 0)
                return r;
        /* The lab may have been changed meanwhile. */
        if (link >= lab->topology->n_links || !key || !is_link(lab, link, key))
                return refuse(err, ESTALE, "the lab has just been changed");
        return engine == ENGINE_WIRE ? set_wire(lab, link, direction, settings, err)
                                     : set_cable(lab, link, direction, settings, err);
}

void lab_forget_link(Lab *lab, const char *key) {
        for (size_t i = 0; i < lab->state.n_changes; i++)
                if (str_equal(lab->state.changes[i].link, key)) {
                        lab->state.changes[i].direction = -1;
                        lab->state.changes[i].settings = strv_free(lab->state.changes[i].settings);
                }
}

int lab_link_file(Lab *lab, size_t link, int direction, Err *err) {
        const TopologyLink *l = &lab->topology->links[link];
        autostrv settings = NULL;
        KeeperReply reply = {};
        int engine = engine_of(lab, link, err), r;

        if (engine < 0)
                return engine;
        forget_change(lab, link, direction);
        if (engine != ENGINE_WIRE)
                return lab_link_put_rate(lab, l, direction, err);
        if (quality_settings(&l->quality[direction], &settings) < 0)
                return fail(err, ENOMEM, "cannot change link '%s'", l->name);
        r = ask(lab, "file", link, direction, settings, &reply, err);
        json_clear(&keeper_reply_type, &reply);
        return r;
}

int lab_link_cut(const Lab *lab, size_t link, bool cut, Err *err) {
        int engine = engine_of(lab, link, err), r;
        KeeperReply reply = {};

        if (engine < 0)
                return engine;
        if (engine != ENGINE_WIRE)
                return cut ? lab_cut_link(lab, link, err) : lab_restore_link(lab, link, err);
        r = cut ? lab_note_cut(lab, link, err) : 0;
        if (r >= 0)
                r = ask(lab, cut ? "cut" : "restore", link, -1, NULL, &reply, err);
        if (r >= 0 && !cut)
                lab_forget_cut(lab, link);
        json_clear(&keeper_reply_type, &reply);
        return r;
}
