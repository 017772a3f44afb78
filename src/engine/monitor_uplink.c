/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/monitor.h"
#include "engine/own_network.h"
#include "engine/spec.h"
#include "engine/uplink.h"

#define LIFE_MIN_MS 1000 /* one that died sooner would die again */

void monitor_uplink_begin(Monitor *m) {
        bool own = own_network_is(m->c->host.network_mode);

        close_fd(m->uplink);
        m->uplink = own                          ? own_network_find(m->c)
                    : m->c->state.n_networks > 0 ? uplink_find(m->c->home)
                                                 : -EBADF;
        m->uplink_since_ms = clock_monotonic_ms();
}

void monitor_uplink_end(Monitor *m) {
        m->uplink = close_fd(m->uplink);
}

static int open_again(Monitor *m, Err *err) {
        autoclose int netns = -EBADF;
        char path[32];

        if (!own_network_is(m->c->host.network_mode)) {
                int r = uplink_begin(m->c->home, err);

                uplink_finish(m->c->home);
                return r;
        }
        snprintf(path, sizeof path, "/proc/%d/ns/net", m->c->state.pid);
        netns = open(path, O_RDONLY | O_CLOEXEC);
        if (netns < 0)
                return fail(err, errno, "cannot open '%s'", path);
        network_drop_ports(m->c->home, m->c->id, m->ports, m->n_ports);
        return own_network_open(m->c, netns, m->ports, m->n_ports, err);
}

void monitor_uplink_run(Monitor *m) {
        autoerr err = {};

        m->uplink = close_fd(m->uplink);
        if (clock_monotonic_ms() - m->uplink_since_ms < LIFE_MIN_MS) {
                log_warn(
                        "'pasta' ended as soon as it ran: container '%s' is cut off from the world",
                        m->c->name);
                return;
        }
        log_warn("'pasta' has ended: it is started anew");
        if (open_again(m, &err) < 0)
                log_warn("container '%s' is cut off from the world: %s", m->c->name,
                         err.message ? err.message : "");
        else
                monitor_uplink_begin(m);
}
