/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <search.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "topology/topology.h"

const char *const node_kind_names[] = { "host", "router", "bridge", "ovs-bridge", NULL };

bool interface_is_name(const char *name) {
        for (const char *c = name; *c; c += str_utf8_length(c, strlen(c)))
                if (str_utf8_length(c, strlen(c)) == 0)
                        return false;
        return *name && strlen(name) <= INTERFACE_NAME_MAX && !strpbrk(name, "/: \t\n\r\v\f") &&
               !str_equal(name, ".") && !str_equal(name, "..") && !str_equal(name, "lo");
}

static void interface_clear(Interface *i) {
        free(i->name);
        free(i->addresses);
}

static void node_clear(Node *n) {
        char *const texts[] = { n->name,  n->image,  n->entrypoint, n->user, n->workdir,
                                n->group, n->cpuset, n->protocols,  n->dpid, n->fail_mode };
        char **const lists[] = { n->cmd,     n->env,  n->labels,      n->binds,
                                 n->ports,   n->exec, n->sysctls,     n->routes,
                                 n->cap_add, n->dns,  n->controllers, n->health.test };

        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
                free(texts[i]);
        for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
                strv_free(lists[i]);
        for (size_t i = 0; i < n->n_waits; i++) {
                free(n->waits[i].node);
                free(n->waits[i].stage);
        }
        free(n->waits);
        for (size_t i = 0; i < n->n_interfaces; i++)
                interface_clear(&n->interfaces[i]);
        free(n->interfaces);
}

static void link_clear(TopologyLink *l) {
        free(l->name);
        free(l->engine);
        strv_free(l->labels);
        quality_clear(&l->quality[0]);
        quality_clear(&l->quality[1]);
}

static void steps_free(Step *steps, size_t n) {
        for (size_t i = 0; i < n; i++) {
                free(steps[i].kind);
                strv_free(steps[i].settings);
        }
        free(steps);
}

Topology *topology_free(Topology *t) {
        if (!t)
                return NULL;
        for (size_t i = 0; i < t->n_nodes; i++)
                node_clear(&t->nodes[i]);
        for (size_t i = 0; i < t->n_links; i++)
                link_clear(&t->links[i]);
        for (size_t i = 0; i < t->n_uplinks; i++) {
                free(t->uplinks[i].kind);
                free(t->uplinks[i].interface);
                strv_free(t->uplinks[i].settings);
        }
        tdestroy(t->names, free);
        steps_free(t->tests, t->n_tests);
        steps_free(t->measurements, t->n_measurements);
        free(t->nodes);
        free(t->links);
        free(t->uplinks);
        free(t->name);
        free(t->file);
        free(t->directory);
        free(t->management_name);
        free(t->management_interface);
        strv_free(t->notes);
        free(t);
        return NULL;
}

Topology *topology_new(void) {
        return calloc(1, sizeof(Topology));
}

/* A node's place in the tree of names. */
typedef struct Entry {
        size_t index;
        char name[];
} Entry;

static int compare_entries(const void *a, const void *b) {
        return strcmp(((const Entry *) a)->name, ((const Entry *) b)->name);
}

static Entry *entry_new(const char *name, size_t index) {
        Entry *e = malloc(sizeof *e + strlen(name) + 1);

        if (e) {
                e->index = index;
                strcpy(e->name, name);
        }
        return e;
}

ssize_t topology_add_node(Topology *t, const char *name, NodeKind kind) {
        autofree Entry *entry = entry_new(name, t->n_nodes);
        autofree char *copy = strdup(name);
        Entry **found = entry ? tsearch(entry, &t->names, compare_entries) : NULL;
        Node *n = found && copy ? json_grow(&t->nodes, &t->n_nodes, sizeof *n) : NULL;

        if (!n) {
                if (found && *found == entry)
                        tdelete(entry, &t->names, compare_entries);
                return -ENOMEM;
        }
        /* Of two with one name, which is an error, the first is found. */
        if (*found == entry)
                entry = NULL;
        n->name = take_ptr(copy);
        n->kind = kind;
        return (ssize_t) t->n_nodes - 1;
}

ssize_t topology_find_interface(const Node *n, const char *name) {
        for (size_t i = 0; i < n->n_interfaces; i++)
                if (str_equal(n->interfaces[i].name, name))
                        return (ssize_t) i;
        return -ENOENT;
}

/* Mostly the next one is free. */
static char *free_name(const Node *n) {
        for (size_t i = n->n_interfaces;; i++) {
                char *name = str_format("eth%zu", i);

                if (!name || topology_find_interface(n, name) < 0)
                        return name;
                free(name);
        }
}

static ssize_t add_interface(Node *n, const char *name, size_t link, int end) {
        char *copy = name ? strdup(name) : free_name(n);
        Interface *i = copy ? json_grow(&n->interfaces, &n->n_interfaces, sizeof *i) : NULL;

        if (!i) {
                free(copy);
                return -ENOMEM;
        }
        i->name = copy;
        i->automatic = !name;
        i->link = link;
        i->end = end;
        return (ssize_t) n->n_interfaces - 1;
}

ssize_t topology_add_link(Topology *t, size_t a, const char *a_interface, size_t b,
                          const char *b_interface) {
        const size_t nodes[] = { a, b };
        const char *const names[] = { a_interface, b_interface };
        size_t index = t->n_links;
        TopologyLink *l = json_grow(&t->links, &t->n_links, sizeof *l);

        if (!l)
                return -ENOMEM;
        for (int end = 0; end < 2; end++) {
                ssize_t i = add_interface(&t->nodes[nodes[end]], names[end], index, end);

                if (i < 0)
                        return i;
                l->sides[end] = (LinkSide){ nodes[end], (size_t) i };
        }
        l->name = topology_link_key(t, l);
        return l->name ? (ssize_t) index : -ENOMEM;
}

char *topology_link_key(const Topology *t, const TopologyLink *l) {
        return str_format("%s:%s--%s:%s", t->nodes[l->sides[0].node].name,
                          topology_interface(t, l->sides[0])->name, t->nodes[l->sides[1].node].name,
                          topology_interface(t, l->sides[1])->name);
}

/* FNV-1a (draft-eastlake-fnv) */
static uint64_t hash_text(uint64_t h, const char *text) {
        for (; *text; text++)
                h = (h ^ (uint8_t) *text) * 0x100000001b3;
        return (h ^ 0xff) * 0x100000001b3;
}

uint64_t topology_hash(const char *a, const char *b) {
        return hash_text(hash_text(0xcbf29ce484222325, a), b);
}

uint64_t topology_link_seed(const Topology *t, const TopologyLink *l) {
        uint64_t h = 0xcbf29ce484222325;

        for (int end = 0; end < 2; end++) {
                h = hash_text(h, t->nodes[l->sides[end].node].name);
                h = hash_text(h, topology_interface(t, l->sides[end])->name);
        }
        return t->seed + h;
}

ssize_t topology_find_node(const Topology *t, const char *name) {
        autofree Entry *wanted = entry_new(name, 0);
        Entry **found = wanted ? tfind(wanted, &t->names, compare_entries) : NULL;

        return found ? (ssize_t) (*found)->index : wanted ? -ENOENT : -ENOMEM;
}

/* "h1--h2": @separator with its length. */
static ssize_t find_between(const Topology *t, const char *text, const char *separator, Err *err) {
        const char *middle = strstr(text, separator), *second = middle + strlen(separator);
        autofree char *first = strndup(text, (size_t) (middle - text));
        ssize_t found = -ENOENT;

        if (!first)
                return fail(err, ENOMEM, "cannot find link '%s'", text);
        for (size_t i = 0; i < t->n_links; i++) {
                const char *a = t->nodes[t->links[i].sides[0].node].name;
                const char *b = t->nodes[t->links[i].sides[1].node].name;

                if (!(str_equal(a, first) && str_equal(b, second)) &&
                    !(str_equal(a, second) && str_equal(b, first)))
                        continue;
                if (found >= 0)
                        return err_hint(err,
                                        refuse(err, ENOTUNIQ,
                                               "there is more than one link between '%s' and '%s'",
                                               first, second),
                                        "name an end, as '%s'", t->links[found].name);
                found = (ssize_t) i;
        }
        return found;
}

static ssize_t find_end(const Topology *t, const char *text, int *ret_end) {
        const char *colon = strchr(text, ':');

        for (size_t i = 0; colon && i < t->n_nodes; i++) {
                const Node *n = &t->nodes[i];
                ssize_t found;

                if (strlen(n->name) != (size_t) (colon - text) ||
                    strncmp(n->name, text, (size_t) (colon - text)) != 0)
                        continue;
                found = topology_find_interface(n, colon + 1);
                if (found < 0)
                        return -ENOENT;
                *ret_end = n->interfaces[found].end;
                return (ssize_t) n->interfaces[found].link;
        }
        return -ENOENT;
}

ssize_t topology_find_link(const Topology *t, const char *text, int *ret_end, Err *err) {
        const char *separator = strstr(text, "--") ? "--" : strchr(text, ',') ? "," : NULL;
        ssize_t found;

        *ret_end = -1;
        for (size_t i = 0; i < t->n_links; i++)
                if (str_equal(t->links[i].name, text))
                        return (ssize_t) i;
        found = separator ? find_between(t, text, separator, err) : find_end(t, text, ret_end);
        if (found == -ENOENT)
                return err_hint(err, refuse(err, ENOENT, "there is no link '%s'", text),
                                "'isola lab ls LAB' lists them; one is named by an end, as "
                                "'h1:eth1', or by both nodes, as 'h1--h2'");
        return found;
}

int topology_refuse(const Topology *t, int line, Err *err, const char *format, ...) {
        autofree char *words = NULL;
        va_list ap;

        va_start(ap, format);
        if (vasprintf(&words, format, ap) < 0)
                words = NULL;
        va_end(ap);
        if (!words)
                return fail(err, ENOMEM, "cannot read the lab");
        if (!t->file)
                return refuse(err, EINVAL, "%s", words);
        if (line <= 0)
                return refuse(err, EINVAL, "%s: %s", t->file, words);
        return refuse(err, EINVAL, "%s:%d: %s", t->file, line, words);
}
