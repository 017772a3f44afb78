/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/str.h"
#include "test.h"
#include "topology/read.h"

static Topology *lab(const char *text) {
        Topology *t = topology_new();
        autoerr err = {};

        if (topology_read_lab(text, strlen(text), "f", t, &err) < 0) {
                fprintf(stderr, "# %s\n", err.message);
                return topology_free(t);
        }
        return t;
}

TEST(nodes_links_and_all_that) {
        autoptr(Topology) t = lab(
                "name: demo\nseed: 7\naddresses: {ipv4: 10.1.0.0/16}\n"
                "topology:\n"
                "  nodes:\n"
                "    h1: {cpu: 0.5, memory: 64m, env: {A: 1, B: two}, exec: [ip link], cmd: sleep '1 0'}\n"
                "    r1: {kind: router, routes: [default via 10.0.0.9], sysctls: {net.ipv4.ip_forward: 1}}\n"
                "    s1: {kind: bridge, stp: true, position: [1, 2.5]}\n"
                "  links:\n"
                "    - {endpoints: ['h1:eth1', 's1:p1'], delay: 10ms, a-to-b: {loss: 1%}, mtu: 9000, name: up}\n"
                "    - endpoints: [{node: r1, interface: eth1, mac: '02:00:00:00:00:01', ipv4: 10.1.0.1/24}, s1]\n"
                "tests:\n  - pingall\n  - ping: {from: h1, to: [r1, h1]}\n  - exec: true\n");
        autofree char *out = NULL, *back = NULL;

        expect(t && t->n_nodes == 3 && t->n_links == 2 && t->n_tests == 3 && t->seed == 7);
        expect_str(t->nodes[0].cmd[1], "1 0");
        expect(t->nodes[0].cpus == 0.5 && t->nodes[0].memory == 64 << 20);
        expect_str(strv_env_get(t->nodes[0].env, "B"), "two");
        expect(t->nodes[1].kind == NODE_ROUTER && t->nodes[2].stp && t->nodes[2].y == 2.5);
        out = quality_words(&t->links[0].quality[0]);
        back = quality_words(&t->links[0].quality[1]);
        expect_str(out, "delay=10ms loss=1%");
        expect_str(back, "delay=10ms");
        expect_str(t->links[0].name, "up");
        expect(t->links[0].mtu == 9000);
        expect(t->nodes[1].interfaces[0].has_mac && t->nodes[1].interfaces[0].n_addresses == 1);
        expect_str(t->nodes[2].interfaces[1].name, "eth1");
        expect_str(t->tests[1].settings[2], "to=h1");
        expect_str(t->tests[2].settings[0], "value=true");
}

TEST(defaults_kinds_and_groups_add_up) {
        autoptr(Topology) t = lab("topology:\n"
                                  "  defaults: {env: {A: d, B: d}, group: g}\n"
                                  "  kinds: {router: {env: {B: k}, exec: [one]}}\n"
                                  "  groups: {g: {kind: router, exec: [two]}}\n"
                                  "  nodes: {a: {exec: [three], env: {C: n}}, b: }\n");

        expect(t && t->nodes[0].kind == NODE_ROUTER && t->nodes[1].kind == NODE_ROUTER);
        expect(strv_length(t->nodes[0].exec) == 3);
        expect_str(t->nodes[0].exec[2], "three");
        expect_str(strv_env_get(t->nodes[0].env, "A"), "d");
        expect_str(strv_env_get(t->nodes[0].env, "B"), "k");
}

TEST(what_is_not_carried_out_is_noted) {
        autoptr(Topology) t = lab("prefix: ''\ntopology: {nodes: {a: {license: x}}}\n");

        expect(t && strv_length(t->notes) == 2);
        expect_str(t->notes[0], "f:1: 'prefix' is not carried out");
}

#define NODES "topology:\n  nodes: {a: , b: }\n  links:\n"

TEST(refusals_name_the_line_and_the_nearest_word) {
        static const struct {
                const char *text, *words;
        } cases[] = {
                { "name: x\n", "f:1: there is no 'topology'" },
                { "nmae: x\ntopology: {nodes: {a: }}\n",
                  "f:1: a lab has no key 'nmae'; did you mean 'name'?" },
                { "topology: {nodes: [a]}\n", "f:1: nodes must be a map, not a list" },
                { "topology: {links: []}\n", "f:1: there are no nodes" },
                { "topology: {nodes: {a: {imgae: x}}}\n",
                  "f:1: a node has no key 'imgae'; did you mean 'image'?" },
                { "topology:\n  nodes:\n    a: {kind: rooter}\n",
                  "f:3: there is no kind 'rooter'; did you mean 'router'?" },
                { "topology: {nodes: {a: {kind: nokia_srlinux}}}\n",
                  "f:1: there is no kind 'nokia_srlinux'" },
                { "topology: {nodes: {a: {cpu: many}}}\n", "f:1: 'many' is no value for 'cpu'" },
                { "topology: {nodes: {a: {cmd: \"x 'y\"}}}\n",
                  "f:1: a quote of 'x 'y' is not closed" },
                { "topology: {nodes: {a: {stages: {create: {wait-for: [{node: a, stage: helthy}]}}}}}\n",
                  "f:1: there is no stage 'helthy'; did you mean 'healthy'?" },
                { NODES "  - endpoints: [a:eth0]\n", "f:4: a link has two endpoints" },
                { NODES "  - endpoints: ['a:eth0', 'c:eth0']\n", "f:4: there is no node 'c'" },
                { NODES "  - {endpoints: ['a:', b]}\n", "f:4: 'a:' is not NODE:INTERFACE" },
                { NODES "  - {endpoints: [a, b], dealy: 1ms}\n",
                  "f:4: a link has no key 'dealy'; did you mean 'delay'?" },
                { NODES "  - {endpoints: [a, b], a-to-b: {lsos: 1%}}\n",
                  "f:4: a link has no property 'lsos'; did you mean 'loss'?" },
                { NODES "  - {endpoints: [a, b], delay: soon}\n", "f:4: 'soon' is no delay" },
                { NODES "  - {endpoints: [a, b], mtu: 10}\n",
                  "f:4: an MTU is a number from 68 to 65535" },
                { NODES "  - {endpoints: [a, b], ipv4: [10.0.0.1]}\n",
                  "f:4: '10.0.0.1' has no length: write '10.0.0.1/24' if its network is larger" },
                { NODES "  - {endpoints: [a, b], ipv4: ['fd00::1/64']}\n",
                  "f:4: 'fd00::1/64' is no IPv4 address" },
                { NODES "  - {endpoints: [a, 'host']}\n",
                  "f:4: 'host' names no interface of the host: say host:INTERFACE" },
                { NODES "  - {endpoints: [a, b], type: dummy}\n",
                  "f:4: a link of type 'dummy' is not made" },
                { NODES "  - {endpoints: [a, b], engine: warp}\n",
                  "f:4: 'warp' is no engine: auto, kernel, netem or wire" },
                { "topology: {nodes: {a: }}\nseed: x\n", "f:2: the seed must be a whole number" },
                { "topology: {nodes: {a: {interfaces: {eth0: {mac: x}}}}}\n",
                  "f:1: no link ends at 'a:eth0'" },
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                autoptr(Topology) t = topology_new();
                autoerr err = {};

                expect(topology_read_lab(cases[i].text, strlen(cases[i].text), "f", t, &err) < 0);
                expect_str(err.message, cases[i].words);
        }
}
