/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "cli/format.h"
#include "cli/oci.h"
#include "oci/event.h"

#define DEFAULT_INTERVAL_MS 5000

typedef struct OciEventsOptions {
        bool stats;
        int64_t interval;
} OciEventsOptions;

static const Option options[] COMMAND_DATA = {
        OPT_FLAG(0, "stats", OciEventsOptions, stats, "Print what it has used, once"),
        OPT_SPAN(0, "interval", OciEventsOptions, interval, "TIME",
                 "Print that again after TIME (5s)"),
        {},
};

static int print(OciEvent *event, Err *err) {
        autofree char *text = json_text(&oci_event_type, event);

        if (!text)
                return fail(err, ENOMEM, "cannot print the events");
        text[strcspn(text, "\n")] = 0;
        format_print_json(text);
        if (fflush(stdout) < 0)
                return fail(err, errno, "cannot print the events");
        return 0;
}

static int print_stats(const OciContainer *c, const Cgroup *cgroup, Err *err) {
        autousage usage = {};
        OciEvent event = { .type = (char *) "stats", .id = c->id, .usage = &usage };
        int r = cgroup_usage(cgroup, &usage);

        return r < 0 ? fail(err, r, "cannot tell what container '%s' has used", c->id)
                     : print(&event, err);
}

static int print_kills(const OciContainer *c, CgroupOomWatch *watch, Err *err) {
        OciEvent event = { .type = (char *) "oom", .id = c->id };
        int n = cgroup_oom_read(watch), r = 0;

        for (int i = 0; i < n && r >= 0; i++)
                r = print(&event, err);
        return r;
}

/* Until the container has ended. */
static int follow(const OciContainer *c, const Cgroup *cgroup, int64_t interval, Err *err) {
        autoclose int pidfd = oci_container_pidfd(c);
        CgroupOomWatch watch = { .fd = -EBADF, .memory = -EBADF };
        int64_t next = clock_monotonic_ms() + interval;
        int r = cgroup_oom_watch(cgroup, &watch);

        if (r < 0)
                log_warn("no events of kind 'oom': %s", strerror(-r));
        for (r = 0; r >= 0;) {
                struct pollfd p[] = { { pidfd, POLLIN, 0 }, { watch.fd, POLLIN | POLLPRI, 0 } };
                int64_t wait = next - clock_monotonic_ms();

                if (poll(p, 2, wait < 0 ? 0 : (int) wait) < 0 && errno != EINTR)
                        r = fail(err, errno, "cannot wait for events");
                else if (p[1].revents)
                        r = print_kills(c, &watch, err);
                if (p[0].revents || pidfd < 0)
                        break;
                if (r >= 0 && clock_monotonic_ms() >= next) {
                        r = print_stats(c, cgroup, err);
                        next += interval;
                }
        }
        cgroup_oom_clear(&watch);
        return r;
}

static int cmd_oci_events(const CommandInput *in, Err *err) {
        const OciEventsOptions *o = in->options;
        autoptr(OciContainer) c = NULL;
        autoptr(Cgroup) cgroup = NULL;
        int r = oci_operand(in, &c, err);

        if (r < 0)
                return r;
        if (o->interval == 0)
                return refuse(err, EINVAL, "--interval is longer than nothing");
        if (oci_container_status(c) == OCI_STOPPED)
                return refuse(err, ESRCH, "cannot watch container '%s': container not running",
                              c->id);
        r = c->record.cgroup ? cgroup_open(c->record.cgroup, &cgroup) : -ENODEV;
        if (r < 0)
                return refuse(err, r, "container '%s' has no cgroup to be counted in", c->id);
        if (o->stats)
                return print_stats(c, cgroup, err);
        return follow(c, cgroup, o->interval > 0 ? o->interval : DEFAULT_INTERVAL_MS, err);
}

COMMAND(oci_events) = {
        .name = "oci events",
        .group = "OCI runtime",
        .synopsis = "[OPTION...] ID",
        .summary = "Print what a container uses, and when its memory ran out, as JSON",
        .options = options,
        .options_size = sizeof(OciEventsOptions),
        .min_args = 1,
        .max_args = 1,
        .no_home = true,
        .run = cmd_oci_events,
};
