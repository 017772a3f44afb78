/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Docker's document about a network. */

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/str.h"
#include "engine/container.h"
#include "engine/network_internal.h"

static void add_subnet(json_t *config, const char *subnet, const char *gateway) {
        if (!str_empty(subnet))
                json_array_append_new(
                        config, json_pack("{s:s, s:s*}", "Subnet", subnet, "Gateway", gateway));
}

static json_t *with_length(const char *address, int prefix) {
        autofree char *text = NULL;

        if (str_empty(address))
                return json_string("");
        text = str_format("%s/%d", address, prefix);
        return json_string(text ? text : "");
}

/* One member of "Containers"; nothing for a container that is just going. */
static void add_container(const Home *home, const Network *n, const char *id, json_t *object) {
        autoptr(Container) c = NULL;

        if (container_load(home, id, &c, NULL) < 0)
                return;
        for (size_t i = 0; i < c->state.n_networks; i++) {
                const Endpoint *e = &c->state.networks[i];

                if (!str_equal(e->network, n->name))
                        continue;
                json_object_set_new(
                        object, id,
                        json_pack("{s:s, s:s*, s:s*, s:o, s:o}", "Name", c->name, "EndpointID",
                                  e->endpoint_id, "MacAddress", e->mac_address, "IPv4Address",
                                  with_length(e->ip_address, e->ip_prefix), "IPv6Address",
                                  with_length(e->ip6_address, e->ip6_prefix)));
        }
}

int network_inspect(const Home *home, const Network *n, struct json_t **ret, Err *err) {
        autostrv users = NULL;
        json_t *config = json_array(), *containers = json_object(), *document;
        int r;

        r = str_equal(n->driver, "bridge") ? network_users(home, n, &users, err) : 0;
        if (r < 0) {
                json_decref(config);
                json_decref(containers);
                return r;
        }
        strv_foreach(user, users)
                add_container(home, n, *user, containers);
        add_subnet(config, n->subnet, n->gateway);
        add_subnet(config, n->subnet6, n->gateway6);

        document = json_pack(
                "{s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:{s:s, s:n, s:o}, s:b, s:b, s:b, s:{s:s}, "
                "s:b, s:o, s:o, s:o}",
                "Name", n->name, "Id", n->id, "Created", n->created, "Scope", "local", "Driver",
                n->driver, "EnableIPv4", 1, "EnableIPv6", n->ipv6, "IPAM", "Driver", "default",
                "Options", "Config", config, "Internal", n->internal, "Attachable", 0, "Ingress", 0,
                "ConfigFrom", "Network", "", "ConfigOnly", 0, "Containers", containers, "Options",
                json_pairs_tree(n->options), "Labels", json_pairs_tree(n->labels));
        if (!document)
                return fail(err, ENOMEM, "cannot describe network '%s'", n->name);
        if (n->bridge)
                json_object_set_new(json_object_get(document, "Options"),
                                    "com.docker.network.bridge.name", json_string(n->bridge));
        *ret = document;
        return 0;
}
