/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/file.h"
#include "base/str.h"
#include "kernel/cgroup_internal.h"
#include "kernel/process.h"
#include "test.h"

#define MIB (INT64_C(1) << 20)

static void expect_setting(const CgroupSetting *s, const char *file, const char *text) {
        expect_str(s->file, file);
        expect_str(cgroup_setting_text(s), text);
}

static void expect_v1(const CgroupLimits *limits, CgroupSettings *s, size_t n) {
        autoerr err = {};

        cgroup_settings_clear(s);
        expect(cgroup_v1_settings(limits, s, &err) == 0);
        expect(s->n == n);
}

static void expect_v2(const CgroupLimits *limits, CgroupSettings *s, size_t n) {
        autoerr err = {};

        cgroup_settings_clear(s);
        expect(cgroup_v2_settings(limits, s, &err) == 0);
        expect(s->n == n);
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

TEST(io_weight_keeps_ends) {
        expect(cgroup_io_weight(10) == 1);
        expect(cgroup_io_weight(500) == 4950);
        expect(cgroup_io_weight(1000) == 10000);
}

TEST(v2_counts_swap_apart) {
        CgroupLimits limits = { .memory = 64 * MIB, .memory_swap = 96 * MIB };
        autosettings s = {};

        expect_v2(&limits, &s, 2);
        expect_setting(&s.items[0], "memory.max", "67108864");
        expect_setting(&s.items[1], "memory.swap.max", "33554432");
        expect(!s.items[1].wish);

        limits.memory_swap = 0;
        expect_v2(&limits, &s, 1);

        limits.memory_swap = -1;
        expect_v2(&limits, &s, 2);
        expect_setting(&s.items[1], "memory.swap.max", "max");

        limits.memory_swap = limits.memory;
        expect_v2(&limits, &s, 2);
        expect_setting(&s.items[1], "memory.swap.max", "0");
        expect(s.items[1].wish);

        limits.memory = -1;
        limits.memory_swap = 0;
        expect_v2(&limits, &s, 2);
        expect_setting(&s.items[0], "memory.max", "max");
        expect_setting(&s.items[1], "memory.swap.max", "max");
}

TEST(contradicting_limits_of_memory_and_swap_are_refused) {
        CgroupLimits limits = { .memory = 2, .memory_swap = 1 };
        autosettings s = {};
        autoerr err = {};

        expect(cgroup_v1_settings(&limits, &s, &err) == -EINVAL);
        expect_str(err.message, "cannot set the limit of memory and swap to '1': it is below that "
                                "of memory alone, '2'");
        err_clear(&err);
        limits.memory = 0;
        expect(cgroup_v2_settings(&limits, &s, &err) == -EINVAL);
        expect_str(err.message, "cannot set the limit of memory and swap to '1': there is no limit "
                                "of memory to subtract");
}

TEST(v2_has_a_file_for_every_limit) {
        CgroupIoLimit io[] = { { CGROUP_READ_BPS, 8, 0, 1000 }, { CGROUP_WRITE_IOPS, 8, 16, 0 } };
        CgroupHugepages pages[] = { { "2MB", 4096 } };
        CgroupRdma rdma[] = { { "mlx5_0", true, true, 2, 3 } };
        char *unified[] = { (char *) "memory.high=7", (char *) "io.max=8:0 rbps=1\n8:16 rbps=2\n",
                            NULL };
        CgroupLimits limits = { .memory_reservation = 1,
                                .cpu_quota = 50000,
                                .cpu_shares = 1024,
                                .has_cpu_burst = true,
                                .cpuset_cpus = "0-1",
                                .cpuset_mems = "0",
                                .has_pids = true,
                                .pids = -1,
                                .io_weight = 500,
                                .io_limits = io,
                                .n_io_limits = 2,
                                .hugepages = pages,
                                .n_hugepages = 1,
                                .rdma = rdma,
                                .n_rdma = 1,
                                .unified = unified };
        autosettings s = {};

        expect_v2(&limits, &s, 17);
        expect_setting(&s.items[0], "memory.low", "1");
        expect_setting(&s.items[1], "cpu.weight", "100");
        expect_setting(&s.items[2], "cpu.max", "50000 100000");
        expect_setting(&s.items[3], "cpu.max.burst", "0");
        expect_setting(&s.items[4], "cpuset.cpus", "0-1");
        expect_setting(&s.items[5], "cpuset.mems", "0");
        expect_setting(&s.items[6], "pids.max", "max");
        expect_setting(&s.items[7], "io.bfq.weight", "500");
        expect(s.items[7].alternative);
        expect_setting(&s.items[8], "io.weight", "4950");
        expect_setting(&s.items[9], "io.max", "8:0 rbps=1000");
        expect_setting(&s.items[10], "io.max", "8:16 wiops=max");
        expect_setting(&s.items[11], "hugetlb.2MB.rsvd.max", "4096");
        expect(s.items[11].wish);
        expect_setting(&s.items[12], "hugetlb.2MB.max", "4096");
        expect_setting(&s.items[13], "rdma.max", "mlx5_0 hca_handle=2 hca_object=3");
        expect_setting(&s.items[14], "memory.high", "7");
        expect_setting(&s.items[15], "io.max", "8:0 rbps=1");
        expect_setting(&s.items[16], "io.max", "8:16 rbps=2");
}

TEST(v1_has_a_file_for_every_limit) {
        CgroupIoWeight weights[] = { { 8, 0, 100, 200 } };
        CgroupIoLimit io[] = { { CGROUP_READ_BPS, 8, 0, 1000 }, { CGROUP_WRITE_IOPS, 8, 16, 0 } };
        CgroupPriority priorities[] = { { "eth0", 5 } };
        CgroupLimits limits = { .memory = 8 * MIB,
                                .memory_swap = -1,
                                .memory_reservation = 4096,
                                .has_memory_swappiness = true,
                                .memory_no_oom_killer = true,
                                .cpu_quota = 50000,
                                .cpu_period = 200000,
                                .cpu_shares = 2,
                                .cpu_realtime_period = 1000,
                                .cpu_realtime_runtime = 500,
                                .cpuset_cpus = "1",
                                .has_pids = true,
                                .io_weights = weights,
                                .n_io_weights = 1,
                                .io_limits = io,
                                .n_io_limits = 2,
                                .has_class_id = true,
                                .class_id = 0x100001,
                                .priorities = priorities,
                                .n_priorities = 1 };
        autosettings s = {};

        expect_v1(&limits, &s, 19);
        expect_setting(&s.items[0], "memory.limit_in_bytes", "8388608");
        expect_setting(&s.items[1], "memory.memsw.limit_in_bytes", "-1");
        expect_setting(&s.items[2], "memory.soft_limit_in_bytes", "4096");
        expect_setting(&s.items[3], "memory.swappiness", "0");
        expect_setting(&s.items[4], "memory.oom_control", "1");
        expect_setting(&s.items[5], "cpu.shares", "2");
        expect_setting(&s.items[6], "cpu.rt_period_us", "1000");
        expect_setting(&s.items[7], "cpu.rt_runtime_us", "500");
        expect_setting(&s.items[8], "cpu.cfs_period_us", "200000");
        expect_setting(&s.items[9], "cpu.cfs_quota_us", "50000");
        expect_setting(&s.items[10], "cpuset.cpus", "1");
        expect_setting(&s.items[11], "pids.max", "0");
        expect_setting(&s.items[12], "blkio.weight_device", "8:0 100");
        expect_setting(&s.items[13], "blkio.bfq.weight_device", "8:0 100");
        expect_setting(&s.items[14], "blkio.leaf_weight_device", "8:0 200");
        expect_setting(&s.items[15], "blkio.throttle.read_bps_device", "8:0 1000");
        expect_setting(&s.items[16], "blkio.throttle.write_iops_device", "8:16 0");
        expect_setting(&s.items[17], "net_cls.classid", "1048577");
        expect_setting(&s.items[18], "net_prio.ifpriomap", "eth0 5");
}

TEST(idle_leaves_shares_out) {
        CgroupLimits limits = { .cpu_shares = 512, .has_cpu_idle = true, .cpu_idle = 1 };
        autosettings s = {};

        expect_v2(&limits, &s, 1);
        expect_setting(&s.items[0], "cpu.idle", "1");
        limits.cpu_idle = 0;
        expect_v1(&limits, &s, 2);
        expect_setting(&s.items[0], "cpu.idle", "0");
        expect_setting(&s.items[1], "cpu.shares", "512");
}

TEST(file_outside_of_the_directory_is_refused) {
        char *escape[] = { (char *) "../memory.max=1", NULL },
             *word[] = { (char *) "memory", NULL };
        CgroupHugepages pages[] = { { "../x", 1 } };
        autosettings s = {};
        autoerr err = {};

        expect(cgroup_v2_settings(&(CgroupLimits){ .unified = escape }, &s, &err) == -EINVAL);
        expect_str(err.message, "'../memory.max' is not a file of cgroup version 2");
        err_clear(&err);
        expect(cgroup_v2_settings(&(CgroupLimits){ .unified = word }, &s, &err) == -EINVAL);
        err_clear(&err);
        expect(cgroup_v2_settings(&(CgroupLimits){ .hugepages = pages, .n_hugepages = 1 }, &s,
                                  &err) == -EINVAL);
        expect_str(err.message, "'../x' is not a size of huge pages");
}

/* --- on this machine's hierarchies --- */

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
        pid_t pid = process_clone(0, cgroup_fd(c), NULL);

        if (pid == 0)
                for (;;)
                        pause();
        expect(pid > 0);
        return pid;
}

/* Moves a process that was not cloned in into every hierarchy. */
static void move_into(const Cgroup *c, pid_t pid) {
        autoerr err = {};
        char number[16];

        snprintf(number, sizeof number, "%d", pid);
        if (cgroup_fd(c) >= 0)
                expect_ok(file_write(cgroup_fd(c), "cgroup.procs", number));
        expect_well(cgroup_join(c, pid, &err), err);
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
        autousage usage = {};
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
        expect_ok(cgroup_usage(c, &usage));
        expect(usage.pids == 1);

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
        pid_t pid;

        expect_well(cgroup_create(name, NULL, &c, &err), err);
        pid = clone_into(c);
        expect(cgroup_remove(name, 10) == -EBUSY);
        if (fork() == 0) {
                usleep(50000);
                kill(pid, SIGKILL);
                _exit(0);
        }
        expect_ok(cgroup_remove(name, 5000));
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

TEST(all_are_killed_without_the_kernels_help) {
        autofree char *name = new_place("each");
        autofree char *below = str_format("%s/below", name);
        autoptr(Cgroup) inner = NULL;
        autoptr(Cgroup) c = NULL;
        autoerr err = {};
        pid_t forking;

        expect_well(cgroup_create(name, NULL, &c, &err), err);
        expect_well(cgroup_create(below, NULL, &inner, &err), err);
        (void) clone_into(inner);
        (void) clone_into(c);
        forking = process_clone(0, cgroup_fd(c), NULL);
        if (forking == 0) /* always a new one, and its parent gone */
                for (;;)
                        if (process_clone(0, -EBADF, NULL) > 0)
                                _exit(0);
        expect_ok(cgroup_freeze(inner, true, 2000));
        signal(SIGCHLD, SIG_IGN);
        expect_ok(cgroup_kill_each(c));
        expect(cgroup_is_populated(c) == 0);
        expect_ok(cgroup_remove(name, 2000));
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
        CgroupLimits limits = { .has_pids = true, .pids = 2 };
        autofree char *name = new_place("pids");
        autoptr(Cgroup) c = limited(name, &limits);
        autousage usage = {};
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
        move_into(c, pid);
        expect(write(gate[1], "g", 1) == 1);
        expect(read(answer[0], &word, 1) == 1);
        expect(word == 'y');
        expect_ok(cgroup_usage(c, &usage));
        expect(usage.pids_limit == 2);
        end(pid);
        expect_ok(cgroup_remove(name, 2000));
}

TEST(memory_is_limited_and_the_limit_can_change) {
        CgroupLimits limits = { .memory = 16 * MIB, .memory_swap = 16 * MIB };
        autofree char *name = new_place("memory");
        autoptr(Cgroup) c = limited(name, &limits);
        uint64_t kills;
        autoerr err = {};
        int gate[2], status;
        pid_t pid;

        expect(cgroup_memory(c).limit == (uint64_t) (16 * MIB));
        limits.memory = limits.memory_swap = 32 * MIB;
        expect_well(cgroup_update(c, &limits, &err), err);
        limits.memory = limits.memory_swap = 8 * MIB;
        expect_well(cgroup_update(c, &limits, &err), err);
        expect(cgroup_memory(c).limit == (uint64_t) (8 * MIB));

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
        move_into(c, pid);
        expect(write(gate[1], "g", 1) == 1);
        expect(waitpid(pid, &status, 0) == pid);
        expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        expect_ok(cgroup_oom_kills(c, &kills));
        expect(kills == 1);
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

TEST(limits_that_bound_each_other_are_raised_and_lowered) {
        CgroupLimits limits = { .memory = 16 * MIB,
                                .memory_swap = 32 * MIB,
                                .cpu_quota = 20000,
                                .cpu_period = 50000,
                                .has_cpu_burst = true,
                                .cpu_burst = 10000 };
        autofree char *name = new_place("bounds"), *burst = NULL;
        autoptr(Cgroup) c = limited(name, &limits);
        autoerr err = {};

        limits.memory = 64 * MIB;
        limits.memory_swap = 64 * MIB;
        limits.cpu_quota = 200000;
        limits.cpu_burst = 150000;
        expect_well(cgroup_update(c, &limits, &err), err);
        limits.memory = 4 * MIB;
        limits.memory_swap = 5 * MIB;
        limits.cpu_quota = 5000;
        limits.cpu_burst = 4000;
        expect_well(cgroup_update(c, &limits, &err), err);
        expect(cgroup_memory(c).limit == (uint64_t) (4 * MIB));
        if (c->v1[CGROUP_CPU] >= 0) {
                expect_ok(file_read_line(c->v1[CGROUP_CPU], "cpu.cfs_burst_us", &burst));
                expect_str(burst, "4000");
        }

        limits.cpu_burst = 6000; /* more than its quota */
        expect(cgroup_update(c, &limits, &err) == -EINVAL);
        expect(strstr(err.message, "cannot set the processor burst to '6000' (cpu."));
        expect_ok(cgroup_remove(name, 0));
}

TEST(limit_below_use_can_be_refused) {
        CgroupLimits limits = { .memory = 64 * MIB },
                     less = { .memory = 4096, .memory_check = true };
        autofree char *name = new_place("check");
        autoptr(Cgroup) c = limited(name, &limits);
        autoerr err = {};
        int gate[2], filled[2];
        pid_t pid;

        expect(pipe(gate) == 0 && pipe(filled) == 0);
        pid = fork();
        if (pid == 0) {
                char *block = malloc(8 * MIB), word;

                (void) !read(gate[0], &word, 1);
                memset(block, 1, 8 * MIB);
                (void) !write(filled[1], block, 1);
                pause();
        }
        move_into(c, pid);
        expect(write(gate[1], "g", 1) == 1);
        expect(read(filled[0], &(char){ 0 }, 1) == 1);
        expect(cgroup_update(c, &less, &err) == -EBUSY);
        expect(strstr(err.message, "cannot set the memory limit to '4096': "));
        expect(cgroup_memory(c).limit == (uint64_t) (64 * MIB));
        end(pid);
        expect_ok(cgroup_remove(name, 2000));
}

TEST(empty_place_is_adopted_and_its_parent_stays) {
        autofree char *name = new_place("adopted/here"), *path = str_format("/%s", name),
                      *parent = new_place("adopted");
        autoclose int root = cgroup_v2_root();
        autoptr(Cgroup) c = NULL, *again = NULL;
        autoerr err = {};
        struct stat st;

        expect_ok(cgroup_make_directory(root, name, NULL));
        expect_well(cgroup_adopt(path, 0, NULL, &c, &err), err);
        expect_str(cgroup_path(c), name);
        expect_well(cgroup_adopt(path, 0, NULL, &again, &err), err);
        expect_ok(cgroup_remove_leaf(path, 0));
        expect(fstatat(root, name, &st, 0) < 0 && errno == ENOENT);
        expect(fstatat(root, parent, &st, 0) == 0);
        expect_ok(cgroup_remove(parent, 0));
}

TEST(place_in_use_is_not_adopted) {
        autofree char *name = new_place("used");
        autoptr(Cgroup) c = NULL, *other = NULL;
        autoerr err = {};
        pid_t pid;

        expect_well(cgroup_adopt(name, 0, NULL, &c, &err), err);
        pid = clone_into(c);
        expect(cgroup_adopt(name, 0, NULL, &other, &err) == -EBUSY);
        expect(strstr(err.message, "is not empty: it has 1 processes"));
        expect(cgroup_is_populated(c) == 1);
        err_clear(&err);
        end(pid);

        expect_ok(cgroup_freeze(c, true, 1000));
        expect(cgroup_adopt(name, 0, NULL, &other, &err) == -EBUSY);
        expect(strstr(err.message, "is frozen"));
        expect_ok(cgroup_remove(name, 1000));
}

TEST(limits_of_a_prepared_parent_are_joined) {
        autofree char *name = new_place("pod/container"), *parent = new_place("pod");
        CgroupLimits limits = { .has_pids = true, .pids = 100 };
        autoptr(Cgroup) pod = limited(parent, &limits), *c = NULL;
        autoerr err = {};

        expect_well(cgroup_adopt(name, 0, NULL, &c, &err), err);
        for (CgroupController i = 0; i < CGROUP_N_CONTROLLERS; i++)
                expect((c->v1[i] >= 0) == (pod->v1[i] >= 0));
        expect_ok(cgroup_remove_leaf(name, 0));
        expect_ok(cgroup_remove(parent, 0));
}

TEST(failed_adoption_takes_back_only_its_own) {
        CgroupLimits limits = { .has_pids = true, .pids = 100, .cpuset_cpus = "999" };
        autofree char *name = new_place("kept");
        autoclose int root = cgroup_v2_root();
        autoptr(Cgroup) c = NULL;
        autoerr err = {};
        struct stat st;

        expect_ok(cgroup_make_directory(root, name, NULL));
        expect(cgroup_adopt(name, 0, &limits, &c, &err) < 0);
        expect(fstatat(root, name, &st, 0) == 0);
        expect_ok(cgroup_open(name, &c));
        for (CgroupController i = 0; i < CGROUP_N_CONTROLLERS; i++)
                expect(c->v1[i] < 0);
        expect_ok(cgroup_remove(name, 0));
}

TEST(unified_setting_without_controller_is_named) {
        char *known[] = { (char *) "cgroup.max.depth=3", NULL },
             *unknown[] = { (char *) "nothing.high=1", NULL };
        CgroupLimits limits = { .unified = known };
        autofree char *name = new_place("unified"), *depth = NULL;
        autoptr(Cgroup) c = limited(name, &limits);
        autoerr err = {};

        expect_ok(file_read_line(c->v2, "cgroup.max.depth", &depth));
        expect_str(depth, "3");
        limits.unified = unknown;
        expect(cgroup_update(c, &limits, &err) == -EOPNOTSUPP);
        expect_str(err.message,
                   "cannot set 'nothing.high': cgroup controller 'nothing' is not available here");
        expect_ok(cgroup_remove(name, 0));
}

TEST(delegated_files_change_hands_and_no_others) {
        autofree char *name = new_place("delegated");
        autoptr(Cgroup) c = NULL;
        autoerr err = {};
        struct stat st;

        expect_well(cgroup_create(name, NULL, &c, &err), err);
        expect_ok(cgroup_delegate(c, 12345, 54321));
        expect(fstat(c->v2, &st) == 0 && st.st_uid == 12345 && st.st_gid == 54321);
        expect(fstatat(c->v2, "cgroup.procs", &st, 0) == 0 && st.st_uid == 12345);
        expect(fstatat(c->v2, "cgroup.events", &st, 0) == 0 && st.st_uid == 0);
        expect_ok(cgroup_remove(name, 0));
}

TEST(place_that_cannot_be_written_is_an_error_with_its_code) {
        autofree char *name = new_place("readonly");
        autoptr(Cgroup) c = NULL;
        autoerr err = {};

        expect(unshare(CLONE_NEWNS) == 0);
        expect(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
        expect(mount("cgroup2", "/sys/fs/cgroup", "cgroup2", MS_RDONLY, NULL) == 0 ||
               mount(NULL, "/sys/fs/cgroup", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) == 0);
        expect(mount(NULL, "/sys/fs/cgroup", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) == 0);
        expect(cgroup_adopt(name, 0, NULL, &c, &err) == -EROFS);
}

TEST(no_hierarchy_at_all_is_said) {
        autofree char *name = new_place("nowhere");
        autoptr(Cgroup) c = NULL;
        autoerr err = {};

        expect(unshare(CLONE_NEWNS) == 0);
        expect(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
        expect(umount2("/sys/fs/cgroup", MNT_DETACH) == 0);
        expect(cgroup_layout() == CGROUP_NONE);
        expect(cgroup_adopt(name, 0, NULL, &c, &err) == -EOPNOTSUPP);
        expect(strstr(err.message, ": no cgroup hierarchy is mounted here"));
        expect(cgroup_remove(name, 0) == 0);
}

/* A private view without version 2. */
static void enter_legacy(void) {
        expect(unshare(CLONE_NEWNS) == 0);
        expect(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
        if (umount2("/sys/fs/cgroup/unified", MNT_DETACH) < 0 || cgroup_layout() != CGROUP_LEGACY)
                skip("there are no version 1 hierarchies here");
}

TEST(every_hierarchy_is_joined_where_there_is_no_v2) {
        autofree char *name = new_place("legacy"), *parent = NULL;
        autofree pid_t *pids = NULL;
        autoptr(Cgroup) c = NULL, *other = NULL;
        autousage usage = {};
        autoerr err = {};
        size_t n = 0;
        pid_t pid;

        enter_legacy();
        expect_well(cgroup_adopt(name, 0, NULL, &c, &err), err);
        expect(cgroup_fd(c) < 0 && cgroup_needs_join(c));
        expect(c->v1[CGROUP_FREEZER] >= 0 && c->v1[CGROUP_SYSTEMD] < 0);
        pid = fork();
        if (pid == 0)
                for (;;)
                        pause();
        expect_well(cgroup_join(c, pid, &err), err);
        expect_ok(cgroup_pids(c, &pids, &n));
        expect(n == 1 && pids[0] == pid);
        expect_ok(cgroup_usage(c, &usage));
        expect(usage.pids == 1);
        expect(cgroup_adopt(name, 0, NULL, &other, &err) == -EBUSY);

        expect_ok(cgroup_freeze(c, true, 2000));
        expect(cgroup_is_frozen(c) == 1);
        expect_ok(cgroup_kill(c, SIGKILL));
        waitpid(pid, NULL, 0);
        expect_ok(cgroup_remove_leaf(name, 2000));
        expect(cgroup_open(name, &other) == -ENOENT);
        parent = str_format("isola-test-%d", getpid());
        expect_ok(cgroup_remove(parent, 0));
}

TEST(place_goes_where_v2_is_mounted_elsewhere) {
        autofree char *name = new_place("elsewhere"), *parent = NULL;
        autoclose int root = cgroup_v2_root();
        autoptr(Cgroup) c = NULL;
        autoerr err = {};
        struct stat st;

        enter_legacy();
        expect(mount("cgroup2", "/mnt", "cgroup2", 0, NULL) == 0);
        expect_well(cgroup_create(name, NULL, &c, &err), err);
        expect(cgroup_fd(c) >= 0);
        expect_ok(cgroup_remove(name, 0));
        parent = strndup(name, (size_t) (strchr(name, '/') - name));
        expect(fstatat(root, parent, &st, 0) < 0 && errno == ENOENT);
}

/* A private view in which cgroup2, with whatever controllers it has, is all there is. */
TEST(missing_controller_of_v2_is_named) {
        CgroupLimits limits = { .memory = 16 * MIB };
        autofree char *name = new_place("v2"), *controllers = NULL;
        autoptr(Cgroup) c = NULL;
        autoerr err = {};

        expect(unshare(CLONE_NEWNS) == 0);
        expect(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
        if (cgroup_layout() != CGROUP_UNIFIED)
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
        CgroupLimits limits = { .has_pids = true, .pids = 50 };
        autofree char *name = new_place("enable"), *controllers = NULL, *value = NULL;
        autoptr(Cgroup) c = NULL;
        autoerr err = {};

        expect_well(cgroup_create(name, NULL, &c, &err), err);
        expect_ok(file_read_line(c->root, "cgroup.controllers", &controllers));
        if (!strstr(controllers, "pids")) {
                expect_ok(cgroup_remove(name, 0));
                skip("cgroup2 has no pids controller here");
        }
        expect_well(cgroup_update(c, &limits, &err), err);
        expect_ok(file_read_line(c->v2, "pids.max", &value));
        expect_str(value, "50");
        expect_ok(cgroup_remove(name, 0));
}

TEST(racing_makers_and_removers_all_succeed) {
        autofree char *place = new_place("race");
        pid_t pids[4];

        for (int i = 0; i < 4; i++) {
                pids[i] = fork();
                if (pids[i] == 0) {
                        autofree char *name = str_format("%s/%d", place, i);

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

TEST(first_limit_has_a_name) {
        char *unified[] = { (char *) "memory.high=1", NULL };

        expect(!cgroup_first_limit(&(CgroupLimits){}));
        expect_str(cgroup_first_limit(&(CgroupLimits){ .has_pids = true }), "number of processes");
        expect(cgroup_first_limit(&(CgroupLimits){ .memory = 2, .memory_swap = 1 }));
        expect_str(cgroup_first_limit(&(CgroupLimits){ .unified = unified }),
                   "limit of cgroup version 2");
}

TEST(keeper_goes_when_the_first_process_is_in) {
        autofree char *name = new_place("keeper");
        autofree pid_t *pids = NULL;
        autoptr(Cgroup) c = NULL;
        autoerr err = {};
        pid_t keeper, pid;
        size_t n = 0;

        expect_well(cgroup_create(name, NULL, &c, &err), err);
        keeper = clone_into(c);
        cgroup_set_keeper(c, (int) syscall(SYS_pidfd_open, keeper, 0));
        expect(cgroup_needs_join(c));
        pid = clone_into(c);
        expect_well(cgroup_join(c, pid, &err), err);
        expect_ok(cgroup_pids(c, &pids, &n));
        expect(n == 1 && pids[0] == pid);
        end(pid);
        expect_ok(cgroup_remove(name, 1000));
}
