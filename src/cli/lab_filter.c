/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <jansson.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "cli/format.h"
#include "cli/lab_filter.h"
#include "lab/device.h"

int filter_sides_read(const char *text, FilterSides otherwise, FilterSides *ret, Err *err) {
        *ret = otherwise;
        if (!text)
                return 0;
        ret->in = str_equal(text, "in") || str_equal(text, "both");
        ret->out = str_equal(text, "out") || str_equal(text, "both");
        if (!ret->in && !ret->out)
                return refuse(err, EINVAL, "'%s' is no side: in, out and both are", text);
        return 0;
}

int lab_filter_lock(const Lab *lab, Err *err) {
        int lock = lock_dir(lab->dir, true);

        return lock < 0 ? fail(err, lock, "cannot lock lab '%s'", lab->name) : lock;
}

void lab_port_clear(LabPort *port) {
        port->netns = close_fd(port->netns);
        free(take_ptr(port->interface));
}

static bool is_open_vswitch(const Lab *lab, size_t node) {
        return lab->topology->nodes[node].kind == NODE_OVS_BRIDGE;
}

int lab_port_device(const Lab *lab, size_t node, const char *interface, char **ret, Err *err) {
        const Node *n = &lab->topology->nodes[node];
        ssize_t i = topology_find_interface(n, interface);
        const LabPort port = { .node = node };
        DeviceName name;

        if (i < 0 && is_open_vswitch(lab, node))
                return lab_port_hint(
                        lab, &port,
                        refuse(err, ENODEV, "node '%s' has no interface '%s'", n->name, interface),
                        err);
        if (i >= 0)
                name = device_name(lab->topology, (LinkSide){ node, (size_t) i });
        if (str_set(ret, i >= 0 ? name.text : interface) < 0)
                return fail(err, ENOMEM, "cannot find interface '%s'", interface);
        return 0;
}

int lab_port_open(const Lab *lab, const char *text, bool whole, LabPort *ret, Err *err) {
        const char *colon = strchr(text, ':');
        autofree char *name = strndup(text, colon ? (size_t) (colon - text) : strlen(text));
        autoport port = { .netns = -EBADF };
        ssize_t node;
        int r;

        if (!name)
                return fail(err, ENOMEM, "cannot find port '%s'", text);
        if ((!colon && !whole) || (colon && !colon[1]))
                return err_hint(err, refuse(err, EINVAL, "'%s' names no interface", text),
                                "a port is NODE:INTERFACE, like s1:eth1");
        node = lab_find_node(lab, name, err);
        if (node < 0)
                return (int) node;
        port.node = (size_t) node;
        r = colon ? lab_port_device(lab, port.node, colon + 1, &port.interface, err) : 0;
        if (r >= 0)
                r = port.netns = lab_node_netns(lab, port.node, err);
        if (r < 0)
                return r;
        *ret = port;
        port = (LabPort){ .netns = -EBADF };
        return 0;
}

int lab_port_hint(const Lab *lab, const LabPort *port, int code, Err *err) {
        const Node *n = &lab->topology->nodes[port->node];
        autostr names = {};

        for (size_t i = 0; i < n->n_interfaces; i++)
                str_printf(&names, "%s%s", i ? ", " : "", n->interfaces[i].name);
        if (code != -ENODEV || !names.length || names.failed)
                return code;
        return err_hint(err, code, "node '%s' has %s", n->name, names.text);
}

typedef struct Walk {
        const Lab *lab;
        size_t node;
        const char *interface; /* of Open vSwitch's, by the topology's name */
        int (*each)(const Filter *filter, size_t node, void *context);
        void *context;
} Walk;

/* Puts the topology's name of an interface of Open vSwitch in the place of the kernel's. */
static void name_target(const Lab *lab, size_t node, char name[IF_NAMESIZE]) {
        const Node *n = &lab->topology->nodes[node];

        for (size_t i = 0; i < n->n_interfaces; i++)
                if (str_equal(device_name(lab->topology, (LinkSide){ node, i }).text, name)) {
                        snprintf(name, IF_NAMESIZE, "%s", n->interfaces[i].name);
                        return;
                }
}

static int walk_filter(const Filter *filter, void *context) {
        const Walk *walk = context;
        Filter named = *filter;

        if (walk->interface) {
                snprintf(named.interface, sizeof named.interface, "%s", walk->interface);
                name_target(walk->lab, walk->node, named.target_name);
        }
        return walk->each(&named, walk->node, walk->context);
}

/* Switches of Open vSwitch share a namespace: of each there are the ports, one by one. */
static int walk_ports(Walk *walk, int netns, const char *device, Err *err) {
        const Topology *t = walk->lab->topology;
        const Node *n = &t->nodes[walk->node];
        int r = 0;

        for (size_t i = 0; r >= 0 && i < n->n_interfaces; i++) {
                DeviceName name = device_name(t, (LinkSide){ walk->node, i });

                if (device && !str_equal(device, name.text))
                        continue;
                walk->interface = n->interfaces[i].name;
                r = filter_each(netns, name.text, walk_filter, walk, err);
        }
        return r;
}

/* @device: one interface as the kernel calls it, or NULL. */
static int walk_node(const Lab *lab, Walk *walk, int netns, const char *device, Err *err) {
        walk->interface = NULL;
        if (is_open_vswitch(lab, walk->node))
                return walk_ports(walk, netns, device, err);
        return filter_each(netns, device, walk_filter, walk, err);
}

int lab_filter_each(const Lab *lab, const char *where,
                    int (*each)(const Filter *filter, size_t node, void *context), void *context,
                    Err *err) {
        Walk walk = { lab, 0, NULL, each, context };
        int r = 0;

        if (where) {
                autoport port = { .netns = -EBADF };

                r = lab_port_open(lab, where, true, &port, err);
                if (r < 0)
                        return r;
                walk.node = port.node;
                r = walk_node(lab, &walk, port.netns, port.interface, err);
                return lab_port_hint(lab, &port, r, err);
        }
        for (walk.node = 0; r >= 0 && walk.node < lab->topology->n_nodes; walk.node++) {
                autoclose int netns = -EBADF;

                if (!lab_node_runs(lab, walk.node))
                        continue;
                netns = lab_node_netns(lab, walk.node, err);
                r = netns < 0 ? netns : walk_node(lab, &walk, netns, NULL, err);
        }
        return r;
}

/* Where filters of one name are. */
typedef struct Found {
        const Lab *lab;
        const char *name;
        uint32_t *programs;
        size_t n, node; /* all of Open vSwitch's count as one */
        bool several_nodes;
        Str names; /* of all filters that there are */
} Found;

static int take_found(const Filter *filter, size_t node, void *context) {
        Found *found = context;
        uint32_t *grown;

        if (!found->names.length || !strstr(found->names.text, filter->name))
                str_printf(&found->names, "%s%s", found->names.length ? ", " : "", filter->name);
        if (!str_equal(filter->name, found->name))
                return 0;
        grown = reallocarray(found->programs, found->n + 1, sizeof *grown);
        if (!grown)
                return -ENOMEM;
        if (is_open_vswitch(found->lab, node))
                node = SIZE_MAX;
        found->several_nodes = found->several_nodes || (found->n && node != found->node);
        found->node = node;
        found->programs = grown;
        found->programs[found->n++] = filter->program;
        return 0;
}

static int refuse_found(const Found *found, const char *where, Err *err) {
        int r;

        if (found->n == 0) {
                r = refuse(err, ENOENT, "there is no filter '%s'%s%s%s", found->name,
                           where ? " at '" : "", where ? where : "", where ? "'" : "");
                return found->names.length && !found->names.failed
                               ? err_hint(err, r, "there is %s", found->names.text)
                               : r;
        }
        return err_hint(err,
                        refuse(err, ENOTUNIQ,
                               "there are several filters '%s', with maps of their "
                               "own",
                               found->name),
                        "say which with --at NODE or --at NODE:INTERFACE");
}

/* Filters of one name in one node share maps, but global variables and parameters. */
static bool is_each_ones(const char *map) {
        return str_equal(map, "data") || str_equal(map, "bss") || str_equal(map, "rodata");
}

int lab_filter_map(const Lab *lab, const char *where, const char *filter, const char *map,
                   FilterMap **ret, Err *err) {
        Found found = { .lab = lab, .name = filter };
        int r;

        r = lab_filter_each(lab, where, take_found, &found, err);
        if (r >= 0 && (found.n == 0 || found.several_nodes || (found.n > 1 && is_each_ones(map))))
                r = refuse_found(&found, where, err);
        /* One that does not use a map does not have it. */
        for (size_t i = 0; r >= 0 && i < found.n; i++) {
                err_clear(err);
                r = filter_map_open(found.programs[i], map, ret, err);
                if (r != -ENOENT)
                        break;
                if (i + 1 < found.n)
                        r = 0;
        }
        free(found.programs);
        str_clear(&found.names);
        return r < 0 ? r : 0;
}

static void put_members(Str *s, const json_t *value, const char *path) {
        autofree char *scalar = NULL;
        json_t *member;
        const char *name;
        size_t i;

        if (json_is_object(value)) {
                json_object_foreach((json_t *) value, name, member) {
                        autofree char *below = str_format("%s.%s", path, name);

                        put_members(s, member, below ? below : path);
                }
                return;
        }
        if (json_is_array(value)) {
                json_array_foreach(value, i, member) {
                        autofree char *below = str_format("%s[%zu]", path, i);

                        put_members(s, member, below ? below : path);
                }
                return;
        }
        if (!json_is_string(value))
                scalar = json_dumps(value, JSON_ENCODE_ANY);
        str_printf(s, "%s%s=%s", s->length ? " " : "", path,
                   json_is_string(value) ? json_string_value(value)
                   : scalar              ? scalar
                                         : "");
}

int filter_print_entries(json_t *entries, const char *format, Err *err) {
        const char *name;
        json_t *entry, *member;
        size_t i;

        if (format)
                return format_documents(entries, format, err);
        json_array_foreach(entries, i, entry) {
                autofree char *line = NULL;
                autostr words = {};

                json_object_foreach(entry, name, member) put_members(&words, member, name);
                line = str_take(&words);
                if (!line)
                        return fail(err, ENOMEM, "cannot print an entry");
                str_put(&words, line);
                str_put_char(&words, '\n');
                command_print(STDOUT_FILENO, words.text);
        }
        return 0;
}
