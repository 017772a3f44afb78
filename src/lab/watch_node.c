/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/pidfd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/str.h"
#include "kernel/ns.h"
#include "lab/device.h"
#include "lab/watch_internal.h"
#include "netlink/link.h"

void watch_node_free(WatchedNode *n) {
        if (n->probed)
                probe_clear(&n->probe);
        /* The check's descriptor is the probe's. */
        watch_source_close(&n->process);
        watch_source_close(&n->container);
        watch_source_close(&n->links);
        for (size_t i = 0; i < n->n_carriers; i++)
                free(n->carriers[i].interface);
        free(n->carriers);
        free(n->name);
        free(n);
}

static ssize_t index_of(const WatchedLab *l, const WatchedNode *n) {
        return topology_find_node(l->now->topology, n->name);
}

/* ---- links ---- */

typedef struct News {
        WatchedLab *lab;
        WatchedNode *node;
        ssize_t index;
} News;

static CarrierSeen *find_carrier(WatchedNode *n, const char *interface) {
        for (size_t i = 0; i < n->n_carriers; i++)
                if (str_equal(n->carriers[i].interface, interface))
                        return &n->carriers[i];
        return NULL;
}

static int tell_carrier(const News *news, const Link *link, size_t interface, bool first) {
        const Topology *t = news->lab->now->topology;
        const Interface *in = &t->nodes[news->index].interfaces[interface];
        bool up = (link->flags & (IFF_UP | IFF_RUNNING)) == (IFF_UP | IFF_RUNNING);
        CarrierSeen *seen = find_carrier(news->node, in->name);
        autofree char *end = str_format("%s:%s", news->node->name, in->name);

        if (!end)
                return -ENOMEM;
        if (seen && seen->up == up)
                return 0;
        if (!seen) {
                seen = json_grow(&news->node->carriers, &news->node->n_carriers, sizeof *seen);
                if (!seen || str_set(&seen->interface, in->name) < 0)
                        return -ENOMEM;
                first = first || !up; /* it is being laid */
        }
        seen->up = up;
        return first ? 0
                     : watch_tell(news->lab, "link", up ? "up" : "down", end, "link=%s",
                                  t->links[in->link].name);
}

static int take_news(const Link *link, void *context, bool first) {
        const News *news = context;
        const Topology *t = news->lab->now->topology;
        const Node *n = &t->nodes[news->index];

        for (size_t i = 0; i < n->n_interfaces; i++) {
                DeviceName name = device_name(t, (LinkSide){ (size_t) news->index, i });

                if (str_equal(name.text, link->name))
                        return tell_carrier(news, link, i, first);
        }
        return 0;
}

static int take_first(const Link *link, void *context) {
        return take_news(link, context, true);
}

static int take_later(const Link *link, void *context) {
        return take_news(link, context, false);
}

static int open_watch(void *context) {
        return link_watch_open();
}

static int list_links(void *context) {
        autoclose int nl = nl_open();

        return nl < 0 ? nl : link_each(nl, take_first, context, NULL);
}

static int watch_links(WatchedLab *l, WatchedNode *n, size_t index) {
        News news = { l, n, (ssize_t) index };
        autoclose int netns = lab_node_netns(l->now, index, NULL);
        int r = netns < 0 ? 0 : netns_run(netns, open_watch, NULL);

        if (netns < 0 || r < 0)
                return 0; /* it is gone, which is heard of */
        r = watch_source(l->watch, &n->links, SOURCE_LINKS, r, l, n);
        if (r >= 0)
                (void) netns_run(netns, list_links, &news);
        return r;
}

int watch_node_links(WatchedLab *l, WatchedNode *n) {
        News news = { l, n, index_of(l, n) };
        int r;

        if (news.index < 0)
                return 0;
        r = link_watch_read(n->links.fd, take_later, &news);
        /* What was lost is seen with the next change of each. */
        return r == -ENOBUFS || r == -EAGAIN ? 0 : r;
}

/* ---- processes ---- */

int watch_node_ended(WatchedLab *l, WatchedNode *n) {
        watch_source_close(&n->process);
        watch_source_close(&n->links);
        return watch_tell(l, "node", "die", n->name, "pid=%d", n->pid);
}

static int note_command(WatchedLab *l, WatchedNode *n, LabCommand now, int code) {
        LabCommand before = n->command;

        n->command = now;
        if (now == before)
                return 0;
        if (now == LAB_COMMAND_ENDED)
                return watch_tell(l, "node", "exit", n->name, "exitCode=%d", code);
        return now == LAB_COMMAND_RUNNING ? watch_tell(l, "node", "start", n->name, "pid=%d",
                                                       n->container_pid ? n->container_pid : n->pid)
                                          : 0;
}

/* Its files tell when it is started again. */
static void watch_container_files(WatchedLab *l, WatchedNode *n, size_t index) {
        const char *id = l->now->state.nodes[index].container;
        autofree char *path = id ? str_format("%s/containers/%s", l->watch->home->run, id) : NULL;

        n->container_files = path ? inotify_add_watch(l->watch->inotify, path,
                                                      IN_MOVED_TO | IN_CREATE | IN_ONLYDIR)
                                  : -1;
}

static int look_at_container(WatchedLab *l, WatchedNode *n, size_t index) {
        int pid = lab_node_pid(l->now, index), pidfd = -EBADF;

        watch_container_files(l, n, index);
        if (pid == n->container_pid && pid > 0 && n->container.fd >= 0)
                return 0;
        watch_source_close(&n->container);
        /* Another one since it was looked at: its end comes first. */
        if (n->container_pid > 0 && pid > 0 && n->command == LAB_COMMAND_RUNNING) {
                int r = note_command(l, n, LAB_COMMAND_ENDED, 0);

                if (r < 0)
                        return r;
        }
        n->container_pid = pid;
        if (pid > 0)
                pidfd = pidfd_open(pid, 0);
        return watch_source(l->watch, &n->container, SOURCE_CONTAINER, pidfd, l, n);
}

int watch_node_command(WatchedLab *l, WatchedNode *n) {
        ssize_t i = index_of(l, n);
        LabCommand now;
        int code, r = 0;

        if (i < 0)
                return 0;
        if (l->now->topology->nodes[i].image)
                r = look_at_container(l, n, (size_t) i);
        now = lab_node_command(l->now, (size_t) i, &code);
        return r < 0 ? r : note_command(l, n, now, code);
}

/* ---- health ---- */

static bool is_to_check(const WatchedLab *l, const WatchedNode *n) {
        ssize_t i = index_of(l, n);
        autoclose int alive = i < 0 ? -EBADF : lab_process_pidfd(l->now, &l->now->state.nodes[i]);

        return alive >= 0 && l->now->topology->nodes[i].health.test;
}

int64_t watch_node_due_ms(const WatchedNode *n) {
        return n->probed ? probe_next_ms(&n->probe) : INT64_MAX;
}

/* The next one is due in its interval; a start period is over once. */
static void begin_next(Probe *p) {
        int64_t began = p->began_ms, next = p->next_ms;

        probe_clear(p);
        probe_begin(p);
        p->began_ms = began;
        p->next_ms = next > clock_monotonic_ms() ? next : clock_monotonic_ms() + 1;
}

static int tell_health(WatchedLab *l, WatchedNode *n) {
        LabHealth now = n->probe.health;

        if (now == n->health)
                return 0;
        n->health = now;
        return now == LAB_HEALTHY ? watch_tell(l, "node", "health_status: healthy", n->name, NULL)
                                  : watch_tell(l, "node", "health_status: unhealthy", n->name,
                                               "why=%s", n->probe.why ? n->probe.why : "");
}

int watch_node_check(WatchedLab *l, WatchedNode *n) {
        ssize_t i = index_of(l, n);
        int before = n->probe.task.pidfd, r;

        if (!is_to_check(l, n)) {
                probe_clear(&n->probe);
                n->probed = false;
                return 0;
        }
        r = probe_step(l->now, (size_t) i, &n->probe, NULL);
        if (r >= 0 && n->probe.health != LAB_HEALTH_NONE) {
                r = tell_health(l, n);
                begin_next(&n->probe);
        }
        if (r >= 0 && n->probe.task.pidfd >= 0 && n->probe.task.pidfd != before)
                r = watch_source(l->watch, &n->check, SOURCE_CHECK, n->probe.task.pidfd, l, n);
        return r;
}

/* ---- a node ---- */

int watch_node_add(WatchedLab *l, size_t index) {
        const Node *node = &l->now->topology->nodes[index];
        const LabProcess *p = &l->now->state.nodes[index];
        WatchedNode *n = calloc(1, sizeof *n), **place;
        const Source none = { .fd = -EBADF };
        int r;

        if (!n)
                return -ENOMEM;
        *n = (WatchedNode){ .name = strdup(node->name),
                            .pid = p->pid,
                            .start_time = p->start_time,
                            .process = none,
                            .container = none,
                            .links = none,
                            .check = none,
                            .container_files = -1 };
        place = n->name ? json_grow(&l->nodes, &l->n_nodes, sizeof *place) : NULL;
        if (!place) {
                watch_node_free(n);
                return -ENOMEM;
        }
        *place = n;
        r = watch_tell(l, "node", "create", n->name, "kind=%s\npid=%d%s%s",
                       node_kind_names[node->kind], n->pid, node->image ? "\nimage=" : "",
                       node->image ? node->image : "");
        if (r >= 0 && node->kind != NODE_OVS_BRIDGE)
                r = watch_source(l->watch, &n->process, SOURCE_PROCESS,
                                 lab_process_pidfd(l->now, p), l, n);
        if (r >= 0)
                r = watch_links(l, n, index);
        if (r >= 0)
                r = watch_node_command(l, n);
        if (r >= 0 && node->health.test) {
                probe_begin(&n->probe);
                n->probed = true;
        }
        return r;
}
