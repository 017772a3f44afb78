/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <string.h>

#include "base/nearest.h"
#include "base/str.h"
#include "measure/endpoint.h"

static int unknown(Err *err, int r, const char *nearest) {
        return nearest ? err_hint(err, r, "did you mean '%s'?", nearest) : r;
}

int endpoint_parse_node(const Topology *t, const char *word, Endpoint *ret, Err *err) {
        const char **names;
        int r;

        *ret = (Endpoint){ topology_find_node(t, word), -1, {} };
        if (ret->node >= 0)
                return 0;
        names = calloc(t->n_nodes + 1, sizeof *names);
        for (size_t i = 0; names && i < t->n_nodes; i++)
                names[i] = t->nodes[i].name;
        r = refuse(err, ENOENT, "'%s' is no node", word);
        r = unknown(err, r, names ? nearest_name(word, names) : NULL);
        free(names);
        return r;
}

static int parse_interface(const Topology *t, const char *word, const char *colon, Endpoint *ret,
                           Err *err) {
        autofree char *name = strndup(word, (size_t) (colon - word));
        int r = name ? endpoint_parse_node(t, name, ret, err)
                     : fail(err, ENOMEM, "cannot find '%s'", word);
        autostrv names = NULL;
        const Node *node;

        if (r < 0)
                return r;
        node = &t->nodes[ret->node];
        ret->interface = topology_find_interface(node, colon + 1);
        if (ret->interface >= 0)
                return 0;
        for (size_t i = 0; i < node->n_interfaces; i++)
                (void) strv_add(&names, node->interfaces[i].name);
        r = refuse(err, ENOENT, "node '%s' has no interface '%s'", name, colon + 1);
        return unknown(err, r, names ? nearest_name(colon + 1, (const char *const *) names) : NULL);
}

/* Which node has an address, if any. */
static void find_owner(const Topology *t, Endpoint *p) {
        for (size_t i = 0; i < t->n_nodes; i++)
                for (size_t k = 0; k < t->nodes[i].n_interfaces; k++) {
                        const Interface *in = &t->nodes[i].interfaces[k];

                        for (size_t a = 0; a < in->n_addresses; a++)
                                if (addr_equal(&in->addresses[a], &p->address)) {
                                        p->node = (ssize_t) i;
                                        p->interface = (ssize_t) k;
                                        return;
                                }
                }
}

int endpoint_parse(const Topology *t, const char *word, Endpoint *ret, Err *err) {
        const char *colon = strchr(word, ':');

        *ret = (Endpoint){ -1, -1, {} };
        if (addr_parse(word, &ret->address) >= 0) {
                find_owner(t, ret);
                return 0;
        }
        return colon ? parse_interface(t, word, colon, ret, err)
                     : endpoint_parse_node(t, word, ret, err);
}

static bool interface_address(const Interface *in, int family, Address *ret) {
        for (size_t i = 0; i < in->n_addresses; i++)
                if (in->addresses[i].family == family) {
                        *ret = in->addresses[i];
                        return true;
                }
        return false;
}

bool endpoint_address(const Topology *t, const Endpoint *p, int family, Address *ret) {
        if (p->address.family) {
                *ret = p->address;
                return p->address.family == family;
        }
        if (p->interface >= 0)
                return interface_address(&t->nodes[p->node].interfaces[p->interface], family, ret);
        for (size_t i = 0; i < t->nodes[p->node].n_interfaces; i++)
                if (interface_address(&t->nodes[p->node].interfaces[i], family, ret))
                        return true;
        return false;
}

char *endpoint_name(const Topology *t, const Endpoint *p) {
        char text[INET6_ADDRSTRLEN];

        if (p->address.family) {
                addr_text(&p->address, text);
                return strdup(text);
        }
        if (p->interface >= 0)
                return str_format("%s:%s", t->nodes[p->node].name,
                                  t->nodes[p->node].interfaces[p->interface].name);
        return strdup(t->nodes[p->node].name);
}
