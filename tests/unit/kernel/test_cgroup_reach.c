/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "kernel/cgroup.h"
#include "kernel/process.h"
#include "test.h"

#define SOMEBODY 54321

/* isola_testN/TOP/own, where this process is, and its neighbour isola_testN/TOP/other. */
typedef struct Places {
        char *top, *own, *other;
} Places;

static void need_hierarchy(void) {
        if (geteuid() != 0)
                skip("needs root");
        if ((cgroup_layout() != CGROUP_UNIFIED && cgroup_layout() != CGROUP_HYBRID) ||
            !cgroup_root_is_writable())
                skip("no cgroup2 hierarchy to write to");
}

static char *move_to(const char *top, const char *name) {
        char *path = str_format("isola_test%d/%s/%s", getppid(), top, name);
        autoptr(Cgroup) c = NULL;
        autoerr err = {};

        expect_well(cgroup_share(path, &c, &err), err);
        if (str_equal(name, "own"))
                expect_well(cgroup_move(c, getpid(), &err), err);
        return path;
}

static void own(const char *path) {
        autoptr(Cgroup) c = NULL;

        expect_ok(cgroup_open(path, &c));
        expect_ok(cgroup_delegate(c, SOMEBODY, SOMEBODY));
}

static bool is_within_reach(const char *path) {
        autoptr(Cgroup) c = NULL;

        expect_ok(cgroup_open(path, &c));
        return cgroup_is_within_reach(c);
}

/* Calls @look in a process of somebody's that is in a place of its own, for whom @top is. */
static void look_from(const char *top, void (*look)(const Places *)) {
        autofree char *whole = str_format("isola_test%d", getpid());
        siginfo_t info = {};
        autoclose int pidfd = -EBADF;

        need_hierarchy();
        if (process_clone(0, -EBADF, &pidfd) == 0) {
                Places p = { .own = move_to(top, "own"), .other = move_to(top, "other") };

                p.top = strndup(p.own, strlen(p.own) - strlen("/own"));
                own(p.top);
                own(p.own);
                own(p.other);
                expect(setresgid(SOMEBODY, SOMEBODY, SOMEBODY) == 0 &&
                       setresuid(SOMEBODY, SOMEBODY, SOMEBODY) == 0);
                look(&p);
                _exit(0);
        }
        expect_ok(process_reap(pidfd, &info));
        expect_ok(cgroup_remove_leaf(whole, 5000));
        expect(info.si_code == CLD_EXITED && info.si_status == 0);
}

static void look_around(const Places *p) {
        autofree char *here = NULL, *beside = NULL;
        autoptr(Cgroup) root = NULL;

        expect_ok(cgroup_own_path(&here));
        expect_str(here, p->own);
        expect_ok(cgroup_beside_us("other", &beside));
        expect_str(beside, p->other);
        expect(cgroup_above_is_ours());
        expect(is_within_reach(p->own) && is_within_reach(p->other) && is_within_reach(p->top));
}

TEST(what_is_above_can_be_divided_if_it_is_ours) {
        look_from("top", look_around);
}

static void look_at_slice(const Places *p) {
        expect(!cgroup_above_is_ours());
        expect(is_within_reach(p->other));
}

TEST(slices_are_systemds_to_divide) {
        look_from("a.slice", look_at_slice);
        look_from("user@1000.service", look_at_slice);
}

static void look_far(const Places *p) {
        autofree char *far = str_format("isola_test%d/far", getppid());

        expect(!is_within_reach(far));
}

TEST(place_that_is_ours_is_out_of_reach_if_what_is_above_both_is_not) {
        autofree char *far = str_format("isola_test%d/far", getpid());
        autoptr(Cgroup) c = NULL;
        autoerr err = {};

        need_hierarchy();
        expect_well(cgroup_share(far, &c, &err), err);
        own(far);
        look_from("top", look_far);
}

static int moved_pid;

static int take(const char *path, pid_t pid, Err *err) {
        moved_pid = pid;
        return str_after(path, "isola_test") ? 0 : fail(err, EINVAL, "another place");
}

TEST(mover_is_asked_instead_of_the_kernel) {
        autofree char *name = str_format("isola_test%d", getpid());
        autoptr(Cgroup) c = NULL;
        autoerr err = {};

        need_hierarchy();
        expect_well(cgroup_share(name, &c, &err), err);
        expect(!cgroup_needs_join(c) && cgroup_birth_fd(c) == cgroup_fd(c));
        cgroup_set_mover(c, take);
        expect(cgroup_needs_join(c) && cgroup_birth_fd(c) < 0 && cgroup_fd(c) >= 0);
        expect_well(cgroup_move(c, 4711, &err), err);
        expect(moved_pid == 4711);
        c = cgroup_free(c);
        expect_ok(cgroup_remove_leaf(name, 1000));
}
