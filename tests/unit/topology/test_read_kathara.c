/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/file.h"
#include "base/str.h"
#include "test.h"
#include "topology/read.h"

#define LAB "/tmp/lab"
#define IN  CLONE_NEWNS

/* A file of the lab, in the test's own /tmp. */
static void put(const char *path, const char *text) {
        autofree char *whole = str_format(LAB "/%s", path), *directory = strdup(whole);

        *strrchr(directory, '/') = '\0';
        expect(dir_make(AT_FDCWD, directory, 0755) == 0);
        expect(file_create(AT_FDCWD, whole, text, strlen(text), 0644) == 0);
}

static void scratch(void) {
        test_scratch("/tmp");
        expect(mkdir(LAB, 0755) == 0);
}

static Topology *lab(void) {
        Topology *t = topology_new();
        autoerr err = {};

        expect_well(topology_read_kathara(LAB, t, &err), err);
        return t;
}

TEST_IN(collision_domains_become_links_and_bridges, IN) {
        autoptr(Topology) t = NULL;

        scratch();
        put("lab.conf", "LAB_NAME=\"Two routers\"\nLAB_DESCRIPTION=x\n\n# comment\n"
                        "r1[0]=\"A\"\r\nr1[1]=B\nr2[0]='A/02:00:00:00:00:07' # direct\n"
                        "pc1[0]=\"B\"\npc2[0]=\"B\"\npc3[0]=\"C\"\n");
        t = lab();
        expect_str(t->name, "Two-routers");
        expect(t->no_addresses && t->n_nodes == 7 && t->n_links == 5);
        expect_str(t->links[0].name, "r1:eth0--r2:eth0");
        expect_str(t->links[1].name, "r1:eth1--B:eth0");
        expect_str(t->links[4].name, "pc3:eth0--C:eth0");
        expect(t->nodes[0].kind == NODE_ROUTER && t->nodes[5].kind == NODE_BRIDGE);
        expect(t->nodes[1].interfaces[0].has_mac && t->nodes[1].interfaces[0].mac[5] == 7);
        expect(!t->nodes[0].interfaces[0].has_mac);
        expect(t->links[0].line == 5 && t->nodes[2].line == 8);
}

TEST_IN(options, IN) {
        autoptr(Topology) t = NULL;
        const Node *n;

        scratch();
        put("lab.conf", "pc1[image]=\"kathara/frr\"\npc1[mem]=\"128\"\npc1[cpus]=0.5\n"
                        "pc1[port]=\"80/tcp\"\npc1[port]=\"8080:80\"\npc1[env]=\"A=b\"\n"
                        "pc1[sysctl]=\"net.ipv4.ip_forward=1\"\npc1[ipv6]=\"false\"\n"
                        "pc1[exec]=\"echo 'x'\"\npc1[shell]=\"/bin/sh\"\n"
                        "pc1[args]=\"a b\"\npc1[args]=\"c\"\n"
                        "pc1[volume]=\"data|/data|ro\"\npc1[bridged]=True\npc1[ulimit]=\"a=1\"\n"
                        "pc1[0]=A\npc1[2]=B\npc2[mem]=1g\n");
        t = lab();
        n = &t->nodes[0];
        expect_str(n->image, "kathara/frr");
        expect(n->memory == 128 << 20 && n->cpus == 0.5 && t->nodes[1].memory == 1 << 30);
        expect_str(n->ports[0], "3000:80/tcp");
        expect_str(n->ports[1], "8080:80");
        expect_str(n->env[0], "A=b");
        expect_str(strv_env_get(n->sysctls, "net.ipv4.ip_forward"), "1");
        expect_str(strv_env_get(n->sysctls, "net.ipv6.conf.all.disable_ipv6"), "1");
        expect_str(n->exec[0], "echo 'x'");
        expect(strv_length(n->cmd) == 1);
        expect_str(n->binds[0], LAB "/data:/data:ro");
        expect(t->n_uplinks == 1 && t->uplinks[0].node == 0);
        expect_str(t->uplinks[0].kind, "nat");
        expect_str(t->uplinks[0].interface, "eth3");
        expect_str(t->notes[0], LAB "/lab.conf:15: 'ulimit' is not carried out");
}

TEST_IN(netkits_taps, IN) {
        autoptr(Topology) t = NULL;

        scratch();
        put("lab.conf", "isp[0]=A\nisp[1]=tap,192.168.100.1,192.168.100.2\nh[0]=A\n");
        t = lab();
        expect(t->n_uplinks == 1 && t->n_links == 1);
        expect_str(t->uplinks[0].interface, "eth1");
        expect_str(t->notes[0], LAB "/lab.conf:2: the tap became an uplink, which has addresses of "
                                    "its own");
}

TEST_IN(files_of_the_directory, IN) {
        autoptr(Topology) t = NULL;
        const Node *pc1, *pc2;

        scratch();
        put("lab.conf", "pc1[0]=A\npc2[0]=A\npc2[image]=i\npc2[exec]=last\n");
        put("shared.startup", "first\r\n");
        put("pc1.startup", "ip link set eth0 up\nfor i in 1; do\necho $i\ndone\n");
        put("pc2.startup", "\n\n");
        put("pc1/etc/passwd", "x\n");
        put("pc1/etc/not-here", "x\n");
        put("pc1/usr/bin/not-here", "zebra=yes\n");
        put("pc1/etc/not-here-either/a", "\n");
        put("pc1/tmp/new", "\n");
        put("pc1/a:b", "\n");
        put("shared/x", "");
        put("pc2/etc/motd", "\n");
        put("pc2.shutdown", "bye\n");
        put("lab.dep", "# order\npc1: pc2\n");
        t = lab();
        pc1 = &t->nodes[0];
        pc2 = &t->nodes[1];
        expect(strv_length(pc1->exec) == 2 && strv_length(pc2->exec) == 3);
        expect_str(pc1->exec[0], "first\n");
        expect_str(pc1->exec[1], "ip link set eth0 up\nfor i in 1; do\necho $i\ndone\n");
        expect_str(pc2->exec[0], "cp -rf /hostlab/pc2/. /");
        expect_str(pc2->exec[2], "last");
        expect_str(pc2->binds[1], LAB "/pc2:/hostlab/pc2:ro");
        expect_str(pc2->binds[0], LAB "/shared:/shared");
        /* A file that is here, a directory that is, and what a node has of its own. */
        expect(strv_length(pc1->binds) == 3);
        expect_str(pc1->binds[0], LAB "/pc1/etc/passwd:/etc/passwd:ro");
        expect_str(pc1->binds[1], LAB "/pc1/tmp/new:/tmp/new:ro");
        expect_str(pc1->binds[2], LAB "/pc1/usr/bin:/usr/bin:ro");
        expect(pc1->n_waits == 1);
        expect_str(pc1->waits[0].node, "pc2");
        expect_str(pc1->waits[0].stage, "configure");
        expect(strv_has(t->notes, LAB "/lab.conf: 'pc2.shutdown' is not run"));
        expect(strv_has(t->notes, LAB "/lab.conf:1: files of 'pc1' that are left out, mostly "
                                      "because there are none of their names here and a light "
                                      "node has the host's root: 3"));
        expect(strv_has(t->notes, LAB "/lab.conf: light nodes do not see 'shared': there is no "
                                      "/shared here"));
}

TEST_IN(refusals_name_file_and_line, IN) {
        static const struct {
                const char *conf, *words;
        } cases[] = {
                { "\nhello\n", LAB "/lab.conf:2: 'hello' is not NODE[INTERFACE]=\"DOMAIN\" or an "
                                   "option" },
                { "pc1[0]=\"A\n", LAB "/lab.conf:1: a quote is not closed: A" },
                { "pc1[0]=\"A\" b\n", LAB "/lab.conf:1: nothing belongs behind the value: 'b'" },
                { "pc1[0]=A-B\n",
                  LAB "/lab.conf:1: collision domain 'A-B' is not of letters and digits" },
                { "pc1[0]=A\npc1[1]=A\n",
                  LAB "/lab.conf:2: 'pc1' is in collision domain 'A' already" },
                { "pc1[0]=A/01:00:00:00:00:01\n",
                  LAB "/lab.conf:1: '01:00:00:00:00:01' is no MAC address of one interface" },
                { "pc1[123456]=A\n", LAB "/lab.conf:1: '123456' is no number of an interface" },
                { "shared[0]=A\n", LAB "/lab.conf:1: a node cannot be called 'shared', as the "
                                       "directory of all" },
                { "pc1[mem]=much\n", LAB "/lab.conf:1: 'much' is no amount of memory" },
                { "pc1[cpus]=0\n", LAB "/lab.conf:1: '0' is no number of processors" },
                { "pc1[bridged]=maybe\n", LAB "/lab.conf:1: 'maybe' is neither true nor false" },
                { "pc1[env]=A\n", LAB "/lab.conf:1: 'A' is not KEY=VALUE" },
                { "pc1[volume]=a\n", LAB "/lab.conf:1: 'a' is not SOURCE|DESTINATION|MODE" },
        };

        scratch();
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                autoptr(Topology) t = topology_new();
                autoerr err = {};

                (void) unlink(LAB "/lab.conf");
                put("lab.conf", cases[i].conf);
                expect(topology_read_kathara(LAB, t, &err) == -EINVAL);
                expect_str(err.message, cases[i].words);
        }
}

TEST_IN(what_cannot_be_is_refused, IN) {
        autoptr(Topology) a = topology_new();
        autoptr(Topology) b = topology_new();
        autoptr(Topology) c = topology_new();
        autoerr absent = {}, unknown = {}, external = {};

        scratch();
        expect(topology_read_kathara(LAB, a, &absent) == -ENOENT);
        put("lab.conf", "pc1[0]=A\n");
        put("lab.dep", "\npc1: pc9\n");
        expect(topology_read_kathara(LAB, b, &unknown) == -EINVAL);
        expect_str(unknown.message, LAB "/lab.dep:2: there is no node 'pc9'");
        put("lab.ext", "A eth0\n");
        expect(topology_read_kathara(LAB, c, &external) == -EINVAL);
        expect_str(external.message, LAB "/lab.ext: it joins collision domains to the host's "
                                         "interfaces, which is not done");
}
