/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "base/json.h"
#include "kernel/ns.h"
#include "lab/device.h"
#include "lab/uplink.h"
#include "netlink/link.h"

#define ROUTABLE(a) \
        ((a)->family == AF_INET || (a)->bytes[0] != 0xfe || ((a)->bytes[1] & 0xc0) != 0x80)

typedef struct Look {
        const char *name;
        UplinkView *view;
        Err *err;
} Look;

void uplink_view_clear(UplinkView *v) {
        free(v->addresses);
}

/* But for the link-local one, which the kernel makes. */
static int take_address(const Address *address, void *context) {
        UplinkView *view = context;
        Address *place = ROUTABLE(address)
                                 ? json_grow(&view->addresses, &view->n_addresses, sizeof *place)
                                 : NULL;

        if (place)
                *place = *address;
        return place || !ROUTABLE(address) ? 0 : -ENOMEM;
}

static int look(void *context) {
        const Look *l = context;
        autoclose int nl = nl_open();
        Link link = {};

        if (nl < 0)
                return fail(l->err, nl, "cannot open a netlink socket");
        if (link_get(nl, l->name, &link, NULL) < 0)
                return 0;
        l->view->there = true;
        l->view->up = (link.flags & (IFF_UP | IFF_RUNNING)) == (IFF_UP | IFF_RUNNING);
        l->view->mtu = link.mtu;
        memcpy(l->view->mac, link.address, sizeof l->view->mac);
        return addr_each(nl, link.index, take_address, l->view, l->err);
}

int lab_uplink_view(const Lab *lab, size_t uplink, UplinkView *ret, Err *err) {
        const DeviceName name = device_of_uplink(lab->topology, uplink);
        autoclose int netns = lab_node_netns(lab, lab->topology->uplinks[uplink].node, err);
        Look l = { name.text, ret, err };

        return netns < 0 ? netns : netns_run(netns, look, &l);
}
