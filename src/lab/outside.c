/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/str.h"
#include "engine/uplink.h"
#include "lab/nat.h"
#include "lab/outside.h"
#include "lab/uplink.h"
#include "netlink/nl.h"
#include "topology/uplink.h"

static int open_netlink(void *job, Err *err) {
        int *nl = job;

        *nl = nl_open();
        return *nl < 0 ? fail(err, *nl, "cannot open a netlink socket") : 0;
}

static int open_netns(void *job, Err *err) {
        int *netns = job;

        *netns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
        return *netns < 0 ? fail(err, errno, "cannot open a network namespace") : 0;
}

int lab_open_outside(const Home *home, Err *err) {
        int nl = -EBADF;
        int r = uplink_run(home, open_netlink, &nl, err);

        return r < 0 ? r : nl;
}

int lab_outside_netns(const Home *home, Err *err) {
        int netns = -EBADF;
        int r = uplink_run(home, open_netns, &netns, err);

        return r < 0 ? r : netns;
}

static bool has_uplink(const Topology *t, UplinkKind kind) {
        for (size_t i = 0; i < t->n_uplinks; i++)
                if (str_equal(t->uplinks[i].kind, uplink_kind_names[kind]))
                        return true;
        return false;
}

static bool leads_out(const Topology *t) {
        return management_reaches_host(t) || has_uplink(t, UPLINK_NAT);
}

bool lab_keeps_outside(const Lab *lab) {
        return lab->home->network &&
               (leads_out(lab->topology) || has_uplink(lab->topology, UPLINK_HOST));
}

int lab_connect_outside(const Lab *lab, Err *err) {
        int r = 0;

        if (lab->home->network && leads_out(lab->topology)) {
                r = uplink_begin(lab->home, err);
                uplink_finish(lab->home);
        }
        return r;
}

static bool ends_outside(const Uplink *u) {
        return str_equal(u->kind, uplink_kind_names[UPLINK_NAT]) ||
               str_equal(u->kind, uplink_kind_names[UPLINK_HOST]);
}

static int revive_uplink(Lab *lab, size_t uplink, Err *err) {
        autouplinkview view = {};
        int r = lab_uplink_view(lab, uplink, &view, NULL);

        return r < 0 || view.there ? 0 : lab_attach_uplink(lab, uplink, err);
}

int lab_revive_outside(Lab *lab, Err *err) {
        int r = lab_revive_management(lab, err);

        for (size_t i = 0; r >= 0 && i < lab->topology->n_uplinks; i++)
                if (ends_outside(&lab->topology->uplinks[i]))
                        r = revive_uplink(lab, i, err);
        return r < 0 ? r : lab_connect_outside(lab, err);
}
