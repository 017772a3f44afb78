/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "denied.h"
#include "kernel/caps.h"
#include "kernel/idmap.h"
#include "kernel/ns.h"
#include "kernel/process.h"
#include "kernel/pty.h"
#include "kernel/rlimit.h"

static int child_code(int pidfd) {
        siginfo_t info = {};

        expect(waitid(P_PIDFD, (id_t) pidfd, &info, WEXITED) == 0);
        return info.si_status;
}

TEST(child_has_a_pidfd_and_default_handlers) {
        autoclose int pidfd = -EBADF;
        struct sigaction now;
        pid_t pid;

        signal(SIGUSR1, exit);
        pid = process_clone(0, -EBADF, &pidfd);
        if (pid == 0)
                _exit(sigaction(SIGUSR1, NULL, &now) == 0 && now.sa_handler == SIG_DFL ? 7 : 1);
        expect(process_of_pidfd(pidfd) == pid);
        expect(child_code(pidfd) == 7);
        expect(process_of_pidfd(pidfd) == -ESRCH);
}

static ino_t namespace_of(const char *which) {
        struct stat st;

        expect(stat(which, &st) == 0);
        return st.st_ino;
}

TEST(denied_clone3_is_replaced) {
        autoclose int pidfd = -EBADF;
        struct sigaction now;
        sigset_t before = {}, after = {}; /* the kernel fills in less than all */
        pid_t pid;

        signal(SIGUSR1, exit);
        signal(SIGUSR2, SIG_IGN);
        expect(sigprocmask(SIG_SETMASK, NULL, &before) == 0);
        denied(__NR_clone3, EPERM);
        pid = process_clone(0, -EBADF, &pidfd);
        if (pid == 0) {
                expect(sigaction(SIGUSR1, NULL, &now) == 0 && now.sa_handler == SIG_DFL);
                expect(sigaction(SIGUSR2, NULL, &now) == 0 && now.sa_handler == SIG_IGN);
                _exit(7);
        }
        expect(process_of_pidfd(pidfd) == pid);
        expect(child_code(pidfd) == 7);
        expect(sigprocmask(SIG_SETMASK, NULL, &after) == 0);
        expect(memcmp(&before, &after, sizeof before) == 0);
}

TEST_IN(child_is_born_in_its_namespaces_without_clone3, CLONE_NEWNS) {
        const char *const files[] = { "/proc/self/ns/time", "/proc/self/ns/uts",
                                      "/proc/self/ns/user" };
        autoclose int pidfd = -EBADF;
        ino_t outside[3];
        pid_t pid;

        for (int i = 0; i < 3; i++)
                outside[i] = namespace_of(files[i]);
        denied(__NR_clone3, ENOSYS);
        pid = process_clone(CLONE_NEWTIME | CLONE_NEWUTS | CLONE_NEWUSER | CLONE_NEWPID, -EBADF,
                            &pidfd);
        if (pid == 0) {
                for (int i = 0; i < 3; i++)
                        expect(namespace_of(files[i]) != outside[i]);
                expect(getpid() == 1);
                _exit(7);
        }
        expect(pid > 0 && child_code(pidfd) == 7);
}

TEST_IN(refused_time_namespace_is_told_without_clone3, CLONE_NEWNS) {
        autoclose int pidfd = -EBADF;

        denied(__NR_clone3, ENOSYS);
        denied(__NR_unshare, EINVAL);
        expect(process_clone(CLONE_NEWTIME, -EBADF, &pidfd) == -EINVAL);
        expect(pidfd == -EBADF);
        expect(waitpid(-1, NULL, 0) < 0 && errno == ECHILD);
}

TEST(child_is_killed_without_pidfd_send_signal) {
        autoclose int pidfd = -EBADF;
        pid_t pid;

        denied(__NR_pidfd_send_signal, EPERM);
        pid = process_clone(0, -EBADF, &pidfd);
        if (pid == 0)
                for (;;)
                        pause();
        process_kill_and_reap(pidfd);
        expect(kill(pid, 0) < 0 && errno == ESRCH);
}

TEST(ignored_signals_are_reset) {
        struct sigaction now;

        signal(SIGPIPE, SIG_IGN);
        process_reset_signals();
        expect(sigaction(SIGPIPE, NULL, &now) == 0 && now.sa_handler == SIG_DFL);
}

/* One that libc hides from its own sigaction(). */
TEST(signals_of_libc_are_reset_too) {
        const void *ignore[8] = { (void *) SIG_IGN }, *now[8] = {};

        expect(syscall(SYS_rt_sigaction, 33, ignore, NULL, sizeof(uint64_t)) == 0);
        process_reset_signals();
        expect(syscall(SYS_rt_sigaction, 33, NULL, now, sizeof(uint64_t)) == 0);
        expect(now[0] == (void *) SIG_DFL);
}

TEST(descriptors_are_closed_by_exec) {
        int fd = dup(1);

        expect_ok(process_close_on_exec(3));
        expect(fcntl(fd, F_GETFD) == FD_CLOEXEC && fcntl(1, F_GETFD) == 0);
}

TEST(descriptors_are_closed_without_close_range) {
        int low = dup(1), high = fcntl(1, F_DUPFD, 700), middle = fcntl(1, F_DUPFD, 500);

        denied(__NR_close_range, EPERM);
        expect_ok(process_close_on_exec(501));
        expect(fcntl(high, F_GETFD) == FD_CLOEXEC);
        expect(fcntl(low, F_GETFD) == 0 && fcntl(middle, F_GETFD) == 0);
        process_close_range(500, 600);
        expect(fcntl(middle, F_GETFD) < 0 && fcntl(high, F_GETFD) >= 0);
        process_close_range(3, ~0u);
        expect(fcntl(low, F_GETFD) < 0 && fcntl(high, F_GETFD) < 0 && fcntl(1, F_GETFD) == 0);
}

TEST_IN(descriptors_are_closed_without_proc, CLONE_NEWNS) {
        int high = fcntl(1, F_DUPFD, 700);

        denied(__NR_close_range, ENOSYS);
        expect(mount("tmpfs", "/proc", "tmpfs", 0, NULL) == 0);
        process_close_range(3, ~0u);
        expect(fcntl(high, F_GETFD) < 0 && fcntl(1, F_GETFD) == 0);
        end_unchecked();
}

TEST(namespaces_are_known_by_name_and_opened_by_kind) {
        autoclose int a = -EBADF, b = -EBADF;
        autoerr err = {};

        expect(ns_kind("network")->flag == CLONE_NEWNET && !ns_kind("net"));
        a = expect_ok(ns_open(ns_kind("uts"), "/proc/self/ns/uts", NULL));
        b = expect_ok(ns_open(ns_kind("ipc"), "/proc/self/ns/ipc", NULL));
        expect(ns_same(a, a) == 1 && ns_same(a, b) == 0);
        expect(ns_open(ns_kind("pid"), "/proc/self/ns/uts", &err) == -EINVAL);
        expect_str(err.message, "'/proc/self/ns/uts' is not a pid namespace");
}

TEST(file_that_is_no_namespace_is_refused) {
        autoerr err = {};

        expect(ns_open(ns_kind("pid"), "/dev/null", &err) == -EINVAL);
        expect_str(err.message, "'/dev/null' is not a namespace");
}

TEST(ids_outside_are_found) {
        const IdRange ranges[] = { { 0, 1000, 10 }, { 10, 5000, 5 } };

        expect(idmap_outside(ranges, 2, 0) == 1000);
        expect(idmap_outside(ranges, 2, 12) == 5002);
        expect(idmap_outside(ranges, 2, 15) == -1);
}

TEST(limits_have_names) {
        expect(rlimit_number("RLIMIT_NOFILE") == RLIMIT_NOFILE);
        expect(rlimit_number("nproc") == RLIMIT_NPROC);
        expect(rlimit_number("RLIMIT_NOTHING") == -EINVAL);
}

TEST_IN(capabilities_can_be_given_up, CLONE_NEWNS) {
        const uint64_t chown = 1, kill = 1 << 5;
        CapSets sets = { .permitted = chown | kill, .effective = chown };

        expect(caps_permitted() & chown);
        expect_ok(caps_bound(chown));
        expect_ok(caps_set(&sets));
        expect_ok(caps_get(&sets));
        expect(sets.bounding == chown && sets.permitted == (chown | kill));
        expect(sets.effective == chown && sets.inheritable == 0 && sets.ambient == 0);
}

TEST(ambient_capabilities_that_cannot_be_set_are_no_success) {
        denied(__NR_prctl, EPERM);
        expect(caps_set_ambient(1) == -EPERM);
        expect(caps_set_ambient(0) == -EPERM);
}

TEST_IN(terminal_is_made_in_a_devpts, CLONE_NEWNS) {
        autoclose int devpts = -EBADF, master = -EBADF, slave = -EBADF, null = -EBADF;
        char text[8] = "";

        expect(mount("devpts", "/mnt", "devpts", 0, "newinstance,ptmxmode=0666") == 0);
        devpts = open("/mnt", O_PATH | O_DIRECTORY | O_CLOEXEC);
        master = expect_ok(pty_open(devpts, 30, 100, &slave, NULL));
        expect_ok(pty_check_master(master));
        expect(pty_check_master(slave) == -EPROTO);
        expect(write(slave, "x", 1) == 1 && read(master, text, 8) == 1);

        null = open("/dev/null", O_RDWR | O_CLOEXEC);
        expect(pty_check_master(null) == -EPROTO);
}

TEST_IN(directory_that_is_no_devpts_gives_no_terminal, CLONE_NEWNS) {
        autoclose int directory = open("/mnt", O_PATH | O_DIRECTORY | O_CLOEXEC);
        autoerr err = {};
        int slave;

        expect(pty_open(directory, 0, 0, &slave, &err) == -ENOTTY);
        expect_str(err.message, "'/dev/pts' is not a devpts");
}
