/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/str.h"
#include "test.h"
#include "topology/generate.h"
#include "topology/read.h"
#include "topology/write.h"

static char *written(const Topology *t) {
        Str s = {};

        topology_write_lab(t, &s);
        return str_take(&s);
}

static Topology *lab(const char *text) {
        Topology *t = topology_new();
        autoerr err = {};

        expect_well(topology_read_lab(text, strlen(text), "f", t, &err), err);
        return t;
}

/* All that the format has. */
static const char everything[] =
        "name: everything\n"
        "seed: 18446744073709551615\n"
        "addresses:\n"
        "  ipv4: 10.1.0.0/16\n"
        "  ipv6: \"fd00:1::/48\"\n"
        "mgmt:\n"
        "  network: oob\n"
        "  ipv4-subnet: 172.20.0.0/24\n"
        "  ipv6-subnet: \"fd00:2::/64\"\n"
        "topology:\n"
        "  nodes:\n"
        "    h1:\n"
        "      group: g\n"
        "      image: \"debian:12\"\n"
        "      entrypoint: /bin/init\n"
        "      cmd: [sleep, \"1 0\", \"it's\"]\n"
        "      user: nobody\n"
        "      workdir: /srv\n"
        "      env:\n"
        "        A: 1\n"
        "        B: \"x=y: z\"\n"
        "        C: \"\"\n"
        "      binds: [\"/a:/b:ro\"]\n"
        "      ports: [\"8080:80/tcp\"]\n"
        "      cap-add: [NET_RAW]\n"
        "      sysctls:\n"
        "        net.ipv4.ip_forward: 1\n"
        "      routes: [\"default via 10.1.0.9\"]\n"
        "      exec: [\"for i in 1 2; do\\n\\techo \\\"$i\\\"\\ndone\"]\n"
        "      dns:\n"
        "        servers: [10.1.0.3]\n"
        "      cpu: 0.1\n"
        "      cpu-set: \"0,2\"\n"
        "      memory: 64m\n"
        "      pids: 100\n"
        "      labels:\n"
        "        role: client\n"
        "      mgmt-ipv4: 172.20.0.5/24\n"
        "      mgmt-ipv6: \"fd00:2::5/128\"\n"
        "      startup-delay: 1500ms\n"
        "      stages:\n"
        "        create:\n"
        "          wait-for:\n"
        "            - {node: s1, stage: create}\n"
        "            - {node: r1, stage: healthy}\n"
        "      position: [1, -2.5]\n"
        "      interfaces:\n"
        "        eth1:\n"
        "          mac: \"02:00:00:00:00:0a\"\n"
        "        eth2:\n"
        "          ipv4: [10.1.5.1/24, 10.1.6.1/24]\n"
        "          ipv6: [\"fd00:1::7/64\"]\n"
        "    r1:\n"
        "      kind: router\n"
        "      network-mode: none\n"
        "      healthcheck:\n"
        "        test: [CMD, CMD, x]\n"
        "        interval: 1s\n"
        "        timeout: 300ms\n"
        "        start-period: 2s\n"
        "        retries: 3\n"
        "    s1:\n"
        "      kind: bridge\n"
        "      stp: true\n"
        "      vlan-filtering: true\n"
        "    s2:\n"
        "      kind: ovs-bridge\n"
        "      controllers: [\"tcp:127.0.0.1:6653\", learning]\n"
        "      protocols: \"OpenFlow10,OpenFlow13\"\n"
        "      dpid: 0000000000000002\n"
        "      fail-mode: secure\n"
        "  links:\n"
        "    - endpoints: [\"h1:eth1\", \"r1:eth0\"]\n"
        "      name: up\n"
        "      ipv4: [10.1.1.1/32, ~]\n"
        "      ipv6: [\"fd00:1:1::1/64\", \"fd00:1:1::2/64\"]\n"
        "      mtu: 9000\n"
        "      engine: wire\n"
        "      labels:\n"
        "        medium: fibre\n"
        "      delay: 10ms\n"
        "      schedule: \"10s delay=20ms loss=gemodel 1% 10% 100% 0%; 20s loss=0%\"\n"
        "      a-to-b:\n"
        "        jitter: 1ms\n"
        "        distribution: pareto\n"
        "        order: free\n"
        "        rate: 1500kbit\n"
        "        queue: 20ms\n"
        "        discipline: codel\n"
        "        loss: \"gemodel 1% 10% 50% 0.1%\"\n"
        "        seed: 7\n"
        "      b-to-a:\n"
        "        loss: \"pattern /tmp/p\"\n"
        "        corrupt: 0.1%\n"
        "        duplicate: 0.2%\n"
        "        reorder: 0.3%\n"
        "        trace: /tmp/t\n"
        "    - endpoints: [\"h1:eth2\", \"s1:eth0\"]\n"
        "    - endpoints: [\"s1:eth1\", \"s2:p1\"]\n"
        "uplinks:\n"
        "  - kind: macvlan\n"
        "    node: s1\n"
        "    interface: up0\n"
        "    nic: eth9\n"
        "    vlans: [1, 2]\n"
        "tests:\n"
        "  - pingall\n"
        "  - ping:\n"
        "      from: h1\n"
        "      to: [r1, s1]\n"
        "  - exec:\n"
        "      value: \"true\"\n"
        "measurements:\n"
        "  - rtt:\n"
        "      count: 10\n";

TEST(what_is_written_is_read_back_and_complete) {
        autoptr(Topology) t = lab(everything);
        autofree char *text = written(t);

        expect_str(text, everything);
}

TEST(generated_labs_are_read_back) {
        for (const Generator *g = generators; g->name; g++) {
                autoptr(Topology) t = NULL;
                autoptr(Topology) back = NULL;
                autofree char *text = NULL, *again = NULL;
                autoerr err = {};

                expect_well(topology_generate(g->name, NULL, 0, &t, &err), err);
                text = written(t);
                back = lab(text);
                again = written(back);
                expect_str(again, text);
                expect(back->n_nodes == t->n_nodes && back->n_links == t->n_links);
                for (size_t i = 0; i < t->n_links; i++) {
                        expect_str(back->links[i].name, t->links[i].name);
                        expect(back->links[i].sides[1].node == t->links[i].sides[1].node);
                }
        }
}

TEST(addresses_none_and_nothing_else) {
        autoptr(Topology) t = lab("addresses: none\ntopology: {nodes: {a: }}\n");
        autofree char *text = written(t);

        expect_str(text, "addresses: none\ntopology:\n  nodes:\n    a:\n");
}

/* Whatever a name or a value is made of, it stays one. */
TEST(odd_texts_survive) {
        static const char *const texts[] = { "- x", "a: b", "#", "\"'\\", "[", "yes", "1e3", "\t" };

        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
                autoptr(Topology) t = topology_new();
                autoptr(Topology) back = NULL;
                autofree char *text = NULL;

                expect(topology_add_node(t, texts[i], NODE_HOST) == 0);
                expect(strv_addf(&t->nodes[0].env, "K=%s", texts[i]) == 0);
                expect(strv_add(&t->nodes[0].exec, texts[i]) == 0);
                text = written(t);
                back = lab(text);
                expect_str(back->nodes[0].name, texts[i]);
                expect_str(back->nodes[0].env[0] + 2, texts[i]);
                expect_str(back->nodes[0].exec[0], texts[i]);
        }
}
