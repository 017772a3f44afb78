/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>

#include "base/str.h"
#include "lab/engine.h"
#include "netlink/device_probe.h"

const char *const link_engine_names[] = { "cable", "kernel", "netem", "wire", NULL };

/* The first property that a token bucket has not, or NULL. */
static const char *beyond_kernel(const Quality *q) {
        const struct {
                const char *name;
                bool is_set;
        } others[] = {
                { "delay", q->delay_ns > 0 },
                { "jitter", q->jitter_ns > 0 },
                { "loss", q->loss != LOSS_NONE },
                { "corrupt", q->corrupt > 0 },
                { "duplicate", q->duplicate > 0 },
                { "reorder", q->reorder > 0 },
                { "trace", q->trace != NULL },
                { "schedule", q->n_schedule > 0 },
                { "discipline", q->discipline != QUEUE_DROPTAIL },
                { "queue in packets", q->queue_unit == QUEUE_PACKETS },
        };

        for (size_t i = 0; i < sizeof others / sizeof *others; i++)
                if (others[i].is_set)
                        return others[i].name;
        return NULL;
}

/* The default queue is one of packets, for which the kernel's engine has as many bytes of the
 * largest: exact only where all are of that size. */
static bool counts_packets(const TopologyLink *l) {
        for (int i = 0; i < 2; i++)
                if (l->quality[i].rate_bps > 0 && l->quality[i].queue_unit == QUEUE_DEFAULT)
                        return true;
        return false;
}

/* The first property that netem has not or does otherwise, or NULL. */
static const char *beyond_netem(const Quality *q) {
        const bool drawn =
                q->jitter_ns > 0 || q->loss != LOSS_NONE || q->duplicate > 0 || q->reorder > 0;
        const struct {
                const char *name;
                bool is_set;
        } others[] = {
                /* It gives each packet a delay of its own. */
                { "jitter with order=keep", q->jitter_ns > 0 && !q->may_reorder },
                { "distribution", q->jitter_ns > 0 && q->distribution != DELAY_UNIFORM },
                { "loss pattern", q->loss == LOSS_PATTERN },
                /* Its own damages Ethernet headers as well. */
                { "corrupt", q->corrupt > 0 },
                { "trace", q->trace != NULL },
                { "schedule", q->n_schedule > 0 },
                { "discipline", q->discipline != QUEUE_DROPTAIL },
                { "queue in packets", q->queue_unit == QUEUE_PACKETS },
                /* Packets would be lost before they have taken the transmitter's time. */
                { "rate together with jitter, loss, duplicates or reordering",
                  q->rate_bps > 0 && drawn },
        };

        for (size_t i = 0; i < sizeof others / sizeof *others; i++)
                if (others[i].is_set)
                        return others[i].name;
        return NULL;
}

static int netem_engine(const TopologyLink *l, bool plain, Err *err) {
        for (int i = 0; i < 2; i++) {
                const char *beyond = beyond_netem(&l->quality[i]);

                if (beyond)
                        return err_hint(
                                err,
                                refuse(err, EINVAL, "link '%s': netem has no %s", l->name, beyond),
                                "leave 'engine' away, or say wire");
        }
        return plain ? ENGINE_CABLE : ENGINE_NETEM;
}

int link_engine(const TopologyLink *l, Err *err) {
        bool plain = quality_is_plain(&l->quality[0]) && quality_is_plain(&l->quality[1]);
        const char *beyond = NULL;

        for (int i = 0; i < 2 && !beyond; i++)
                beyond = beyond_kernel(&l->quality[i]);
        if (!l->engine || str_equal(l->engine, "auto"))
                return plain                         ? ENGINE_CABLE
                       : beyond || counts_packets(l) ? ENGINE_WIRE
                                                     : ENGINE_KERNEL;
        if (str_equal(l->engine, "wire"))
                return ENGINE_WIRE;
        if (str_equal(l->engine, "netem"))
                return netem_engine(l, plain, err);
        if (beyond)
                return err_hint(err,
                                refuse(err, EINVAL, "link '%s': the kernel's engine has no %s",
                                       l->name, beyond),
                                "leave 'engine' away, or say wire");
        return plain ? ENGINE_CABLE : ENGINE_KERNEL;
}

int topology_needs_wire(const Topology *t, Err *err) {
        bool needs = false;

        for (size_t i = 0; i < t->n_links; i++) {
                int engine = link_engine(&t->links[i], err);

                if (engine < 0)
                        return engine;
                needs = needs || engine == ENGINE_WIRE;
        }
        /* Tunnels that the emulator carries. */
        for (size_t i = 0; i < t->n_uplinks; i++)
                needs = needs || str_equal(t->uplinks[i].kind, "udp");
        return needs;
}

/* A delay and nothing else. */
static bool is_delay(const Quality *q) {
        return q->delay_ns > 0 && !beyond_netem(q) && q->jitter_ns == 0 && q->rate_bps == 0 &&
               q->loss == LOSS_NONE && q->duplicate == 0 && q->reorder == 0;
}

static bool suits_netem(const TopologyLink *l) {
        bool delayed = false;

        if (l->engine && !str_equal(l->engine, "auto"))
                return false;
        for (int i = 0; i < 2; i++) {
                if (!is_delay(&l->quality[i]) && !quality_is_plain(&l->quality[i]))
                        return false;
                delayed = delayed || is_delay(&l->quality[i]);
        }
        return delayed;
}

static bool has_netem(void) {
        size_t n;
        const ProbeFeature *features = probe_device_features(&n);
        ProbeResult result = { .answer = -ENOENT };

        for (size_t i = 0; i < n; i++)
                if (str_equal(features[i].name, "netem"))
                        probe_run(&features[i], NULL, &result);
        return result.answer == 0;
}

int lab_choose_netem(Topology *t, Err *err) {
        int there = -1; /* it is tried once, and only if somebody wants it */

        for (size_t i = 0; i < t->n_links; i++) {
                TopologyLink *l = &t->links[i];
                bool wanted = str_equal(l->engine, "netem");

                if (!wanted && !suits_netem(l))
                        continue;
                if (there < 0)
                        there = has_netem();
                if (there && !wanted && str_set(&l->engine, "netem") < 0)
                        return fail(err, ENOMEM, "cannot choose how links are emulated");
                if (!there && wanted)
                        return err_hint(err,
                                        topology_refuse(t, l->line, err,
                                                        "link '%s': this kernel has no netem",
                                                        l->name),
                                        "leave 'engine' away: the emulator 'wire' has all its "
                                        "properties");
        }
        return 0;
}
