/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "kernel/cgroup_internal.h"
#include "test.h"

#define MIB (INT64_C(1) << 20)

static void expect_setting(const CgroupSetting *s, const char *file, const char *text) {
        expect_str(s->file, file);
        expect_str(s->text ? s->text : s->number, text);
}

TEST(weight_keeps_ends_and_middle_of_shares) {
        expect(cgroup_weight(2) == 1);
        expect(cgroup_weight(1024) == 100);
        expect(cgroup_weight(262144) == 10000);
        expect(cgroup_weight(512) == 59); /* what runc computes */
        expect(cgroup_weight(2048) == 174);
        expect(cgroup_weight(5000) == 356);
        expect(cgroup_weight(3) == 2);
}

TEST(v2_counts_swap_apart) {
        CgroupLimits limits = { .memory = 64 * MIB, .memory_swap = 96 * MIB };
        CgroupSetting s[CGROUP_SETTINGS_MAX];

        expect(cgroup_v2_settings(&limits, s) == 2);
        expect_setting(&s[0], "memory.max", "67108864");
        expect_setting(&s[1], "memory.swap.max", "33554432");
        expect(!s[1].wish);

        limits.memory_swap = 0;
        expect(cgroup_v2_settings(&limits, s) == 2);
        expect_setting(&s[1], "memory.swap.max", "67108864");
        expect(s[1].wish);

        limits.memory_swap = -1;
        expect(cgroup_v2_settings(&limits, s) == 2);
        expect_setting(&s[1], "memory.swap.max", "max");
}

TEST(v2_has_a_file_for_every_limit) {
        CgroupLimits limits = { .memory_reservation = 1,
                                .cpu_quota = 50000,
                                .cpu_shares = 1024,
                                .cpuset_cpus = "0-1",
                                .cpuset_mems = "0",
                                .pids = -1 };
        CgroupSetting s[CGROUP_SETTINGS_MAX];

        expect(cgroup_v2_settings(&limits, s) == 6);
        expect_setting(&s[0], "memory.low", "1");
        expect_setting(&s[1], "cpu.max", "50000 100000");
        expect_setting(&s[2], "cpu.weight", "100");
        expect_setting(&s[3], "cpuset.cpus", "0-1");
        expect_setting(&s[4], "cpuset.mems", "0");
        expect_setting(&s[5], "pids.max", "max");
}

TEST(v1_has_a_file_for_every_limit) {
        CgroupLimits limits = { .memory = 8 * MIB,
                                .memory_swap = -1,
                                .memory_reservation = 4096,
                                .cpu_quota = 50000,
                                .cpu_period = 200000,
                                .cpu_shares = 2,
                                .cpuset_cpus = "1",
                                .pids = 7 };
        CgroupSetting s[CGROUP_SETTINGS_MAX];

        expect(cgroup_v1_settings(&limits, s) == 8);
        expect_setting(&s[0], "memory.limit_in_bytes", "8388608");
        expect_setting(&s[1], "memory.memsw.limit_in_bytes", "-1");
        expect_setting(&s[2], "memory.soft_limit_in_bytes", "4096");
        expect_setting(&s[3], "cpu.cfs_period_us", "200000");
        expect_setting(&s[4], "cpu.cfs_quota_us", "50000");
        expect_setting(&s[5], "cpu.shares", "2");
        expect_setting(&s[6], "cpuset.cpus", "1");
        expect_setting(&s[7], "pids.max", "7");
}

/* --- on this machine's hierarchies --- */

#define expect_well(call, err)                                                      \
        do {                                                                        \
                if ((call) < 0) {                                                   \
                        printf("# %s:%d: %s\n", __FILE__, __LINE__, (err).message); \
                        fflush(stdout);                                             \
                        _exit(1);                                                   \
                }                                                                   \
        } while (0)

static char *new_place(const char *test) {
        autoclose int root = cgroup_v2_root();

        if (geteuid() != 0)
                skip("needs root");
        if (root < 0 || faccessat(root, ".", W_OK, 0) < 0)
                skip("no cgroup2 hierarchy to write to");
        return str_format("isola-test-%d/%s", getpid(), test);
}

/* A process inside the place that sleeps until it is killed. */
static pid_t clone_into(const Cgroup *c) {
        struct {
                uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls,
                        set_tid, set_tid_size, cgroup;
        } args = { .flags = 0x200000000,
                   .exit_signal = SIGCHLD,
                   .cgroup = (uint64_t) cgroup_fd(c) };
        pid_t pid = (pid_t) syscall(SYS_clone3, &args, sizeof args);

        if (pid == 0)
                for (;;)
                        pause();
        expect(pid > 0);
        return pid;
}

static void end(pid_t pid) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
}

TEST(process_is_cloned_in_and_seen) {
        autofree char *name = new_place("in"), *parent = NULL;
        autoclose int root = cgroup_v2_root();
        autofree pid_t *pids = NULL;
        autoptr(Cgroup) c = NULL;
        CgroupStats stats;
        autoerr err = {};
        struct stat st;
        size_t n = 0;
        pid_t pid;

        expect_well(cgroup_create(name, NULL, &c, &err), err);
        expect(cgroup_is_populated(c) == 0);
        expect(!cgroup_needs_join(c));
        pid = clone_into(c);
        expect(cgroup_is_populated(c) == 1);
        expect_ok(cgroup_pids(c, &pids, &n));
        expect(n == 1 && pids[0] == pid);
        expect_ok(cgroup_stats(c, &stats));
        expect(stats.pids == 1);

        expect(cgroup_remove(name, 10) == -EBUSY);
        expect_ok(cgroup_kill(c, SIGKILL));
        waitpid(pid, NULL, 0);
        expect_ok(cgroup_remove(name, 1000));
        parent = strndup(name, (size_t) (strchr(name, '/') - name));
        expect(fstatat(root, parent, &st, 0) < 0 && errno == ENOENT);
        expect_ok(cgroup_remove(name, 0));
}

TEST(name_is_taken_once) {
        autofree char *name = new_place("once");
        autoptr(Cgroup) a = NULL;
        autoptr(Cgroup) b = NULL;
        autoptr(Cgroup) c = NULL;
        autoerr err = {};

        expect_well(cgroup_create(name, NULL, &a, &err), err);
        expect(cgroup_create(name, NULL, &b, &err) == -EEXIST);
        expect_ok(cgroup_open(name, &b));
        expect_ok(cgroup_share(name, &c, NULL));
        expect_ok(cgroup_remove(name, 0));
        c = cgroup_free(c);
        expect(cgroup_open(name, &c) == -ENOENT);
        expect_ok(cgroup_share(name, &c, NULL));
        expect_ok(cgroup_remove(name, 0));
}

TEST(removal_waits_for_the_last_process) {
        autofree char *name = new_place("wait");
        autoptr(Cgroup) c = NULL;
        autoerr err = {};
        int64_t begin;
        pid_t pid;

        expect_well(cgroup_create(name, NULL, &c, &err), err);
        pid = clone_into(c);
        if (fork() == 0) {
                usleep(50000);
                kill(pid, SIGKILL);
                _exit(0);
        }
        begin = clock_monotonic_ms();
        expect_ok(cgroup_remove(name, 5000));
        expect(clock_monotonic_ms() - begin >= 40);
        waitpid(pid, NULL, 0);
}

TEST(frozen_process_stands_still_and_can_be_killed) {
        autofree char *name = new_place("frozen");
        autoptr(Cgroup) c = NULL;
        autoerr err = {};
        pid_t pid;

        expect_well(cgroup_create(name, NULL, &c, &err), err);
        pid = clone_into(c);
        expect_ok(cgroup_freeze(c, true, 2000));
        expect(cgroup_is_frozen(c) == 1);
        expect_ok(cgroup_freeze(c, false, 2000));
        expect(cgroup_is_frozen(c) == 0);
        expect_ok(cgroup_freeze(c, true, 2000));
        expect_ok(cgroup_kill(c, SIGKILL));
        waitpid(pid, NULL, 0);
        expect_ok(cgroup_remove(name, 1000));
}

TEST(signal_reaches_every_process) {
        autofree char *name = new_place("signal");
        autoptr(Cgroup) c = NULL;
        int status, other_status;
        autoerr err = {};
        pid_t a, b;

        expect_well(cgroup_create(name, NULL, &c, &err), err);
        a = clone_into(c);
        b = clone_into(c);
        expect_ok(cgroup_kill(c, SIGUSR1));
        expect(waitpid(a, &status, 0) == a && waitpid(b, &other_status, 0) == b);
        expect(WTERMSIG(status) == SIGUSR1 && WTERMSIG(other_status) == SIGUSR1);
        expect_ok(cgroup_remove(name, 1000));
}

TEST(cgroups_made_inside_go_too) {
        autofree char *name = new_place("nested"), *inner = NULL;
        autoclose int root = cgroup_v2_root();
        autoptr(Cgroup) c = NULL;
        autoerr err = {};

        expect_well(cgroup_create(name, NULL, &c, &err), err);
        inner = str_format("%s/a", name);
        expect(mkdirat(root, inner, 0755) == 0);
        free(inner);
        inner = str_format("%s/a/b", name);
        expect(mkdirat(root, inner, 0755) == 0);
        expect_ok(cgroup_remove(name, 100));
        expect(cgroup_open(name, &c) == -ENOENT);
}

/* Makes a place with limits, or skips if the machine lacks the controller. */
static Cgroup *limited(const char *name, const CgroupLimits *limits) {
        autoerr err = {};
        Cgroup *c = NULL;
        int r;

        r = cgroup_create(name, limits, &c, &err);
        if (r == -EOPNOTSUPP)
                skip(err.message);
        expect_well(r, err);
        return c;
}

TEST(number_of_processes_is_limited) {
        CgroupLimits limits = { .pids = 2 };
        autofree char *name = new_place("pids");
        autoptr(Cgroup) c = limited(name, &limits);
        CgroupStats stats;
        autoerr err = {};
        int gate[2], answer[2];
        char word = 0;
        pid_t pid;

        expect(pipe(gate) == 0 && pipe(answer) == 0);
        pid = fork();
        if (pid == 0) {
                (void) !read(gate[0], &word, 1);
                if (fork() == 0) { /* the second of two */
                        word = fork() < 0 && errno == EAGAIN ? 'y' : 'n';
                        (void) !write(answer[1], &word, 1);
                        _exit(0);
                }
                pause();
        }
        expect_well(cgroup_join(c, pid, &err), err);
        if (cgroup_fd(c) >= 0 && !cgroup_needs_join(c)) {
                char number[16];

                snprintf(number, sizeof number, "%d", pid);
                expect_ok(file_write(cgroup_fd(c), "cgroup.procs", number));
        }
        expect(write(gate[1], "g", 1) == 1);
        expect(read(answer[0], &word, 1) == 1);
        expect(word == 'y');
        expect_ok(cgroup_stats(c, &stats));
        expect(stats.pids_limit == 2);
        end(pid);
        expect_ok(cgroup_remove(name, 2000));
}

TEST(memory_is_limited_and_the_limit_can_change) {
        CgroupLimits limits = { .memory = 16 * MIB, .memory_swap = 16 * MIB };
        autofree char *name = new_place("memory");
        autoptr(Cgroup) c = limited(name, &limits);
        CgroupStats stats;
        autoerr err = {};
        int gate[2], status;
        pid_t pid;

        expect_ok(cgroup_stats(c, &stats));
        expect(stats.memory_limit == (uint64_t) (16 * MIB));
        limits.memory = limits.memory_swap = 32 * MIB;
        expect_well(cgroup_update(c, &limits, &err), err);
        limits.memory = limits.memory_swap = 8 * MIB;
        expect_well(cgroup_update(c, &limits, &err), err);
        expect_ok(cgroup_stats(c, &stats));
        expect(stats.memory_limit == (uint64_t) (8 * MIB));

        expect(pipe(gate) == 0);
        pid = fork();
        if (pid == 0) {
                volatile char *block = malloc(64 * MIB);
                char word;

                (void) !read(gate[0], &word, 1);
                for (int64_t i = 0; i < 64 * MIB; i += 4096)
                        block[i] = 1;
                _exit(0);
        }
        expect_well(cgroup_join(c, pid, &err), err);
        expect(write(gate[1], "g", 1) == 1);
        expect(waitpid(pid, &status, 0) == pid);
        expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        expect_ok(cgroup_stats(c, &stats));
        expect(stats.oom_kills == 1);
        expect_ok(cgroup_remove(name, 2000));
}

TEST(processor_limits_are_set) {
        CgroupLimits limits = {
                .cpu_quota = 20000, .cpu_period = 50000, .cpu_shares = 512, .cpuset_cpus = "0"
        };
        autofree char *name = new_place("cpu"), *text = NULL;
        autoptr(Cgroup) c = limited(name, &limits);

        if (c->v1[CGROUP_CPU] >= 0) {
                expect_ok(file_read_line(c->v1[CGROUP_CPU], "cpu.cfs_quota_us", &text));
                expect_str(text, "20000");
        }
        if (c->v1[CGROUP_CPUSET] >= 0) {
                autofree char *mems = NULL, *cpus = NULL;

                expect_ok(file_read_line(c->v1[CGROUP_CPUSET], "cpuset.cpus", &cpus));
                expect_ok(file_read_line(c->v1[CGROUP_CPUSET], "cpuset.mems", &mems));
                expect_str(cpus, "0");
                expect(*mems);
        }
        expect_ok(cgroup_remove(name, 0));
}

TEST(bad_limit_is_named_and_leaves_nothing) {
        CgroupLimits limits = { .cpuset_cpus = "999" };
        autofree char *name = new_place("bad");
        autoptr(Cgroup) c = NULL;
        autoerr err = {};
        int r;

        r = cgroup_create(name, &limits, &c, &err);
        if (r == -EOPNOTSUPP)
                skip(err.message);
        expect(r < 0);
        expect(strstr(err.message, "cannot set the processors to '999'"));
        expect(cgroup_open(name, &c) == -ENOENT);
}

/* A private view in which cgroup2, with whatever controllers it has, is all there is. */
TEST(missing_controller_of_v2_is_named) {
        CgroupLimits limits = { .memory = 16 * MIB };
        autofree char *name = new_place("v2"), *controllers = NULL;
        autoptr(Cgroup) c = NULL;
        autoerr err = {};

        expect(unshare(CLONE_NEWNS) == 0);
        expect(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
        expect(mount("cgroup2", "/sys/fs/cgroup", "cgroup2", 0, NULL) == 0);
        expect(cgroup_layout() == CGROUP_UNIFIED);
        expect_ok(file_read_line(AT_FDCWD, "/sys/fs/cgroup/cgroup.controllers", &controllers));
        if (strstr(controllers, "memory"))
                skip("cgroup2 has the memory controller here");

        expect(cgroup_create(name, &limits, &c, &err) == -EOPNOTSUPP);
        expect_str(err.message,
                   "cannot set the memory limit: cgroup controller 'memory' is not available here");
        expect(cgroup_open(name, &c) == -ENOENT);
}

TEST(controller_of_v2_is_enabled_down_the_path) {
        CgroupSetting s = { .controller = CGROUP_PIDS,
                            .limit = "number of processes",
                            .file = "pids.max",
                            .text = "5" };
        autofree char *name = new_place("enable"), *controllers = NULL, *value = NULL;
        autoptr(Cgroup) c = NULL;
        autoerr err = {};

        expect_well(cgroup_create(name, NULL, &c, &err), err);
        expect_ok(file_read_line(c->root, "cgroup.controllers", &controllers));
        if (!strstr(controllers, "pids")) {
                expect(cgroup_v2_apply(c, &s, &err) == -EOPNOTSUPP);
                expect_ok(cgroup_remove(name, 0));
                skip("cgroup2 has no pids controller here");
        }
        expect_well(cgroup_v2_apply(c, &s, &err), err);
        expect_ok(file_read_line(c->v2, "pids.max", &value));
        expect_str(value, "5");
        expect_ok(cgroup_remove(name, 0));
}

TEST(racing_makers_and_removers_all_succeed) {
        autofree char *probe = new_place("race");
        pid_t pids[4];

        for (int i = 0; i < 4; i++) {
                pids[i] = fork();
                if (pids[i] == 0) {
                        autofree char *name = str_format("isola-test-race/%d", i);

                        for (int round = 0; round < 200; round++) {
                                autoptr(Cgroup) c = NULL;

                                if (cgroup_create(name, NULL, &c, NULL) < 0)
                                        _exit(1);
                                if (cgroup_remove(name, 1000) < 0)
                                        _exit(2);
                        }
                        _exit(0);
                }
        }
        for (int i = 0; i < 4; i++) {
                int status;

                expect(waitpid(pids[i], &status, 0) == pids[i]);
                expect(status == 0);
        }
}
