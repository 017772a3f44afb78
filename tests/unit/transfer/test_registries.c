/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "base/str.h"
#include "test.h"
#include "transfer/registries.h"

static void add(Registries *r, const char *text) {
        autoerr err = {};

        expect_ok(registries_add(r, text, strlen(text), "x", &err));
}

static void is_refused(const char *text, const char *why) {
        autoregistries r = {};
        autoerr err = {};

        expect(registries_add(&r, text, strlen(text), "x", &err) == -EINVAL);
        expect_str(err.message, why);
}

static const char rules[] = "[[registry]]\nprefix = 'docker.io'\nlocation = 'm.org:5000/hub'\n"
                            "[[registry]]\nlocation = 'docker.io/library'\n"
                            "[[registry]]\nprefix = '*.example.com'\nlocation = 'in.org'\n"
                            "[[registry]]\nprefix = 'a.example.com'\n"
                            "[[registry]]\nprefix = 'q.io/a/b/'\nlocation = 'm.org/c'\n";

static void finds(const Registries *r, const char *name, const char *prefix, const char *there) {
        const RegistryRule *rule = registries_find(r, name);
        autofree char *found = NULL;

        if (!prefix) {
                expect(!rule);
                return;
        }
        expect(rule);
        expect_str(rule->prefix, prefix);
        if (rule->location)
                found = registry_rule_rewrite(rule, rule->location, name);
        expect(there ? str_equal(found, there) : !found);
}

TEST(the_longest_prefix_counts) {
        autoregistries r = {};

        add(&r, rules);
        finds(&r, "docker.io/team/app", "docker.io", "m.org:5000/hub/team/app");
        finds(&r, "docker.io/library/debian", "docker.io/library", "docker.io/library/debian");
        finds(&r, "docker.io/libraryx/debian", "docker.io", "m.org:5000/hub/libraryx/debian");
        finds(&r, "docker.iox/a", NULL, NULL);
        finds(&r, "x.example.com/a/b", "*.example.com", "in.org/a/b");
        finds(&r, "x.y.example.com:5000/a", "*.example.com", "in.org:5000/a");
        finds(&r, "example.com/a", NULL, NULL);
        finds(&r, "x.org/y.example.com/a", NULL, NULL);
        finds(&r, "a.example.com/a", "*.example.com", "in.org/a");
        finds(&r, "q.io/a/b", "q.io/a/b", "m.org/c");
        finds(&r, "q.io/a/b/c", "q.io/a/b", "m.org/c/c");
        finds(&r, "q.io/a/bc", NULL, NULL);
}

TEST(what_is_read_later_counts_more) {
        autoregistries r = {};

        add(&r,
            "unqualified-search-registries = ['a.b', 'c.d']\n"
            "[[registry]]\nprefix = 'x.y'\nblocked = true\n[aliases]\nz = 'a.b/z'\nw = 'a.b/w'");
        add(&r, "unqualified-search-registries = ['e.f']\n"
                "[[registry]]\nprefix = 'x.y'\ninsecure = true\n[aliases]\nz = 'q.r/z'");
        expect(r.n_rules == 1 && r.rules[0].insecure && !r.rules[0].blocked);
        expect(strv_length(r.search) == 1);
        expect_str(strv_env_get(r.aliases, "z"), "q.r/z");
        expect_str(strv_env_get(r.aliases, "w"), "a.b/w");
}

TEST(mirrors_for_digests_and_tags) {
        autoregistries r = {};
        const RegistryRule *rule;

        add(&r, "[[registry]]\nprefix = 'a.b'\n[[registry.mirror]]\nlocation = 'm.n'\n"
                "pull-from-mirror = 'digest-only'\n[[registry.mirror]]\nlocation = 'm.o'\n"
                "pull-from-mirror = 'tag-only'\n[[registry.mirror]]\nlocation = 'm.p'\n"
                "[[registry]]\nprefix = 'c.d'\nmirror-by-digest-only = true\n"
                "mirror = [{location = 'm.q'}]\n");
        rule = registries_find(&r, "a.b/x");
        expect(registry_mirror_serves(rule, &rule->mirrors[0], true) &&
               !registry_mirror_serves(rule, &rule->mirrors[0], false));
        expect(!registry_mirror_serves(rule, &rule->mirrors[1], true) &&
               registry_mirror_serves(rule, &rule->mirrors[1], false));
        expect(registry_mirror_serves(rule, &rule->mirrors[2], true) &&
               registry_mirror_serves(rule, &rule->mirrors[2], false));
        rule = registries_find(&r, "c.d/x");
        expect(registry_mirror_serves(rule, &rule->mirrors[0], true) &&
               !registry_mirror_serves(rule, &rule->mirrors[0], false));
}

TEST(what_is_wrong_is_named) {
        is_refused("[[registry]]\nprefix = 'a.b'\nblockd = true",
                   "x: [[registry]] has no 'blockd'");
        is_refused("[[registry]]\nprefix = 'a.b'\nmirror = [{location = 'c.d', secure = true}]",
                   "x: [[registry.mirror]] has no 'secure'");
        is_refused("[[registry]]\nblocked = true",
                   "x: a [[registry]] has neither prefix nor location");
        is_refused("[[registry]]\nprefix = '*.a.b/c'",
                   "x: '*.' stands before a host alone, not in '*.a.b/c'");
        is_refused("[[registry]]\nlocation = 'https://a.b'",
                   "x: a prefix is no URL: 'https://a.b'");
        is_refused("[[registry]]\nprefix = 'a.b/c:v1'",
                   "x: a prefix is HOST[:PORT][/PATH], not 'a.b/c:v1'");
        is_refused("[[registry]]\nprefix = 'a.b'\nlocation = 'nohost'",
                   "x: a location is HOST[:PORT][/PATH], not 'nohost'");
        is_refused("[[registry]]\nprefix = 'a.b'\n[[registry]]\nprefix = 'a.b'",
                   "x: there are two [[registry]] for 'a.b'");
        is_refused("[[registry]]\nprefix = 'a.b'\nmirror-by-digest-only = true\n"
                   "mirror = [{location = 'c.d', pull-from-mirror = 'all'}]",
                   "x: 'a.b' has mirror-by-digest-only, so its mirrors cannot have "
                   "pull-from-mirror");
        is_refused("[registries.search]\nregistries = ['a.b']",
                   "x: this is the first version's format, which is not read");
        is_refused("[aliases]\n'a.b/c' = 'd.e/f'",
                   "x: an alias gives a name without a registry one with it, both without tag, not "
                   "'a.b/c' 'd.e/f'");
        is_refused("[aliases]\nc = 'd.e/f:v1'",
                   "x: an alias gives a name without a registry one with it, both without tag, not "
                   "'c' 'd.e/f:v1'");
        is_refused("unqualified-search-registries = ['nohost']",
                   "x: a registry that is searched is HOST[:PORT][/PATH], not 'nohost'");
}

static void completes(const Registries *r, const char *name, const char *full, bool said) {
        autofree char *found = NULL, *why = NULL;
        autoerr err = {};

        expect_ok(registries_complete(r, name, &found, &why, &err));
        expect_str(found, full);
        expect(said == (why != NULL));
}

TEST(short_names) {
        autoregistries none = {}, one = {}, several = {};
        autofree char *found = NULL, *why = NULL;
        autoerr err = {};

        completes(&none, "debian:12", "debian:12", false);
        add(&one,
            "unqualified-search-registries = ['r.io/team']\n[aliases]\nfedora = 'f.org/fedora'\n"
            "'t/x' = 'docker.io/t/x'\n");
        completes(&one, "fedora", "f.org/fedora", true);
        completes(&one, "fedora:40", "f.org/fedora:40", true);
        completes(&one, "t/x@sha256:00", "docker.io/t/x@sha256:00", false);
        completes(&one, "app:v1", "r.io/team/app:v1", true);
        completes(&one, "localhost/app", "localhost/app", false);
        completes(&one, "q.io/app", "q.io/app", false);
        add(&several,
            "unqualified-search-registries = ['r.io', 's.io']\n[aliases]\na = 'f.org/a'\n");
        completes(&several, "a", "f.org/a", true);
        expect(registries_complete(&several, "app", &found, &why, &err) == -EINVAL);
        expect_str(err.message,
                   "'app' names no registry, and registries.conf searches several: r.io, "
                   "s.io");
        expect_str(err.hint, "write r.io/app, or make an alias in registries.conf");
}
