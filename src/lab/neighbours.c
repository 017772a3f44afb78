/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/str.h"
#include "lab/neighbours.h"
#include "topology/domain.h"

#define LIMIT "net.ipv4.neigh.default.gc_thresh3"

/* Of each domain every node with every other, in one family; SIZE_MAX without memory. */
static size_t count_pairs(const Topology *t) {
        autofree size_t *numbers = NULL, *members = NULL;
        ssize_t n = topology_domains(t, &numbers);
        size_t pairs = 0;

        members = n < 0 ? NULL : calloc((size_t) n + 1, sizeof *members);
        if (!members)
                return SIZE_MAX;
        for (size_t i = 0; i < t->n_nodes; i++)
                for (size_t k = 0; k < t->nodes[i].n_interfaces; k++)
                        if (t->nodes[i].interfaces[k].n_addresses > 0)
                                members[numbers[t->nodes[i].interfaces[k].link]]++;
        for (ssize_t i = 0; i < n; i++)
                pairs += members[i] > 0 ? members[i] * (members[i] - 1) : 0;
        return pairs;
}

uint64_t lab_neighbour_limit(void) {
        autofree char *text = NULL;
        uint64_t limit;

        return file_read_line(AT_FDCWD, "/proc/sys/net/ipv4/neigh/default/gc_thresh3", &text) < 0 ||
                               parse_u64(text, &limit) < 0
                       ? UINT64_MAX
                       : limit;
}

int lab_note_neighbours(Topology *t, uint64_t limit) {
        size_t pairs = count_pairs(t);

        if (pairs == SIZE_MAX)
                return -ENOMEM;
        if (pairs <= limit)
                return 0;
        return strv_addf(&t->notes,
                         "if all nodes talk to each other, they have %zu neighbours, and this "
                         "machine remembers %ju: sending fails beyond that, for seconds; "
                         "'sysctl -w " LIMIT "=%zu net.ipv6.neigh.default.gc_thresh3=%zu' makes "
                         "room",
                         pairs, (uintmax_t) limit, 2 * pairs, 2 * pairs);
}
