/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Maps of every kind, and global variables. */

#include "isola_filter.h"

struct key {
        isola_ip saddr;
        u16 dport;
        u8 protocol, _fill;
};
struct value {
        u64 rate;
        enum isola_verdict verdict;
        bool on;
        char name[8];
        s16 offset;
};

ISOLA_HASH(rules, struct key, struct value, 4);
ISOLA_LRU(recent, u32, u64, 64);
ISOLA_ARRAY(slots, u32, 4);
ISOLA_CPU_ARRAY(by_cpu, struct isola_counter, 2);
ISOLA_PREFIXES(networks, u32, 16);
ISOLA_PARAM(u32, limit) = 5;
u64 seen = 0;
u32 answer = 42;

ISOLA_FILTER(types) {
        struct key key = { .saddr = p->saddr, .dport = p->dport, .protocol = p->protocol };
        isola_prefix prefix = isola_prefix_of(&p->saddr);
        u32 *network = isola_get(&networks, &prefix);
        u32 index = 1, length = p->length;
        struct isola_counter *counter = isola_get(&by_cpu, &index);
        u64 *count = isola_get_or_add(&recent, &length);
        u32 *slot = isola_get(&slots, &index);

        seen++;
        if (counter)
                counter->packets++;
        if (count)
                ++*count;
        if (slot)
                *slot = network ? *network : 0;
        return isola_get(&rules, &key) || p->length == limit || answer == p->length ? ISOLA_MATCH
                                                                                    : ISOLA_PASS;
}
