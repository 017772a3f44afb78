/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>

#include "topology/domain.h"

static size_t find(size_t *parent, size_t i) {
        while (parent[i] != i)
                i = parent[i] = parent[parent[i]];
        return i;
}

ssize_t topology_domains(const Topology *t, size_t **ret) {
        autofree size_t *parent = calloc(t->n_links + 1, sizeof *parent);
        size_t *number = calloc(t->n_links + 1, sizeof *number), n = 0;

        if (!parent || !number) {
                free(number);
                return -ENOMEM;
        }
        for (size_t i = 0; i < t->n_links; i++)
                parent[i] = i;
        for (size_t i = 0; i < t->n_nodes; i++) {
                const Node *node = &t->nodes[i];

                /* The earliest link stands for all. */
                for (size_t k = 1; node_is_switch(node) && k < node->n_interfaces; k++) {
                        size_t a = find(parent, node->interfaces[0].link);
                        size_t b = find(parent, node->interfaces[k].link);

                        parent[a > b ? a : b] = a < b ? a : b;
                }
        }
        for (size_t i = 0; i < t->n_links; i++) {
                size_t first = find(parent, i);

                number[i] = first == i ? n++ : number[first];
        }
        *ret = number;
        return (ssize_t) n;
}
