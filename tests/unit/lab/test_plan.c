/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/str.h"
#include "lab/plan.h"
#include "test.h"
#include "topology/address.h"
#include "topology/read.h"

#define HEAD "name: l\ntopology:\n  nodes: "
#define BEFORE                                                                                  \
        HEAD "{a: {routes: [10.5.0.0/16 via 10.9.0.1]}, b: , c: {cpu: 1}, s: {kind: bridge}}\n" \
             "  links:\n"                                                                       \
             "  - {endpoints: ['a:e0', 's:p0'], ipv4: [10.9.0.2/24]}\n"                         \
             "  - {endpoints: ['b:e0', 's:p1'], ipv4: [10.9.0.1/24]}\n"                         \
             "  - {endpoints: ['b:e1', 'c:e1']}\n"

static Topology *lab(const char *text, const Topology *before) {
        Topology *t = topology_new();
        autoerr err = {};

        expect_ok(topology_read_lab(text, strlen(text), "f", t, &err));
        expect_ok(topology_assign_addresses_after(t, before, &err));
        return t;
}

static const char *node(const Topology *t, size_t i) {
        return i == SIZE_MAX ? "-" : t->nodes[i].name;
}

static void put_step(const Topology *a, const Topology *b, const PlanStep *step, Str *s) {
        bool is_link =
                step->verb == PLAN_UNLAY || step->verb == PLAN_LAY || step->verb == PLAN_SET_LINK;

        if (is_link)
                str_printf(s, "%s %s\n", lab_plan_verb_names[step->verb],
                           step->after == SIZE_MAX ? a->links[step->before].name
                                                   : b->links[step->after].name);
        else
                str_printf(s, "%s %s %s\n", lab_plan_verb_names[step->verb], node(a, step->before),
                           node(b, step->after));
}

/* Nodes of @before that do not run are named in @gone. */
static char *plan(const char *before, const char *after, const char *gone) {
        autoptr(Topology) a = lab(before, NULL);
        autoptr(Topology) b = lab(after, a);
        autochangelist changes = {};
        autolabplan p = {};
        autoerr err = {};
        PlanLife lives[8] = {};
        autostr s = {};

        for (size_t i = 0; i < a->n_nodes; i++)
                lives[i] = str_equal(a->nodes[i].name, gone) ? PLAN_GONE : PLAN_RUNS;
        expect_ok(topology_diff(a, b, &changes, &err));
        if (lab_plan_make(a, b, lives, &changes, &p, &err) < 0)
                return strdup(err.message);
        for (size_t i = 0; i < p.n_steps; i++)
                put_step(a, b, &p.steps[i], &s);
        return str_take(&s);
}

static void expect_plan(const char *after, const char *gone, const char *steps) {
        autofree char *text = plan(BEFORE, after, gone);

        expect_str(text, steps);
}

TEST(nothing_is_to_be_done) {
        expect_plan(BEFORE, NULL, "");
}

TEST(a_node_more_touches_only_its_neighbour) {
        expect_plan(HEAD "{new: {sysctls: {net.ipv4.ip_forward: 1}}, a: {routes: [10.5.0.0/16 via "
                         "10.9.0.1]}, b: , c: {cpu: 1}, s: {kind: bridge}}\n"
                         "  links:\n"
                         "  - {endpoints: ['new:e0', 's:p2'], delay: 1ms}\n"
                         "  - {endpoints: ['a:e0', 's:p0'], ipv4: [10.9.0.2/24]}\n"
                         "  - {endpoints: ['b:e0', 's:p1'], ipv4: [10.9.0.1/24]}\n"
                         "  - {endpoints: ['b:e1', 'c:e1']}\n",
                    NULL,
                    "make - new\n"
                    "lay new:e0--s:p2\n"
                    "network - new\n"
                    "network s s\n"
                    "sysctl - new\n"
                    "start - new\n");
}

TEST(a_node_less_takes_its_links_along) {
        expect_plan(HEAD "{a: {routes: [10.5.0.0/16 via 10.9.0.1]}, b: , s: {kind: bridge}}\n"
                         "  links:\n"
                         "  - {endpoints: ['a:e0', 's:p0'], ipv4: [10.9.0.2/24]}\n"
                         "  - {endpoints: ['b:e0', 's:p1'], ipv4: [10.9.0.1/24]}\n",
                    NULL,
                    "unlay b:e1--c:e1\n"
                    "end c -\n"
                    "network b b\n");
}

TEST(addresses_and_routes_change_in_place) {
        expect_plan(HEAD "{a: {routes: [10.6.0.0/16 via 10.9.0.1]}, b: , c: {cpu: 1}, s: {kind: "
                         "bridge}}\n"
                         "  links:\n"
                         "  - {endpoints: ['a:e0', 's:p0'], ipv4: [10.9.0.2/24]}\n"
                         "  - {endpoints: ['b:e0', 's:p1'], ipv4: [10.9.0.1/24, ]}\n"
                         "  - {endpoints: ['b:e1', 'c:e1'], ipv4: [10.77.0.1/24, 10.77.0.2/24]}\n",
                    NULL,
                    "network a a\n"
                    "network b b\n"
                    "network c c\n");
}

TEST(limits_change_in_place_and_a_command_does_not) {
        expect_plan(HEAD "{a: {routes: [10.5.0.0/16 via 10.9.0.1], exec: [date]}, b: {cmd: sleep "
                         "9}, c: {cpu: 2}, s: {kind: bridge}}\n"
                         "  links:\n"
                         "  - {endpoints: ['a:e0', 's:p0'], ipv4: [10.9.0.2/24]}\n"
                         "  - {endpoints: ['b:e0', 's:p1'], ipv4: [10.9.0.1/24]}\n"
                         "  - {endpoints: ['b:e1', 'c:e1']}\n",
                    NULL,
                    "unlay b:e0--s:p1\n"
                    "unlay b:e1--c:e1\n"
                    "end b -\n"
                    "make - b\n"
                    "limit c c\n"
                    "lay b:e0--s:p1\n"
                    "lay b:e1--c:e1\n"
                    "network - b\n"
                    "network c c\n"
                    "network s s\n"
                    "start - b\n"
                    "exec a a\n");
}

TEST(a_link_of_another_engine_is_laid_again_and_another_quality_is_not) {
        expect_plan(HEAD "{a: {routes: [10.5.0.0/16 via 10.9.0.1]}, b: , c: {cpu: 1}, s: {kind: "
                         "bridge}}\n"
                         "  links:\n"
                         "  - {endpoints: ['a:e0', 's:p0'], ipv4: [10.9.0.2/24], mtu: 1400}\n"
                         "  - {endpoints: ['b:e0', 's:p1'], ipv4: [10.9.0.1/24], rate: 1mbit, "
                         "queue: 10ms}\n"
                         "  - {endpoints: ['b:e1', 'c:e1'], delay: 1ms}\n",
                    NULL,
                    "unlay b:e1--c:e1\n"
                    "lay b:e1--c:e1\n"
                    "set a:e0--s:p0\n"
                    "set b:e0--s:p1\n"
                    "network b b\n"
                    "network c c\n");
}

TEST(what_has_ended_is_made_anew) {
        expect_plan(BEFORE, "c",
                    "unlay b:e1--c:e1\n"
                    "end c -\n"
                    "make - c\n"
                    "lay b:e1--c:e1\n"
                    "network b b\n"
                    "network - c\n"
                    "start - c\n");
}

TEST(a_container_is_started_anew_and_its_network_stays) {
        autofree char *text = plan(
                HEAD "{a: {image: x, env: {A: 1}}, b: {image: y}}\n",
                HEAD "{a: {image: x, env: {A: 2}}, b: {image: y, sysctls: {net.core.somaxconn: "
                     "9}}}\n",
                NULL);

        expect_str(text, "stop a -\nsysctl b b\nstart a a\n");
}

TEST(another_seed_is_refused) {
        autofree char *text = plan(BEFORE, "seed: 3\n" BEFORE, NULL);

        expect_str(text, "this cannot be changed while the lab is up: lab: seed: 0, then 3");
}

TEST(automatic_names_of_interfaces_stay) {
        autofree char *text = plan(HEAD "{a: , b: , s: {kind: bridge}}\n"
                                        "  links: [{endpoints: [a, s]}, {endpoints: [b, s]}]\n",
                                   HEAD "{new: , a: , b: , s: {kind: bridge}}\n"
                                        "  links: [{endpoints: [new, s]}, {endpoints: [a, s]}, "
                                        "{endpoints: [b, s]}]\n",
                                   NULL);

        expect_str(text, "make - new\nlay new:eth0--s:eth2\nnetwork - new\nnetwork s s\n"
                         "start - new\n");
}

TEST(automatic_addresses_stay) {
        autoptr(Topology) a = lab(BEFORE, NULL);
        autoptr(Topology) b = lab(HEAD "{x: , y: , b: , c: {cpu: 1}}\n"
                                       "  links: [{endpoints: ['x:e0', 'y:e0']}, "
                                       "{endpoints: ['b:e1', 'c:e1']}]\n",
                                  a);
        const Interface *before = &a->nodes[1].interfaces[1], *now = &b->nodes[2].interfaces[0],
                        *new = &b->nodes[0].interfaces[0];

        expect(before->n_addresses == 2 && now->n_addresses == 2 && new->n_addresses == 2);
        for (int i = 0; i < 2; i++) {
                expect(addr_equal(&before->addresses[i], &now->addresses[i]));
                expect(!addr_overlap(&before->addresses[i], &new->addresses[i]));
        }
        expect(memcmp(before->mac, now->mac, 6) == 0);
}
