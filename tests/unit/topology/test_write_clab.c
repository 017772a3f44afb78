/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/str.h"
#include "test.h"
#include "topology/read.h"
#include "topology/write.h"

static Topology *lab(const char *text) {
        Topology *t = topology_new();
        autoerr err = {};

        expect_well(topology_read_lab(text, strlen(text), "f", t, &err), err);
        return t;
}

static char *clab(const Topology *t, char ***notes) {
        Str s = {};

        expect(topology_write_clab(t, &s, notes) == 0);
        return str_take(&s);
}

TEST(everything_that_containerlab_has) {
        autoptr(Topology) t = lab(
                "name: demo\nmgmt: {network: oob, ipv4-subnet: 172.20.0.0/24}\ntopology:\n"
                "  nodes:\n"
                "    h1: {image: i, cmd: [sleep, '1 0', \"it's\"], exec: ['ip link', 'a && b'], "
                "routes: [default via 10.1.0.9, default via fd00::1], position: [1, 2.5], memory: "
                "64m, cpu: 0.5, mgmt-ipv4: 172.20.0.5, env: {A: b}, dns: {servers: [1.1.1.1]}}\n"
                "    r1: {kind: router, image: frr, sysctls: {net.ipv4.ip_forward: 0}, "
                "startup-delay: 3s, stages: {create: {wait-for: [{node: h1, stage: create}]}}, "
                "healthcheck: {test: [CMD, x], interval: 1500ms, retries: 2}}\n"
                "    s1: {kind: bridge}\n"
                "  links:\n"
                "    - {endpoints: ['h1:eth1', 'r1:eth1'], ipv4: [10.0.0.1/24, 10.0.0.2/24], "
                "mtu: 9000, labels: {l: m}}\n"
                "    - {endpoints: ['h1:eth2', 's1:p1'], ipv4: [10.1.0.1/24]}\n");
        autostrv notes = NULL;
        autofree char *text = clab(t, &notes);

        expect_str(text, "name: demo\n"
                         "mgmt:\n"
                         "  network: oob\n"
                         "  ipv4-subnet: 172.20.0.0/24\n"
                         "topology:\n"
                         "  nodes:\n"
                         "    h1:\n"
                         "      kind: linux\n"
                         "      image: i\n"
                         "      cmd: \"sleep '1 0' 'it'\\\\''s'\"\n"
                         "      env:\n"
                         "        A: b\n"
                         "      exec: [\"ip route add default via 10.1.0.9\", \"ip -6 route add "
                         "default via fd00::1\", \"ip link\", \"sh -c 'a && b'\"]\n"
                         "      dns:\n"
                         "        servers: [1.1.1.1]\n"
                         "      cpu: 0.5\n"
                         "      memory: 64MiB\n"
                         "      mgmt-ipv4: 172.20.0.5\n"
                         "      labels:\n"
                         "        graph-posX: 1\n"
                         "        graph-posY: 2.5\n"
                         "    r1:\n"
                         "      kind: linux\n"
                         "      image: frr\n"
                         "      sysctls:\n"
                         "        net.ipv4.ip_forward: 0\n"
                         "        net.ipv6.conf.all.forwarding: 1\n"
                         "      startup-delay: 3\n"
                         "      stages:\n"
                         "        create:\n"
                         "          wait-for:\n"
                         "            - node: h1\n"
                         "              stage: create\n"
                         "      healthcheck:\n"
                         "        test: [CMD, x]\n"
                         "        interval: 2\n"
                         "        retries: 2\n"
                         "    s1:\n"
                         "      kind: bridge\n"
                         "  links:\n"
                         "    - endpoints: [\"h1:eth1\", \"r1:eth1\"]\n"
                         "      ipv4: [10.0.0.1/24, 10.0.0.2/24]\n"
                         "      mtu: 9000\n"
                         "      labels:\n"
                         "        l: m\n"
                         "    - type: veth\n"
                         "      endpoints:\n"
                         "        - node: h1\n"
                         "          interface: eth2\n"
                         "          ipv4: 10.1.0.1/24\n"
                         "        - node: s1\n"
                         "          interface: s1-p1\n");
        expect(strv_length(notes) == 2);
        expect_str(notes[0], "Containerlab's switches are bridges of the host that have to exist, "
                             "and their ports are renamed; switches: 1");
        expect_str(notes[1], "Containerlab counts whole seconds; nodes with spans that became "
                             "longer: 1");
}

/* The reader takes Containerlab's files, this one too. */
TEST(it_is_read_back) {
        autoptr(Topology) t = lab("name: x\ntopology:\n  nodes:\n    a: {image: i, interfaces: "
                                  "{eth1: {mac: '02:00:00:00:00:01'}}}\n    b: {image: i}\n"
                                  "  links: [{endpoints: ['a:eth1', 'b:eth1'], ipv6: "
                                  "['fd00::1/64', 'fd00::2/64']}]\n");
        autostrv notes = NULL;
        autofree char *text = clab(t, &notes), *again = NULL;
        autoptr(Topology) back = lab(text);
        autostrv more = NULL;

        expect(!notes && !back->notes);
        expect(back->nodes[0].interfaces[0].has_mac && back->nodes[0].no_management);
        expect(back->nodes[1].interfaces[0].n_addresses == 1);
        again = clab(back, &more);
        expect_str(again, text);
}

TEST(what_it_cannot_say_is_noted) {
        autoptr(Topology) t = lab("name: x\nseed: 1\nmgmt: {}\ntopology:\n  nodes:\n"
                                  "    a: {workdir: /x}\n    b: {image: i, pids: 9}\n"
                                  "  links: [{endpoints: [a, b], delay: 1ms}]\n");
        static const char *const sentences[] = {
                "Containerlab needs an image for every node; nodes without: 1",
                "Containerlab's eth0 is the management network's; nodes with a link there, which "
                "are not in that network: 2",
                "Containerlab has no 'seed': the lab's is left out",
                "Containerlab has no workdir: 1 node loses it",
                "Containerlab has no pids: 1 node loses it",
                "Containerlab has no delay, rate, loss and so on: 1 link loses it",
        };
        autostrv notes = NULL;
        autofree char *text = clab(t, &notes);

        expect(strstr(text, "network-mode: none"));
        for (size_t i = 0; i < sizeof sentences / sizeof *sentences; i++)
                expect_str(notes[i], sentences[i]);
        expect(strv_length(notes) == sizeof sentences / sizeof *sentences);
}

/* Ports of bridges are interfaces of the host: no two may have one name, none may be too long. */
TEST(ports_are_one_on_the_host) {
        autoptr(Topology) t = lab("name: x\ntopology:\n  nodes: {s1: {kind: bridge}, s2: {kind: "
                                  "bridge}, a-bridge-of-long-name: {kind: bridge}}\n"
                                  "  links: [{endpoints: [s1, s2]}, {endpoints: "
                                  "[a-bridge-of-long-name, s2]}]\n");
        autostrv notes = NULL;
        autofree char *text = clab(t, &notes);

        expect(strstr(text, "[\"s1:s1-eth0\", \"s2:s2-eth0\"]"));
        expect(strstr(text, "[\"a-bridge-of-long-name:port1a\", \"s2:s2-eth1\"]"));
}
