/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/file.h"
#include "base/str.h"
#include "kernel/process.h"

pid_t process_clone(uint64_t flags, int cgroup, int *ret_pidfd) {
        int pidfd = -EBADF;
        struct clone_args args = {
                .flags = flags | CLONE_CLEAR_SIGHAND,
                /* A sibling ends as we do; saying how is an error (clone(2)). */
                .exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD,
        };
        long pid;

        if (ret_pidfd) {
                args.flags |= CLONE_PIDFD;
                args.pidfd = (uint64_t) (uintptr_t) &pidfd;
        }
        if (cgroup >= 0) {
                args.flags |= CLONE_INTO_CGROUP;
                args.cgroup = (uint64_t) cgroup;
        }

        pid = syscall(SYS_clone3, &args, sizeof args);
        if (pid < 0)
                return -errno;
        if (pid > 0 && ret_pidfd)
                *ret_pidfd = pidfd;
        return (pid_t) pid;
}

void process_kill_and_reap(int pidfd) {
        siginfo_t info;

        (void) syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
        while (waitid(P_PIDFD, (id_t) pidfd, &info, WEXITED | __WALL) < 0 && errno == EINTR)
                ;
}

void process_reset_signals(void) {
        struct sigaction standard = { .sa_handler = SIG_DFL };
        sigset_t none;

        /* Nobody ignores a real-time signal, and process_clone() has taken handlers away. */
        for (int signal = 1; signal < 32; signal++)
                if (signal != SIGKILL && signal != SIGSTOP)
                        (void) sigaction(signal, &standard, NULL);
        sigemptyset(&none);
        (void) sigprocmask(SIG_SETMASK, &none, NULL);
}

int process_close_on_exec(unsigned first) {
        if (syscall(SYS_close_range, first, ~0u, CLOSE_RANGE_CLOEXEC) == 0)
                return 0;
        if (errno != ENOSYS && errno != EINVAL)
                return -errno;

        /* CLOSE_RANGE_CLOEXEC is younger (5.11) than the call. */
        for (int fd = (int) first, max = (int) sysconf(_SC_OPEN_MAX); fd < max; fd++)
                (void) fcntl(fd, F_SETFD, FD_CLOEXEC);
        return 0;
}

pid_t process_of_pidfd(int pidfd) {
        autofree char *text = NULL;
        char path[48];
        const char *line;
        int r, pid;

        snprintf(path, sizeof path, "/proc/self/fdinfo/%d", pidfd);
        r = file_read(AT_FDCWD, path, 4096, &text, NULL);
        if (r < 0)
                return r;
        line = strstr(text, "\nPid:\t");
        if (!line)
                return -EBADF;
        line += 6;
        text[(size_t) (line - text) + strcspn(line, "\n")] = 0;
        if (parse_int(line, -1, INT32_MAX, &pid) < 0 || pid <= 0)
                return -ESRCH;
        return pid;
}
