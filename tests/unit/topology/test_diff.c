/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/str.h"
#include "test.h"
#include "topology/address.h"
#include "topology/diff.h"
#include "topology/read.h"

#define BEFORE                                                             \
        "name: l\ntopology:\n  nodes: {a: , b: {cpu: 1}, c: }\n  links:\n" \
        "  - {endpoints: ['a:e0', 'b:e0'], delay: 10ms}\n"                 \
        "  - {endpoints: ['b:e1', 'c:e1'], ipv4: [10.9.0.1/24, 10.9.0.2/24]}\n"

static Topology *lab(const char *text) {
        Topology *t = topology_new();
        autoerr err = {};

        expect_ok(topology_read_lab(text, strlen(text), "f", t, &err));
        expect_ok(topology_assign_addresses(t, &err));
        return t;
}

static char *difference(const char *before, const char *after) {
        autoptr(Topology) a = lab(before);
        autoptr(Topology) b = lab(after);
        autochangelist list = {};
        autostr s = {};

        expect_ok(topology_diff(a, b, &list, NULL));
        for (size_t i = 0; i < list.n_changes; i++) {
                autofree char *words = change_words(a, b, &list.changes[i]);

                str_printf(&s, "%s\n", words);
        }
        return str_take(&s);
}

TEST(nothing_changes) {
        autofree char *words = difference(BEFORE, BEFORE);

        expect_str(words, "");
}

TEST(everything_changes) {
        autofree char *words = difference(
                BEFORE,
                "name: l\ntopology:\n  nodes: {a: , b: {cpu: 2, env: {X: 1}}, d: {kind: router}}\n"
                "  links:\n"
                "  - {endpoints: ['a:e0', 'b:e0'], a-to-b: {delay: 20ms}, mtu: 9000}\n"
                "  - {endpoints: ['b:e1', 'd:e1'], ipv4: [10.9.0.1/24, 10.9.0.3/24]}\n");

        expect_str(words,
                   "- node c\n"
                   "~ node b: env: nothing, then X=1; routes: nothing, then default via 10.9.0.3; "
                   "cpu: 1, then 2\n"
                   "+ node d (router)\n"
                   "- link b:e1 -- c:e1\n"
                   "~ link a:e0 -- b:e0: mtu: 1500, then 9000\n"
                   "~ link a:e0 -> b:e0: delay=10ms, then delay=20ms\n"
                   "~ link b:e0 -> a:e0: delay=10ms, then a cable\n"
                   "+ link b:e1 -- d:e1\n");
}

TEST(addresses_change) {
        autofree char *words = difference(
                BEFORE, "name: l\ntopology:\n  nodes: {a: , b: {cpu: 1}, c: }\n  links:\n"
                        "  - {endpoints: ['a:e0', 'b:e0'], delay: 10ms}\n"
                        "  - {endpoints: ['b:e1', 'c:e1'], ipv4: [10.9.0.1/24, 10.9.0.7/24]}\n");

        expect_str(words, "~ addresses of c:e1: 10.9.0.2/24, then 10.9.0.7/24\n");
}
