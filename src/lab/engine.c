/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>

#include "base/str.h"
#include "lab/engine.h"

const char *const link_engine_names[] = { "cable", "kernel", "wire", NULL };

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
                return err_hint(err,
                                refuse(err, EOPNOTSUPP, "link '%s': netem is not driven", l->name),
                                "leave 'engine' away: the emulator 'wire' has all its properties");
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
        return needs;
}
