/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "kernel/idmap.h"
#include "lab/rights.h"
#include "topology/uplink.h"

static int refuse_uplink(const Topology *t, const Uplink *u, Err *err) {
        return err_hint(err,
                        topology_refuse(t, u->line, err,
                                        "an uplink of kind '%s' at node '%s' needs rights over the "
                                        "machine's network",
                                        u->kind, t->nodes[u->node].name),
                        "an ordinary user's labs have uplinks of kinds nat, host, vxlan and udp");
}

static int become_udp(Topology *t, Uplink *u, Err *err) {
        if (strv_env_get(u->settings, "device"))
                return err_hint(err,
                                topology_refuse(t, u->line, err,
                                                "'device' of the uplink at node '%s' needs rights "
                                                "over the machine's network",
                                                t->nodes[u->node].name),
                                "without it, the machine's routes choose the way");
        if (str_set(&u->kind, uplink_kind_names[UPLINK_UDP]) < 0 ||
            strv_addf(&t->notes,
                      "the tunnel of node '%s' is carried by the lab's keeper, as of kind udp: the "
                      "kernel's is root's alone",
                      t->nodes[u->node].name) < 0)
                return fail(err, ENOMEM, "cannot read the lab");
        return 0;
}

int lab_fit_rights(Topology *t, Err *err) {
        int r = 0;

        if (!idmap_is_inside())
                return 0;
        for (size_t i = 0; r >= 0 && i < t->n_uplinks; i++) {
                Uplink *u = &t->uplinks[i];

                if (str_equal(u->kind, uplink_kind_names[UPLINK_VXLAN]))
                        r = become_udp(t, u, err);
                else if (!str_equal(u->kind, uplink_kind_names[UPLINK_NAT]) &&
                         !str_equal(u->kind, uplink_kind_names[UPLINK_HOST]) &&
                         !str_equal(u->kind, uplink_kind_names[UPLINK_UDP]))
                        r = refuse_uplink(t, u, err);
        }
        return r;
}
