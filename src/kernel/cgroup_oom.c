/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Out-of-memory events: version 2 wakes who polls memory.events, version 1 who has registered an
 * eventfd for memory.oom_control in cgroup.event_control (cgroup-v1/memory.rst, section 10).
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/file.h"
#include "kernel/cgroup_internal.h"

#define EVENTS_MAX 4096

int cgroup_oom_kills(const Cgroup *c, uint64_t *ret) {
        int v1 = c->v1[CGROUP_MEMORY];

        if (v1 >= 0)
                return cgroup_read_key(v1, "memory.oom_control", "oom_kill", ret);
        return c->v2 < 0 ? -ENOENT : cgroup_read_key(c->v2, "memory.events", "oom_kill", ret);
}

void cgroup_oom_clear(CgroupOomWatch *w) {
        w->fd = close_fd(w->fd);
        w->memory = close_fd(w->memory);
}

/* Version 2: kills so far. */
static int count(const CgroupOomWatch *w, uint64_t *ret) {
        char text[EVENTS_MAX];
        ssize_t n = pread(w->fd, text, sizeof text - 1, 0);

        if (n < 0)
                return -errno;
        text[n] = 0;
        return cgroup_find_key(text, "oom_kill", ret);
}

static int register_v1(CgroupOomWatch *w) {
        autoclose int control = openat(w->memory, "memory.oom_control", O_RDONLY | O_CLOEXEC);
        char text[32];

        if (control < 0)
                return -errno;
        w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (w->fd < 0)
                return -errno;
        (void) snprintf(text, sizeof text, "%d %d", w->fd, control);
        return file_write(w->memory, "cgroup.event_control", text);
}

int cgroup_oom_watch(const Cgroup *c, CgroupOomWatch *ret) {
        CgroupOomWatch w = { .fd = -EBADF, .memory = -EBADF, .v1 = c->v1[CGROUP_MEMORY] >= 0 };
        int r = 0;

        if (w.v1) {
                w.memory = fcntl(c->v1[CGROUP_MEMORY], F_DUPFD_CLOEXEC, 3);
                r = w.memory < 0 ? -errno : register_v1(&w);
        } else {
                w.fd = c->v2 < 0 ? -1 : openat(c->v2, "memory.events", O_RDONLY | O_CLOEXEC);
                if (w.fd < 0)
                        r = c->v2 < 0 || errno == ENOENT ? -EOPNOTSUPP : -errno;
        }
        if (r >= 0 && !w.v1)
                r = count(&w, &w.seen);
        if (r < 0) {
                cgroup_oom_clear(&w);
                return r;
        }
        *ret = w;
        return 0;
}

/* The event comes before the kill is counted, so the events are; one more comes with the removal.
 */
static int read_v1(CgroupOomWatch *w) {
        uint64_t events = 0;

        if (file_access(w->memory, "memory.oom_control", F_OK) < 0)
                return -ENODEV;
        return read(w->fd, &events, sizeof events) < 0 ? 0 : (int) events;
}

int cgroup_oom_read(CgroupOomWatch *w) {
        uint64_t now;
        int r, more;

        if (w->v1)
                return read_v1(w);
        r = count(w, &now);
        if (r < 0)
                return r;
        more = (int) (now - w->seen);
        w->seen = now;
        return more;
}
