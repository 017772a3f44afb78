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

static char *written(const Topology *t) {
        Str s = {};

        topology_write_lab(t, &s);
        return str_take(&s);
}

typedef int (*Write)(const Topology *t, Str *out, char ***notes);
typedef int (*Read)(const char *text, size_t size, const char *file, Topology *t, Err *err);

/* The topology after it was written and read, as lab.yml. */
static char *through(const Topology *t, Write write, Read read) {
        autoptr(Topology) back = topology_new();
        autofree char *text = NULL;
        autostrv notes = NULL;
        autoerr err = {};
        autostr s = {};

        expect(write(t, &s, &notes) == 0);
        expect(!notes);
        text = str_take(&s);
        expect_well(read(text, strlen(text), "f", back, &err), err);
        expect(!back->notes);
        free(back->name);
        back->name = strdup(t->name);
        return written(back);
}

static const char graph[] = "name: net\n"
                            "topology:\n"
                            "  nodes:\n"
                            "    h1:\n"
                            "      image: \"debian:12\"\n"
                            "      cpu: 0.1\n"
                            "      memory: 64m\n"
                            "      labels:\n"
                            "        note: \"<a & \\\"b\\\" \\\\ ü>\"\n"
                            "      position: [-1.5, 48.2]\n"
                            "    r1:\n"
                            "      kind: router\n"
                            "    s1:\n"
                            "      kind: bridge\n"
                            "      stp: true\n"
                            "    s2:\n"
                            "      kind: ovs-bridge\n"
                            "  links:\n"
                            "    - endpoints: [\"h1:eth1\", \"r1:eth0\"]\n"
                            "      name: up\n"
                            "      ipv4: [10.0.0.1/24, ~]\n"
                            "      ipv6: [\"fd00::1/64\", \"fd00::2/64\"]\n"
                            "      mtu: 9000\n"
                            "      engine: wire\n"
                            "      labels:\n"
                            "        medium: fibre\n"
                            "      loss: \"gemodel 1% 10% 50% 0%\"\n"
                            "      a-to-b:\n"
                            "        delay: 10ms\n"
                            "      b-to-a:\n"
                            "        rate: 1mbit\n"
                            "    - endpoints: [\"s1:eth0\", \"r1:eth1\"]\n"
                            "      delay: 250us\n"
                            "    - endpoints: [\"h1:eth2\", \"r1:eth2\"]\n"
                            "    - endpoints: [\"s1:eth1\", \"s2:p1\"]\n";

TEST(graphml_is_read_back) {
        autoptr(Topology) t = lab(graph);
        autofree char *text = NULL, *wanted = NULL;

        text = through(t, topology_write_graphml, topology_read_graphml);
        wanted = written(t);
        expect_str(text, wanted);
}

TEST(dot_is_read_back) {
        autoptr(Topology) t = lab(graph);
        autofree char *text = NULL, *wanted = NULL;

        text = through(t, topology_write_dot, topology_read_dot);
        wanted = written(t);
        expect_str(text, wanted);
}

TEST(without_different_directions_it_is_no_digraph) {
        autoptr(Topology) t = lab("name: n\ntopology: {nodes: {a: , b: }, links: [{endpoints: "
                                  "[a, b], delay: 1ms}]}\n");
        autofree char *text = NULL, *wanted = NULL;
        autostrv notes = NULL;
        autostr s = {};

        expect(topology_write_dot(t, &s, &notes) == 0);
        expect_str(s.text, "graph \"n\" {\n  \"a\" [kind=\"host\"];\n  \"b\" [kind=\"host\"];\n"
                           "  \"a\":\"eth0\" -- \"b\":\"eth0\" [delay=\"1ms\"];\n}\n");
        text = through(t, topology_write_dot, topology_read_dot);
        wanted = written(t);
        expect_str(text, wanted);
}

/* What XML has no way to say does not make a file that nobody can read. */
TEST(bytes_that_are_no_characters) {
        autoptr(Topology) t = topology_new();
        autoptr(Topology) back = topology_new();
        autofree char *text = NULL;
        autostrv notes = NULL;
        autoerr err = {};
        autostr s = {};

        expect(topology_add_node(t, "a", NODE_HOST) == 0);
        expect(strv_add(&t->nodes[0].labels, "k=\x01\xff\xc3\xef\xbf\xbe\n<") == 0);
        expect(topology_write_graphml(t, &s, &notes) == 0);
        text = str_take(&s);
        expect_well(topology_read_graphml(text, strlen(text), "f", back, &err), err);
        expect_str(back->nodes[0].labels[0], "k=????\n<");
}

TEST(what_is_lost_is_noted) {
        autoptr(Topology) t = lab("name: n\nseed: 1\ntests: [pingall]\ntopology:\n  nodes:\n"
                                  "    a: {exec: [x], pids: 3, startup-delay: 1s, image: i}\n"
                                  "    b: {exec: [y], interfaces: {eth0: {mac: "
                                  "'02:00:00:00:00:01', ipv4: [10.0.0.1/24, 10.0.1.1/24]}}}\n"
                                  "  links: [{endpoints: [a, b]}, {endpoints: [a, a]}]\n");
        static const char *const sentences[] = {
                "dot has no 'seed': the lab's is left out",
                "dot has no 'tests': the lab's is left out",
                "dot has no exec: 2 nodes lose it",
                "dot has no pids: 1 node loses it",
                "dot has no startup-delay: 1 node loses it",
                "dot has no mac: 1 node loses it",
                "links of a node to itself are left out: 1",
                "dot has one address of a kind for an interface; interfaces that lose more: 1",
        };
        autostrv notes = NULL;
        autostr s = {};

        expect(topology_write_dot(t, &s, &notes) == 0);
        for (size_t i = 0; i < sizeof sentences / sizeof *sentences; i++)
                expect_str(notes[i], sentences[i]);
        expect(strv_length(notes) == sizeof sentences / sizeof *sentences);
}
