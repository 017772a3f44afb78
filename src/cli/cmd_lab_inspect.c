/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cli/format.h"
#include "cli/lab_operand.h"
#include "lab/porter.h"
#include "lab/uplink.h"
#include "topology/management.h"

typedef struct InspectOptions {
        const char *format;
} InspectOptions;

static const Option options[] COMMAND_DATA = {
        OPT_STRING('f', "format", InspectOptions, format, "FORMAT", "json, or a Go template"),
        {},
};

static json_t *address_list(const Interface *in) {
        json_t *list = json_array();

        for (size_t i = 0; i < in->n_addresses; i++) {
                char text[INET6_ADDRSTRLEN];

                addr_text(&in->addresses[i], text);
                json_array_append_new(list, json_sprintf("%s/%u", text, in->addresses[i].prefix));
        }
        return list;
}

static json_t *interface_map(const Topology *t, const Node *n) {
        json_t *map = json_object();

        for (size_t i = 0; i < n->n_interfaces; i++) {
                const Interface *in = &n->interfaces[i];
                const uint8_t *m = in->mac;

                json_object_set_new(map, in->name,
                                    json_pack("{s:o, s:o, s:s}", "Addresses", address_list(in),
                                              "MacAddress",
                                              json_sprintf("%02x:%02x:%02x:%02x:%02x:%02x", m[0],
                                                           m[1], m[2], m[3], m[4], m[5]),
                                              "Link", t->links[in->link].name));
        }
        return map;
}

/* Its interface in the management network; an empty object for a node that is not in it. */
static json_t *management(const Topology *t, const Node *n) {
        char v4[INET6_ADDRSTRLEN], v6[INET6_ADDRSTRLEN];

        if (!node_is_managed(t, n))
                return json_object();
        addr_text(&n->management, v4);
        addr_text(&n->management6, v6);
        return json_pack("{s:s, s:[o, o]}", "Interface", management_interface(t), "Addresses",
                         json_sprintf("%s/%u", v4, n->management.prefix),
                         json_sprintf("%s/%u", v6, n->management6.prefix));
}

/* As Docker shows those of a container: {"80/tcp": [{"HostIp": …, "HostPort": …}]}. */
static json_t *published(const LabPorts *ports, const Node *n) {
        json_t *map = json_object();

        for (size_t i = 0; i < ports->n_ports; i++) {
                const LabPort *p = &ports->ports[i];
                json_t *list = json_object_get(map, p->port);

                if (!str_equal(p->node, n->name))
                        continue;
                if (!list) {
                        json_object_set_new(map, p->port, json_array());
                        list = json_object_get(map, p->port);
                }
                json_array_append_new(list, json_pack("{s:s, s:s}", "HostIp",
                                                      p->host_ip ? p->host_ip : "", "HostPort",
                                                      p->host_port));
        }
        return map;
}

static json_t *node_list(const Lab *lab, const LabPorts *ports) {
        json_t *list = json_array();

        for (size_t i = 0; i < lab->topology->n_nodes; i++) {
                const Node *n = &lab->topology->nodes[i];
                const char *container = lab->state.nodes[i].container;
                int pid = lab_node_pid(lab, i);

                json_array_append_new(
                        list,
                        json_pack("{s:s, s:s, s:s, s:s, s:b, s:i, s:o, s:o, s:o}", "Name", n->name,
                                  "Kind", node_kind_names[n->kind], "Image",
                                  n->image ? n->image : "", "Container", container ? container : "",
                                  "Running", pid > 0, "Pid", pid, "Management",
                                  management(lab->topology, n), "Ports", published(ports, n),
                                  "Interfaces", interface_map(lab->topology, n)));
        }
        return list;
}

static json_t *direction(const Topology *t, const TopologyLink *l, int end) {
        autofree char *words = quality_words(&l->quality[end]);

        return json_pack("{s:o, s:o, s:s}", "From",
                         json_sprintf("%s:%s", t->nodes[l->sides[end].node].name,
                                      topology_interface(t, l->sides[end])->name),
                         "To",
                         json_sprintf("%s:%s", t->nodes[l->sides[!end].node].name,
                                      topology_interface(t, l->sides[!end])->name),
                         "Quality", words ? words : "");
}

static json_t *link_list(const Lab *lab) {
        const Topology *t = lab->topology;
        json_t *list = json_array();

        for (size_t i = 0; i < t->n_links; i++)
                json_array_append_new(
                        list,
                        json_pack("{s:s, s:i, s:[o, o]}", "Name", t->links[i].name, "Mtu",
                                  t->links[i].mtu ? (int) t->links[i].mtu : 1500, "Directions",
                                  direction(t, &t->links[i], 0), direction(t, &t->links[i], 1)));
        return list;
}

static json_t *settings_map(char *const *settings) {
        json_t *map = json_object();

        strv_foreach(setting, settings) {
                size_t n = strcspn(*setting, "=");
                autofree char *key = strndup(*setting, n);
                json_t *before = key ? json_object_get(map, key) : NULL;

                /* A key that is there several times is a list. */
                if (key && before && json_is_string(before))
                        json_object_set_new(map, key,
                                            json_pack("[O, s]", before, *setting + n + 1));
                else if (key && before)
                        json_array_append_new(before, json_string(*setting + n + 1));
                else if (key)
                        json_object_set_new(map, key, json_string(*setting + n + 1));
        }
        return map;
}

static json_t *uplink(const Lab *lab, size_t index) {
        const Topology *t = lab->topology;
        const Uplink *u = &t->uplinks[index];
        autouplinkview view = {};
        json_t *addresses = json_array();
        const uint8_t *m = view.mac;

        /* Of a node that does not run nothing is known. */
        (void) lab_uplink_view(lab, index, &view, NULL);
        for (size_t i = 0; i < view.n_addresses; i++) {
                char text[INET6_ADDRSTRLEN];

                addr_text(&view.addresses[i], text);
                json_array_append_new(addresses,
                                      json_sprintf("%s/%u", text, view.addresses[i].prefix));
        }
        return json_pack(
                "{s:s, s:s, s:s, s:s, s:i, s:o, s:o, s:o}", "Node", t->nodes[u->node].name,
                "Interface", u->interface, "Kind", u->kind, "State",
                !view.there ? "missing"
                : view.up   ? "up"
                            : "down",
                "Mtu", (int) view.mtu, "MacAddress",
                json_sprintf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]),
                "Addresses", addresses, "Settings", settings_map(u->settings));
}

static json_t *uplink_list(const Lab *lab) {
        json_t *list = json_array();

        for (size_t i = 0; i < lab->topology->n_uplinks; i++)
                json_array_append_new(list, uplink(lab, i));
        return list;
}

static json_t *describe(const Lab *lab, const LabPorts *ports) {
        const LabState *s = &lab->state;

        return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:o, s:o, s:o}", "Name", lab->name,
                         "Status", lab_status(lab) == LAB_RUNNING ? "running" : "broken", "Created",
                         s->created ? s->created : "", "File", s->source ? s->source : "", "Seed",
                         (json_int_t) lab->topology->seed, "FirstUserId", (json_int_t) s->ids,
                         "Nodes", node_list(lab, ports), "Links", link_list(lab), "Uplinks",
                         uplink_list(lab));
}

static int cmd_lab_inspect(const CommandInput *in, Err *err) {
        const InspectOptions *o = in->options;
        autolabports ports = {};
        autoptr(Lab) lab = NULL;
        json_t *documents;
        int r = lab_operand_open(in->home, in->n_args > 0 ? in->args[0] : NULL, &lab, err);

        if (r >= 0)
                r = lab_published_ports(lab, &ports, err);
        if (r < 0)
                return r;
        documents = json_array();
        if (json_array_append_new(documents, describe(lab, &ports)) < 0)
                r = fail(err, ENOMEM, "cannot describe lab '%s'", lab->name);
        else
                r = format_documents(documents, o->format, err);
        json_decref(documents);
        return r;
}

COMMAND(lab_inspect) = {
        .name = "lab inspect",
        .group = "Labs",
        .synopsis = "[OPTION...] [LAB]",
        .summary = "Show all about a lab",
        .options = options,
        .options_size = sizeof(InspectOptions),
        .max_args = 1,
        .completes = "lab",
        .run = cmd_lab_inspect,
};
