/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What other formats than lab.yml have no words for. */

#include <errno.h>
#include <string.h>

#include "topology/write.h"

/* Keys of nodes whose member is a pointer. */
static const struct {
        const char *key;
        size_t offset;
} pointers[] = {
        { "image", offsetof(Node, image) },
        { "entrypoint", offsetof(Node, entrypoint) },
        { "cmd", offsetof(Node, cmd) },
        { "env", offsetof(Node, env) },
        { "labels", offsetof(Node, labels) },
        { "binds", offsetof(Node, binds) },
        { "ports", offsetof(Node, ports) },
        { "exec", offsetof(Node, exec) },
        { "sysctls", offsetof(Node, sysctls) },
        { "routes", offsetof(Node, routes) },
        { "cap-add", offsetof(Node, cap_add) },
        { "dns", offsetof(Node, dns) },
        { "user", offsetof(Node, user) },
        { "workdir", offsetof(Node, workdir) },
        { "group", offsetof(Node, group) },
        { "cpu-set", offsetof(Node, cpuset) },
        { "stages", offsetof(Node, waits) },
        { "healthcheck", offsetof(Node, health.test) },
        { "controllers", offsetof(Node, controllers) },
        { "protocols", offsetof(Node, protocols) },
        { "dpid", offsetof(Node, dpid) },
        { "fail-mode", offsetof(Node, fail_mode) },
};

static bool has_cpu(const Node *n) {
        return n->cpus > 0;
}
static bool has_memory(const Node *n) {
        return n->memory;
}
static bool has_pids(const Node *n) {
        return n->pids;
}
static bool has_management(const Node *n) {
        return n->no_management || n->management.family || n->management6.family;
}
static bool has_delay(const Node *n) {
        return n->startup_delay_ns;
}
static bool has_stp(const Node *n) {
        return n->stp;
}
static bool has_vlans(const Node *n) {
        return n->vlan_filtering;
}
static bool has_position(const Node *n) {
        return n->has_position;
}
static bool has_mac(const Node *n) {
        for (size_t i = 0; i < n->n_interfaces; i++)
                if (n->interfaces[i].has_mac)
                        return true;
        return false;
}

static const struct {
        const char *key;
        bool (*has)(const Node *n);
} others[] = {
        { "cpu", has_cpu },
        { "memory", has_memory },
        { "pids", has_pids },
        { "mgmt-ipv4, mgmt-ipv6 or network-mode", has_management },
        { "startup-delay", has_delay },
        { "stp", has_stp },
        { "vlan-filtering", has_vlans },
        { "position", has_position },
        { "mac", has_mac },
};

static int note(char ***notes, const char *format, const char *key, size_t n, const char *what) {
        return n == 0 ? 0
                      : strv_addf(notes, "%s has no %s: %zu %s%s %s", format, key, n, what,
                                  n == 1 ? "" : "s", n == 1 ? "loses it" : "lose it");
}

static bool is_kept(const char *const *kept, const char *key) {
        return strv_has((char *const *) kept, key);
}

static int note_nodes(const Topology *t, const char *format, const char *const *kept,
                      char ***notes) {
        size_t n;
        int r = 0;

        for (size_t k = 0; r >= 0 && k < sizeof pointers / sizeof *pointers; k++) {
                n = 0;
                for (size_t i = 0; i < t->n_nodes && !is_kept(kept, pointers[k].key); i++) {
                        const void *member;

                        memcpy(&member, (const char *) &t->nodes[i] + pointers[k].offset,
                               sizeof member);
                        n += member != NULL;
                }
                r = note(notes, format, pointers[k].key, n, "node");
        }
        for (size_t k = 0; r >= 0 && k < sizeof others / sizeof *others; k++) {
                n = 0;
                for (size_t i = 0; i < t->n_nodes && !is_kept(kept, others[k].key); i++)
                        n += others[k].has(&t->nodes[i]);
                r = note(notes, format, others[k].key, n, "node");
        }
        return r;
}

static int note_links(const Topology *t, const char *format, const char *const *kept,
                      char ***notes) {
        size_t engines = 0, labels = 0, qualities = 0, loops = 0;
        int r;

        for (size_t i = 0; i < t->n_links; i++) {
                const TopologyLink *l = &t->links[i];

                engines += l->engine != NULL;
                labels += l->labels != NULL;
                qualities += !quality_is_plain(&l->quality[0]) || !quality_is_plain(&l->quality[1]);
                loops += l->sides[0].node == l->sides[1].node;
        }
        r = is_kept(kept, "engine") ? 0 : note(notes, format, "engine", engines, "link");
        if (r >= 0 && !is_kept(kept, "labels of links"))
                r = note(notes, format, "labels of links", labels, "link");
        if (r >= 0 && !is_kept(kept, "quality"))
                r = note(notes, format, "delay, rate, loss and so on", qualities, "link");
        if (r >= 0 && !is_kept(kept, "loops") && loops > 0)
                r = strv_addf(notes, "links of a node to itself are left out: %zu", loops);
        return r;
}

static int note_whole(const Topology *t, const char *format, const char *const *kept,
                      char ***notes) {
        const struct {
                const char *key;
                bool is_there;
        } parts[] = {
                { "seed", t->has_seed },
                { "addresses", t->no_addresses || t->pool.family || t->pool6.family },
                { "mgmt", t->management },
                { "uplinks", t->n_uplinks > 0 },
                { "tests", t->n_tests > 0 },
                { "measurements", t->n_measurements > 0 },
        };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < sizeof parts / sizeof *parts; i++)
                if (parts[i].is_there && !is_kept(kept, parts[i].key))
                        r = strv_addf(notes, "%s has no '%s': the lab's is left out", format,
                                      parts[i].key);
        return r;
}

int topology_note_lost(const Topology *t, const char *format, const char *const *kept,
                       char ***notes) {
        int r = note_whole(t, format, kept, notes);

        if (r >= 0)
                r = note_nodes(t, format, kept, notes);
        return r < 0 ? r : note_links(t, format, kept, notes);
}
