/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <signal.h>
#include <sys/resource.h>

#include "base/str.h"
#include "kernel/cgroup_internal.h"
#include "kernel/process.h"
#include "test.h"

#define DEEP 300 /* directories below each other: more than descriptors are left for */

/* A place with nothing in it. */
static Cgroup *made(const char *test) {
        autofree char *name = str_format("isola-test-%d/%s", getpid(), test);
        autoclose int root = cgroup_v2_root();
        autoerr err = {};
        Cgroup *c = NULL;

        if (geteuid() != 0)
                skip("needs root");
        if (root < 0 || faccessat(root, ".", W_OK, 0) < 0)
                skip("no cgroup2 hierarchy to write to");
        expect_well(cgroup_create(name, NULL, &c, &err), err);
        return c;
}

/* Lets the process open @more files, and no other; returns the limit that was. */
static struct rlimit leave_descriptors(unsigned more) {
        struct rlimit before, now;
        int next = dup(0);

        expect(next >= 0 && getrlimit(RLIMIT_NOFILE, &before) == 0);
        close(next);
        now = (struct rlimit){ (rlim_t) next + more, before.rlim_max };
        expect(setrlimit(RLIMIT_NOFILE, &now) == 0);
        return before;
}

TEST(path_is_cleaned_and_stays_below_the_root) {
        static const char *const cases[][2] = {
                { "/a//b/../c/", "a/c" }, { "../../x", "x" }, { "./a/.", "a" }, { "a/b/..", "a" }
        };

        for (size_t i = 0; i < 4; i++) {
                autofree char *clean = NULL;

                expect_ok(cgroup_clean_path(cases[i][0], &clean));
                expect_str(clean, cases[i][1]);
        }
        for (size_t i = 0; i < 3; i++) {
                static const char *const roots[] = { "", "/", "a/.." };
                autofree char *clean = NULL;

                expect(cgroup_clean_path(roots[i], &clean) == -EINVAL);
        }
}

TEST(cgroups_made_inside_go_too) {
        autoptr(Cgroup) c = made("nested"), *again = NULL;

        expect(mkdirat(c->v2, "a", 0755) == 0 && mkdirat(c->v2, "a/b", 0755) == 0);
        expect(mkdirat(c->v2, "a/c", 0755) == 0 && mkdirat(c->v2, "d", 0755) == 0);
        expect_ok(cgroup_remove(c->name, 1000));
        expect(cgroup_open(c->name, &again) == -ENOENT);
}

TEST(places_below_one_are_named_in_whatever_hierarchy) {
        autoptr(Cgroup) c = made("family"), *limited = NULL;
        autofree char *name = str_format("%s/limited", c->name);
        const CgroupLimits limits = { .has_pids = true, .pids = 20 };
        autostrv names = NULL;
        autostrv none = NULL;
        autoerr err = {};

        expect(mkdirat(c->v2, "a", 0755) == 0);
        expect_well(cgroup_create(name, &limits, &limited, &err), err);
        /* What version 1 alone has counts, too. */
        if (!cgroup_is_in_v2_alone(limited))
                expect(unlinkat(c->v2, "limited", AT_REMOVEDIR) == 0);
        expect_ok(cgroup_children(c->name, &names));
        expect(strv_length(names) == 2 && strv_has(names, "a") && strv_has(names, "limited"));
        expect_ok(cgroup_remove(name, 1000));
        expect_ok(cgroup_remove(c->name, 1000));
        expect_ok(cgroup_children(c->name, &none));
        expect(!none);
}

/* The kernel takes any name for a cgroup; a container may choose one that is not listed usually. */
TEST(process_in_a_hidden_cgroup_is_found_and_ended) {
        autoptr(Cgroup) c = made("hidden"), *inner = NULL, *again = NULL;
        autofree char *below = str_format("%s/.x", c->name);
        autofree pid_t *pids = NULL;
        autoerr err = {};
        size_t n = 0;
        pid_t pid;

        expect_well(cgroup_create(below, NULL, &inner, &err), err);
        pid = process_clone(0, inner->v2, NULL);
        if (pid == 0)
                for (;;)
                        pause();
        expect_ok(cgroup_pids(c, &pids, &n));
        expect(n == 1 && pids[0] == pid);
        signal(SIGCHLD, SIG_IGN);
        expect_ok(cgroup_kill_each(c));
        expect_ok(cgroup_remove(c->name, 2000));
        expect(cgroup_open(c->name, &again) == -ENOENT);
}

TEST(cgroups_go_however_deep_they_are) {
        autoptr(Cgroup) c = made("deep"), *again = NULL;
        autofree pid_t *pids = NULL;
        autostr path = {};
        size_t n;

        for (int i = 0; i < DEEP; i++) {
                str_printf(&path, "%sx", i ? "/" : "");
                expect(mkdirat(c->v2, path.text, 0755) == 0);
        }
        expect(cgroup_pids(c, &pids, &n) == -ELOOP); /* and not: there is none */
        (void) leave_descriptors(16);
        expect_ok(cgroup_remove(c->name, 20000));
        expect(cgroup_open(c->name, &again) == -ENOENT);
}

TEST(removal_ends_where_nothing_can_be_opened) {
        autoptr(Cgroup) c = made("blind");
        struct rlimit before;

        expect(mkdirat(c->v2, "a", 0755) == 0);
        before = leave_descriptors(0);
        expect(cgroup_remove_directory(c->root, c->name, true, 1000) == -EMFILE);
        expect(cgroup_remove(c->name, 1000) == -EMFILE);
        expect(setrlimit(RLIMIT_NOFILE, &before) == 0);
        expect_ok(cgroup_remove(c->name, 1000));
}

/* The directory is made, and cannot be opened. */
TEST(place_that_cannot_be_opened_is_taken_back) {
        autoptr(Cgroup) c = made("there"), *other = NULL, *again = NULL;
        autofree char *name = str_format("%s-not", c->name);
        autoerr err = {}, second = {};
        struct rlimit before;

        before = leave_descriptors(1);
        expect(cgroup_create(name, NULL, &other, &err) == -EMFILE);
        expect(strstr(err.message, "cannot make cgroup '") &&
               str_ends_with(err.message, ": Too many open files"));
        expect(cgroup_share(c->name, &other, &second) == -EMFILE);
        /* One that is there is not called absent. */
        expect(cgroup_open(c->name, &again) == -EMFILE);
        expect(setrlimit(RLIMIT_NOFILE, &before) == 0);
        expect(cgroup_open(name, &again) == -ENOENT);
        expect_ok(cgroup_open(c->name, &again));
        expect_ok(cgroup_remove(c->name, 1000));
}
