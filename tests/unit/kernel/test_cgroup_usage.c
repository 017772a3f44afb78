/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <poll.h>
#include <signal.h>

#include "base/str.h"
#include "kernel/cgroup_internal.h"
#include "kernel/cgroup_usage.h"
#include "kernel/process.h"
#include "test.h"

#define MIB (INT64_C(1) << 20)

static char *new_place(const char *test) {
        if (geteuid() != 0)
                skip("needs root");
        return str_format("isola-test-%d/%s", getpid(), test);
}

static Cgroup *limited(const char *name) {
        CgroupLimits limits = { .memory = 32 * MIB,
                                .memory_swap = 32 * MIB,
                                .has_pids = true,
                                .pids = 100,
                                .cpu_quota = 50000,
                                .cpu_period = 100000 };
        autoerr err = {};
        Cgroup *c = NULL;
        int r = cgroup_create(name, &limits, &c, &err);

        if (r == -EOPNOTSUPP || r == -EROFS)
                skip(err.message);
        if (r < 0)
                printf("# %s\n", err.message);
        expect(r >= 0);
        return c;
}

/* A process in every hierarchy of the place, that goes on when it is told to. */
static pid_t join(const Cgroup *c, int gate[2]) {
        autoerr err = {};
        pid_t pid;

        expect(pipe(gate) == 0);
        pid = process_clone(0, cgroup_fd(c), NULL);
        if (pid == 0) {
                (void) !read(gate[0], &(char){ 0 }, 1);
                return 0;
        }
        expect(pid > 0);
        expect(cgroup_join(c, pid, &err) >= 0);
        return pid;
}

static void expect_count(const CgroupUsage *u, const char *name) {
        for (size_t i = 0; i < u->n_memory_counts; i++)
                if (str_equal(u->memory_counts[i].name, name))
                        return;
        printf("# memory.stat has no '%s'\n", name);
        expect(false);
}

static void expect_use_to_be_counted(const char *test) {
        autofree char *name = new_place(test);
        autoptr(Cgroup) c = limited(name);
        autousage u = {};
        int gate[2], ready[2];
        pid_t pid;

        expect(pipe(ready) == 0);
        pid = join(c, gate);
        if (pid == 0) {
                volatile char *block = malloc(8 * MIB);

                for (volatile int64_t i = 0; i < 8 * MIB; i++)
                        block[i] = 1;
                (void) !write(ready[1], "r", 1);
                pause();
        }
        expect(write(gate[1], "g", 1) == 1 && read(ready[0], &(char){ 0 }, 1) == 1);
        expect_ok(cgroup_usage(c, &u));
        expect(u.memory.usage >= (uint64_t) (8 * MIB) && u.memory.limit == (uint64_t) (32 * MIB));
        expect(u.memory.max >= (uint64_t) (8 * MIB));
        expect(u.swap.usage == 0 || u.swap.limit == (uint64_t) (32 * MIB));
        expect(u.cpu_total > 0);
        expect(u.pids == 1 && u.pids_limit == 100);
        expect_count(&u, "pgfault");

        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        expect_ok(cgroup_remove(name, 2000));
        expect(cgroup_usage(c, &u) == -ENOENT);
}

TEST(use_is_counted) {
        expect_use_to_be_counted("use");
}

TEST(use_is_counted_without_v2) {
        expect(unshare(CLONE_NEWNS) == 0);
        expect(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
        if (umount2("/sys/fs/cgroup/unified", MNT_DETACH) < 0 || cgroup_layout() != CGROUP_LEGACY)
                skip("there are no version 1 hierarchies here");
        expect_use_to_be_counted("legacy");
}

TEST(kill_for_want_of_memory_is_told_and_so_is_the_end) {
        autofree char *name = new_place("oom");
        autoptr(Cgroup) c = limited(name);
        CgroupOomWatch watch;
        struct pollfd p = { .events = POLLPRI | POLLIN };
        int gate[2], told = 0;
        pid_t pid;

        expect_ok(cgroup_oom_watch(c, &watch));
        expect(cgroup_oom_read(&watch) == 0);
        p.fd = watch.fd;
        pid = join(c, gate);
        if (pid == 0) {
                volatile char *block = malloc(128 * MIB);

                for (int64_t i = 0; i < 128 * MIB; i += 4096)
                        block[i] = 1;
                _exit(0);
        }
        expect(write(gate[1], "g", 1) == 1);
        while (told == 0) {
                expect(poll(&p, 1, 10000) == 1);
                told = expect_ok(cgroup_oom_read(&watch));
        }
        expect(told >= 1);
        waitpid(pid, NULL, 0);

        expect_ok(cgroup_remove(name, 2000));
        do {
                expect(poll(&p, 1, 10000) == 1);
                told = cgroup_oom_read(&watch);
        } while (told >= 0);
        expect(told == -ENODEV);
        cgroup_oom_clear(&watch);
}

TEST(place_without_a_count_of_memory_has_no_watch) {
        autofree char *name = new_place("uncounted");
        autoptr(Cgroup) c = NULL;
        CgroupOomWatch watch;
        int r;

        if (cgroup_layout() != CGROUP_HYBRID)
                skip("memory is counted everywhere here");
        expect_ok(cgroup_create(name, NULL, &c, NULL));
        r = cgroup_oom_watch(c, &watch);
        expect_ok(cgroup_remove(name, 2000));
        expect(r == -EOPNOTSUPP);
}
