/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"
#include "topology/read.h"

#define NODES "name: l\ntopology:\n  nodes: {a: , b: , s: {kind: bridge}}\n  links:\n"

#define WAIT(list) "stages: {create: {wait-for: [" list "]}}"
#define WAITS(list)                                                                        \
        "name: l\ntopology: {nodes: {a: {" WAIT(list) "}, b: , c: {cmd: true}, d: {" WAIT( \
                "{node: b, stage: create}, {node: e, stage: create}") "}, e: {" WAIT("{node: a, stage: configure}") "}}}\n"

TEST(what_cannot_be_is_refused_with_its_line) {
        static const struct {
                const char *text, *words; /* NULL: it can be */
        } cases[] = {
                { NODES "  - {endpoints: ['a:e', 'b:e']}\n", NULL },
                { "name: 'a b'\ntopology: {nodes: {a: }}\n",
                  "f: 'a b' is no name of a lab: letters, digits, and _ . - after the first, at most 63" },
                { "name: l\ntopology: {nodes: {-a: }}\n",
                  "f:2: '-a' is no name of a node: letters, digits, and _ . - after the first, at most 63" },
                { NODES "  - {endpoints: ['a:e', 'b:e']}\n  - {endpoints: ['a:e', 'b:f']}\n",
                  "f:6: 'a:e' is an endpoint of two links" },
                { NODES "  - {endpoints: ['a:interface-too-long', 'b:e']}\n",
                  "f:5: 'interface-too-long' is no name of an interface: at most 15 bytes, without "
                  "'/', ':' and spaces, and not 'lo'" },
                { NODES "  - {endpoints: [{node: a, interface: ''}, 'b:e']}\n",
                  "f:5: '' is no name of an interface: at most 15 bytes, without '/', ':' and "
                  "spaces, and not 'lo'" },
                { NODES "  - {endpoints: ['a:lo', 'b:e']}\n",
                  "f:5: 'lo' is no name of an interface: at most 15 bytes, without '/', ':' and "
                  "spaces, and not 'lo'" },
                { NODES "  - {endpoints: ['a:e', 's:p'], ipv4: ['', 10.0.0.1/24]}\n",
                  "f:5: 's:p' is a port of a switch and cannot have an address" },
                { NODES "  - {endpoints: ['a:e', 'b:e'], jitter: 1ms}\n",
                  "f:5: link 'a:e--b:e': the jitter is larger than the delay" },
                { NODES "  - {endpoints: ['s:p', 's:q']}\n",
                  "f:5: link 's:p--s:q' joins a switch to itself" },
                { NODES "  - {endpoints: ['a:e', 'b:e'], ipv4: [10.0.0.1/24, 10.0.0.1/24]}\n",
                  "f:5: 'a:e' and 'b:e' both have the address 10.0.0.1" },
                { NODES "  - {endpoints: ['a:e', 'b:e'], ipv4: [10.0.0.1/24, 10.0.0.2/24]}\n"
                        "  - {endpoints: ['a:f', 'b:f'], ipv4: [10.0.0.129/25, 10.0.0.130/25]}\n",
                  "f:6: the network of 'a:f' (10.0.0.129/25) overlaps that of 'a:e' (10.0.0.1/24), "
                  "and no switch joins them" },
                { NODES "  - {endpoints: ['a:e', 's:p'], ipv4: [10.0.0.1/24]}\n"
                        "  - {endpoints: ['b:e', 's:q'], ipv4: [10.0.0.2/24]}\n",
                  NULL },
                { "name: l\ntopology: {nodes: {a: {stages: {create: {wait-for: [{node: b, stage: "
                  "create}]}}}}}\n",
                  "f:2: 'a' waits for 'b', which is no node" },
                { WAITS("{node: a, stage: create}"), "f:2: 'a' waits for itself" },
                { WAITS("{node: b, stage: create}, {node: c, stage: exit}"), NULL },
                { WAITS("{node: b, stage: exit}"),
                  "f:2: 'a' waits for the end of 'b', which has no command" },
                { WAITS("{node: d, stage: create}"),
                  "f:2: nodes wait for each other: 'a' waits for 'd', which waits for 'e', which "
                  "waits for 'a'" },
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                autoptr(Topology) t = topology_new();
                autoerr err = {};
                int r;

                expect_ok(topology_read_lab(cases[i].text, strlen(cases[i].text), "f", t, &err));
                r = topology_check(t, &err);
                if (cases[i].words) {
                        expect(r < 0);
                        expect_str(err.message, cases[i].words);
                } else
                        expect_ok(r);
        }
}
