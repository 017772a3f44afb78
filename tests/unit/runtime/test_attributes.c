/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "container.h"
#include "kernel/caps.h"
#include "kernel/lsm.h"
#include "kernel/scheduler.h"
#include "runtime/attributes.h"

/* Prints nice value, real-time priority and policy: the 19th, 40th and 41st fields, of which the
 * first two are cut off (proc_pid_stat(5)). */
#define SHOW_SCHEDULER "set -- $(sed 's/.*) //' /proc/self/stat); echo ${17} ${38} ${39}"

static OciScheduler *add_scheduler(OciProcess *p, const char *policy, int nice, int priority) {
        static OciScheduler s;

        s = (OciScheduler){ .policy = (char *) policy, .nice = nice, .priority = priority };
        p->scheduler = &s;
        return &s;
}

static OciIoPriority *add_io_priority(OciProcess *p, const char *class, int priority) {
        static OciIoPriority io;

        io = (OciIoPriority){ (char *) class, priority };
        p->io_priority = &io;
        return &io;
}

TEST(scheduler_is_better_than_a_user_namespace_could_make_it) {
        static Container c;

        setup(&c);
        add_scheduler(&c.process, "SCHED_BATCH", -7, 0);
        expect_str(run_shell(&c, SHOW_SCHEDULER), "-7 0 3");
}

TEST(real_time_policy_is_set) {
        static Container c;

        setup(&c);
        if (scheduler_set(0, &(SchedulerAttr){ .policy = SCHED_RR, .priority = 1 }) < 0)
                skip("this process may not have a real-time policy");
        expect_ok(scheduler_set(0, &(SchedulerAttr){ .policy = SCHED_OTHER }));
        add_scheduler(&c.process, "SCHED_FIFO", 0, 3)->flags =
                strv_words("SCHED_FLAG_RESET_ON_FORK");
        /* The shell has it; what it forks has not. */
        expect_str(run_shell(&c, "read line < /proc/self/stat; set -- ${line##*) }; echo ${38} "
                                 "${39}; " SHOW_SCHEDULER),
                   "3 1\n0 0 0");
}

TEST(scheduler_is_set_while_the_process_waits_to_be_started) {
        static Container c;
        Runtime *runtime = NULL;
        int dir, socket;
        char path[64];

        setup(&c);
        add_scheduler(&c.process, "SCHED_IDLE", 0, 0);
        set_shell(&c, "true");
        dir = open(HERE, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        socket = expect_ok(runtime_start_socket(dir, "start.sock", NULL));
        c.options.hold = true;
        c.options.start_socket = socket;
        expect_ok(runtime_spawn(&c.spec, &c.options, &runtime, NULL));
        expect_ok(runtime_hold(runtime, NULL));
        snprintf(path, sizeof path, "/proc/%d", runtime_pid(runtime));
        expect(sched_getscheduler(runtime_pid(runtime)) == SCHED_IDLE);
        runtime_free(runtime);
}

TEST(scheduler_that_the_kernel_refuses_is_an_error) {
        static Container c;
        autoerr err = {};

        setup(&c);
        add_scheduler(&c.process, "SCHED_FIFO", 0, 0);
        set_shell(&c, "true");
        expect(run(&c, &err) == -EINVAL);
        expect_str(err.message, "cannot set the scheduler: Invalid argument");
}

TEST(io_priority_is_set) {
        static Container c;

        setup(&c);
        add_io_priority(&c.process, "IOPRIO_CLASS_BE", 6);
        expect_str(run_shell(&c, "busybox ionice -p 1"), "best-effort: prio 6");
}

TEST(io_priority_above_that_of_users_is_set_from_outside) {
        static Container c;

        setup(&c);
        add_io_priority(&c.process, "IOPRIO_CLASS_RT", 0);
        expect_str(run_shell(&c, "busybox ionice -p 1"), "realtime: prio 0");
}

TEST(personality_of_32_bits_is_taken_on) {
        OciPersonality personality = { .domain = (char *) "LINUX32" };
        static Container c;

        setup(&c);
        if (sizeof(void *) != 8)
                skip("needs a machine of 64 bits");
        c.linux_.personality = &personality;
        expect(!strstr(run_shell(&c, "busybox uname -m"), "64"));
        personality.domain = (char *) "LINUX";
        c.process.args = strv_free(c.process.args);
        expect(strstr(run_shell(&c, "busybox uname -m"), "64"));
}

TEST(memory_policy_is_taken_on) {
        OciMemoryPolicy policy = { .mode = (char *) "MPOL_BIND", .nodes = (char *) "0" };
        static Container c;

        setup(&c);
        if (access("/proc/self/numa_maps", F_OK) < 0)
                skip("this kernel knows no memory nodes");
        c.linux_.memory_policy = &policy;
        policy.flags = strv_words("MPOL_F_STATIC_NODES");
        expect_str(run_shell(&c, "head -n 1 /proc/self/numa_maps | sed 's/[^ ]* //; s/ .*//'"),
                   "bind=static:0");
}

TEST(memory_node_that_is_not_there_is_an_error) {
        OciMemoryPolicy policy = { .mode = (char *) "MPOL_BIND", .nodes = (char *) "8000" };
        autoerr err = {};
        static Container c;

        setup(&c);
        if (access("/proc/self/numa_maps", F_OK) < 0)
                skip("this kernel knows no memory nodes");
        c.linux_.memory_policy = &policy;
        set_shell(&c, "true");
        expect(run(&c, &err) == -EINVAL);
        expect_str(err.message,
                   "cannot set the memory policy 'MPOL_BIND' with nodes '8000': Invalid argument");
}

TEST(label_without_its_module_is_refused) {
        autoerr err = {}, second = {}, third = {};
        static Container c;

        setup(&c);
        set_shell(&c, "true");
        if (lsm_has_apparmor() || lsm_has_selinux())
                skip("this kernel has such a module");
        c.process.apparmor_profile = (char *) "docker-default";
        expect(run(&c, &err) == -EOPNOTSUPP);
        expect_str(err.message, "the AppArmor profile 'docker-default' cannot be applied: AppArmor "
                                "is not enabled on this machine");
        c.process.apparmor_profile = (char *) "unconfined";
        expect(run(&c, NULL) == 0);
        c.process.selinux_label = (char *) "system_u:system_r:container_t:s0";
        expect(run(&c, &second) == -EOPNOTSUPP);
        expect_str(second.message, "the SELinux label 'system_u:system_r:container_t:s0' cannot be "
                                   "applied: SELinux is not enabled on this machine");
        c.process.selinux_label = NULL;
        c.linux_.mount_label = (char *) "system_u:object_r:container_file_t:s0";
        expect(run(&c, &third) == -EOPNOTSUPP);
        expect_str(third.message, "the mount label 'system_u:object_r:container_file_t:s0' cannot "
                                  "be applied: SELinux is not enabled on this machine");
}

TEST(profile_of_apparmor_is_taken_on) {
        autoerr err = {};
        static Container c;

        setup(&c);
        if (!lsm_has_apparmor())
                skip("needs AppArmor");
        if (system("command -v apparmor_parser >/dev/null") != 0)
                skip("needs apparmor_parser");
        c.process.apparmor_profile = (char *) "no-such-profile";
        set_shell(&c, "true");
        expect(run(&c, &err) < 0);
        expect_str(err.message, "there is no AppArmor profile 'no-such-profile'");
        expect(system("echo 'profile isola-test flags=(attach_disconnected) { file, network, "
                      "capability, mount, umount, signal, ptrace, }' | apparmor_parser -r") == 0);
        c.process.apparmor_profile = (char *) "isola-test";
        c.process.args = strv_free(c.process.args);
        run_shell(&c, "cat /proc/self/attr/current");
        expect(system("echo 'profile isola-test { }' | apparmor_parser -R") == 0);
        expect_str(output, "isola-test (enforce)");
}

TEST(umask_is_the_callers_or_what_is_said) {
        static Container c;

        setup(&c);
        umask(0027);
        expect_str(run_shell(&c, "umask; stat -c %a /dev/pts/.."), "0027\n755");
        c.process.user.umask = 0;
        c.process.args = strv_free(c.process.args);
        expect_str(run_shell(&c, "umask"), "0000");
}

TEST(console_size_counts_with_a_terminal_only) {
        static Container c;

        setup(&c);
        c.process.console_height = 7;
        c.process.console_width = 70000;
        expect_str(run_shell(&c, "echo here"), "here");
}

TEST(groups_are_those_that_are_said) {
        int64_t gids[] = { 50, 7 };
        static Container c;

        setup(&c);
        c.process.user.uid = c.process.user.gid = 1000;
        c.process.user.additional_gids = gids;
        c.process.user.n_additional_gids = 2;
        expect_str(run_shell(&c, "id -u; id -G"), "1000\n1000 7 50");
}

TEST(groups_of_the_caller_can_be_kept) {
        static const gid_t groups[] = { 77, 78 };
        int64_t gids[] = { 50 };
        static Container c;

        setup(&c);
        drop_namespace(&c, "user");
        c.linux_.n_uid_mappings = c.linux_.n_gid_mappings = 0;
        c.process.user.additional_gids = gids;
        c.process.user.n_additional_gids = 1;
        expect(setgroups(2, groups) == 0);
        c.spec.annotations = strv_words("run.oci.keep_original_groups=1");
        expect_str(run_shell(&c, "id -G"), "0 77 78");
        c.spec.annotations = strv_words("run.oci.keep_original_groups=0");
        c.process.args = strv_free(c.process.args);
        expect_str(run_shell(&c, "id -G"), "0 50");
}

TEST(capabilities_of_a_user_are_the_ambient_ones) {
        char *kill_[] = { (char *) "CAP_KILL", NULL };
        char *two[] = { (char *) "CAP_KILL", (char *) "CAP_CHOWN", NULL };
        OciCapabilities sets = { .bounding = two,
                                 .effective = two,
                                 .permitted = two,
                                 .inheritable = two,
                                 .ambient = kill_ };
        static Container c;

        setup(&c);
        c.process.user.uid = 1000;
        c.process.capabilities = &sets;
        expect_str(run_shell(&c, "grep ^Cap /proc/self/status | sed 's/.*:.0*//'"),
                   "21\n20\n20\n21\n20");
        sets.inheritable = NULL; /* without which nothing can be ambient */
        c.process.args = strv_free(c.process.args);
        expect_str(run_shell(&c, "grep ^Cap /proc/self/status | sed 's/.*:.*000/0/'"),
                   "0\n0\n0\n021\n0");
}

TEST(namespace_of_the_caller_by_path_is_still_the_callers) {
        autoerr err = {};
        static Container c;

        setup(&c);
        drop_namespace(&c, "network");
        add_namespace(&c, "network", "/proc/self/ns/net");
        c.linux_.sysctl = strv_words("net.ipv4.ip_unprivileged_port_start=7");
        set_shell(&c, "true");
        expect(run(&c, &err) == -EPERM);
        expect(strstr(err.message, "the container has no network namespace of its own"));
}

/* What is said on standard error from here on, by log_warn(), can be read from the result. */
static int catch_warnings(void) {
        int fds[2];

        expect(pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0 && dup2(fds[1], 2) == 2);
        close(fds[1]);
        return fds[0];
}

static const char *caught(int fd) {
        static char text[4096];
        ssize_t n = read(fd, text, sizeof text - 1);

        text[n > 0 ? n : 0] = 0;
        return text;
}

/* As on a machine where root has no CAP_SYS_RESOURCE. */
static void drop_capability(int cap) {
        CapSets sets;

        expect_ok(caps_get(&sets));
        expect_ok(caps_bound(sets.bounding & ~(UINT64_C(1) << cap)));
        sets.permitted &= ~(UINT64_C(1) << cap);
        sets.effective = sets.permitted;
        sets.inheritable = 0;
        expect_ok(caps_set(&sets));
}

TEST(limits_that_cannot_be_raised_are_one_warning) {
        OciRlimit limits[] = { { (char *) "RLIMIT_CORE", 5, UINT64_MAX },
                               { (char *) "RLIMIT_MSGQUEUE", 7, UINT64_MAX },
                               { (char *) "RLIMIT_CPU", 100, 200 } };
        static Container c;
        const char *said;
        int warnings;

        setup(&c);
        expect(setrlimit(RLIMIT_CORE, &(struct rlimit){ 3, 3 }) == 0);
        expect(setrlimit(RLIMIT_MSGQUEUE, &(struct rlimit){ 9, 9 }) == 0);
        drop_capability(CAP_SYS_RESOURCE);
        c.process.rlimits = limits;
        c.process.n_rlimits = 3;
        set_shell(&c, "ulimit -c; ulimit -Hc; ulimit -Ht");
        warnings = catch_warnings();
        expect(run(&c, NULL) == 0);
        said = caught(warnings);
        expect(strstr(said, "the maximum of RLIMIT_CORE, RLIMIT_MSGQUEUE stays as it is"));
        expect(!strchr(strchr(said, '\n') + 1, '\n'));
        expect_str(output, "0\n0\n200");
}

TEST(capabilities_that_the_caller_lacks_are_one_warning) {
        char *caps[] = { (char *) "CAP_CHOWN", (char *) "CAP_SYS_RESOURCE", (char *) "CAP_SYSLOG",
                         NULL };
        OciCapabilities sets = { .bounding = caps, .permitted = caps, .effective = caps };
        static Container c;
        const char *said;
        int warnings;

        setup(&c);
        drop_namespace(&c, "user");
        c.linux_.n_uid_mappings = c.linux_.n_gid_mappings = 0;
        drop_capability(CAP_SYS_RESOURCE);
        drop_capability(CAP_SYSLOG);
        c.process.capabilities = &sets;
        set_shell(&c, "grep CapPrm /proc/self/status");
        warnings = catch_warnings();
        expect(run(&c, NULL) == 0);
        said = caught(warnings);
        expect(strstr(said, "the container goes without CAP_SYS_RESOURCE, CAP_SYSLOG"));
        expect_str(output, "CapPrm:\t0000000000000001");
}

/* ---- exec ---- */

TEST(further_process_has_priorities_of_its_own) {
        OciProcess process = { .user.umask = -1 };
        static Container c;
        Runtime *runtime = sleeper(&c);
        RuntimeExec exec = { .process = &process };
        int own = getpriority(PRIO_PROCESS, 0);

        add_scheduler(&process, "SCHED_BATCH", -3, 0);
        add_io_priority(&process, "IOPRIO_CLASS_RT", 2);
        expect(exec_shell(runtime, &exec, SHOW_SCHEDULER "; busybox ionice -p $$", NULL) == 0);
        expect_str(output, "-3 0 3\nrealtime: prio 2\n");
        expect(getpriority(PRIO_PROCESS, 0) == own);
        leave(runtime);
}

TEST(further_process_shares_what_is_the_containers) {
        OciPersonality personality = { .domain = (char *) "LINUX32" };
        static Container c;
        Runtime *runtime = sleeper(&c);
        RuntimeExec exec = { .spec = &c.spec };

        c.linux_.personality = &personality;
        umask(0077);
        expect(exec_shell(runtime, &exec, "busybox uname -m; umask", NULL) == 0);
        expect(!strstr(output, "64") && strstr(output, "\n0077\n"));
        leave(runtime);
}

/* The number of the last processor that this process may run on. */
static size_t last_processor(Bitlist *all) {
        size_t last = 0;

        expect_ok(affinity_get(0, all));
        for (size_t i = 0; i < BITLIST_MAX; i++)
                if (bitlist_has(all, i))
                        last = i;
        return last;
}

/* Runs a further process on the last processor alone; the caller stays where it is. */
static void expect_processors(OciCpuAffinity *affinity, char **member) {
        Bitlist before, after;
        size_t last = last_processor(&before);
        autofree char *list = str_format("%zu", last),
                      *wanted = str_format("Cpus_allowed_list:\t%zu\n", last);
        OciProcess process = { .user.umask = -1, .exec_cpu_affinity = affinity };
        static Container c;
        Runtime *runtime = sleeper(&c);
        RuntimeExec exec = { .process = &process };

        *member = list;
        expect(exec_shell(runtime, &exec, "grep Cpus_allowed_list /proc/self/status", NULL) == 0);
        expect_str(output, wanted);
        expect_ok(affinity_get(0, &after));
        expect(memcmp(&before, &after, sizeof before) == 0);
        leave(runtime);
}

TEST(further_process_runs_on_its_processors) {
        OciCpuAffinity affinity = {};

        expect_processors(&affinity, &affinity.final);
}

TEST(further_process_begins_on_its_first_processors) {
        OciCpuAffinity affinity = {};

        expect_processors(&affinity, &affinity.initial);
}

TEST(processors_that_are_not_there_are_an_error) {
        OciCpuAffinity affinity = { .final = (char *) "8000" };
        OciProcess process = { .user.umask = -1, .exec_cpu_affinity = &affinity };
        autoerr err = {};
        static Container c;
        Runtime *runtime = sleeper(&c);
        RuntimeExec exec = { .process = &process };

        expect(exec_shell(runtime, &exec, "true", &err) == -EINVAL);
        expect_str(err.message, "cannot run on the processors '8000': Invalid argument");
        leave(runtime);
}
