/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Tunnels that the lab's keeper carries
 *
 * The socket is opened here, in the host's network, and given to the keeper with the TAP device in
 * the node's: so the keeper needs no rights over either.
 */

#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "lab/keeper.h"
#include "lab/lab_internal.h"
#include "lab/uplink.h"
#include "lab/uplink_internal.h"
#include "wire/tunnel.h"

/* As the keeper knows it: no link is called so. */
static char *key_of(const char *node, const char *interface) {
        return str_format("uplink %s:%s", node, interface);
}

void udp_remove(const Lab *lab, const char *node, const char *interface) {
        autofree char *key = key_of(node, interface);
        const KeeperRequest request = { .verb = (char *) "remove", .link = key, .direction = -1 };
        KeeperReply reply = {};

        if (key && lab_keeper_lives(lab))
                (void) lab_ask_keeper(lab, &request, NULL, 0, &reply, NULL);
        json_clear(&keeper_reply_type, &reply);
}

static int ask_to_add(const Attach *a, char *key, const int ends[2]) {
        const UplinkSpec *s = &a->spec;
        char remote[INET6_ADDRSTRLEN];
        autostrv settings = NULL;
        KeeperRequest request = { .verb = (char *) "add",
                                  .link = key,
                                  .name = key,
                                  .direction = -1,
                                  .remote = remote,
                                  .port = s->port,
                                  .vni = s->vni,
                                  .seed = a->t->seed + s->vni };
        KeeperReply reply = {};
        int r;

        addr_text(&s->remote, remote);
        if (quality_settings(&s->quality, &settings) < 0)
                return fail(a->err, ENOMEM, "cannot make a tunnel");
        request.settings = request.back = settings;
        r = lab_ask_keeper(a->lab, &request, ends, 2, &reply, a->err);
        json_clear(&keeper_reply_type, &reply);
        return r;
}

int udp_add(Attach *a) {
        const UplinkSpec *s = &a->spec;
        autofree char *key = key_of(a->node->name, a->uplink->interface);
        autoclose int tap = -EBADF, udp = -EBADF;
        int r = key ? 0 : fail(a->err, ENOMEM, "cannot make a tunnel");

        if (r >= 0 && !lab_keeper_lives(a->lab))
                r = lab_start_keeper(a->lab, a->lab->state.keeper.pid == 0, a->err);
        if (r < 0)
                return r;
        udp = tunnel_open(&s->remote, &s->local, s->port, a->err);
        if (udp < 0)
                return udp;
        tap = keeper_open_tap(key, a->name.text, s->mtu, s->has_mac ? s->mac : NULL, false,
                              a->lab->state.nodes[a->uplink->node].pid, a->err);
        return tap < 0 ? tap : ask_to_add(a, key, (int[]){ tap, udp });
}

int lab_revive_uplinks(Lab *lab, Err *err) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < lab->topology->n_uplinks; i++)
                if (str_equal(lab->topology->uplinks[i].kind, uplink_kind_names[UPLINK_UDP]))
                        r = lab_attach_uplink(lab, i, err);
        return r;
}
