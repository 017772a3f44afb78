/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/close_range.h>
#include <linux/magic.h>
#include <linux/sched.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/file.h"
#include "base/str.h"
#include "kernel/denied.h"
#include "kernel/process.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

#define STATUS_MAX 65536 /* of /proc/PID/status */

/* What clone(2) cannot be told: the first two do not fit, the third is in the place of a signal. */
#define NOT_FOR_CLONE (CLONE_CLEAR_SIGHAND | CLONE_INTO_CGROUP | CLONE_NEWTIME)

static pid_t clone_newer(uint64_t flags, int cgroup, int *pidfd) {
        struct clone_args args = {
                .flags = flags | CLONE_CLEAR_SIGHAND,
                /* A sibling ends as we do; saying how is an error (clone(2)). */
                .exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD,
                .pidfd = (uint64_t) (uintptr_t) pidfd,
        };
        long pid;

        if (cgroup >= 0) {
                args.flags |= CLONE_INTO_CGROUP;
                args.cgroup = (uint64_t) cgroup;
        }
        pid = syscall(SYS_clone3, &args, sizeof args);
        return pid < 0 ? -errno : (pid_t) pid;
}

/* Runs in the child, with all signals blocked. */
static void clear_handlers(void) {
        const struct sigaction standard = { .sa_handler = SIG_DFL };
        struct sigaction now;

        for (int signal = 1; signal < NSIG; signal++)
                if (sigaction(signal, NULL, &now) == 0 && now.sa_handler != SIG_IGN &&
                    now.sa_handler != SIG_DFL)
                        (void) sigaction(signal, &standard, NULL);
}

static pid_t clone_older(uint64_t flags, int *pidfd) {
        unsigned long most = flags & ~NOT_FOR_CLONE;
        sigset_t all, before;
        long pid;

        if (!(flags & CLONE_PARENT))
                most |= SIGCHLD;
        /* No handler of the parent's may run in the child. */
        sigfillset(&all);
        (void) sigprocmask(SIG_SETMASK, &all, &before);
        pid = syscall(SYS_clone, most, NULL, pidfd, NULL, NULL);
        pid = pid < 0 ? -errno : pid;
        if (pid == 0)
                clear_handlers();
        (void) sigprocmask(SIG_SETMASK, &before, NULL);
        return (pid_t) pid;
}

/* unshare() puts children to come into the namespace, not the caller (time_namespaces(7)). */
static int enter_new_time_namespace(void) {
        autoclose int children = -EBADF;

        if (unshare(CLONE_NEWTIME) < 0)
                return -errno;
        children = open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
        return children < 0 || setns(children, CLONE_NEWTIME) < 0 ? -errno : 0;
}

/* The child's half: it says how it went and goes on when it is where it should be. */
static void complete_child(uint64_t flags, int socket) {
        int r = flags & CLONE_NEWTIME ? enter_new_time_namespace() : 0;

        if (write(socket, &r, sizeof r) != sizeof r || r < 0 || read(socket, &r, 1) != 1)
                _exit(125);
}

/* The parent's, who alone has the right to move processes between cgroups. */
static int complete_parent(pid_t pid, int cgroup, int socket) {
        char text[16];
        int r;

        if (read(socket, &r, sizeof r) != sizeof r)
                return -ECHILD;
        (void) snprintf(text, sizeof text, "%d", pid);
        if (r >= 0 && cgroup >= 0)
                r = file_write(cgroup, "cgroup.procs", text);
        if (r >= 0 && write(socket, "", 1) != 1)
                r = -ECHILD;
        return r;
}

/* clone3() in steps: clone(2), and in the child what that cannot do. */
static pid_t clone_stepwise(uint64_t flags, int cgroup, int *pidfd) {
        int pair[2], r;
        pid_t pid;

        if (cgroup < 0 && !(flags & CLONE_NEWTIME))
                return clone_older(flags, pidfd);
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        pid = clone_older(flags, pidfd);
        if (pid == 0) {
                close_fd(pair[0]);
                complete_child(flags, pair[1]);
                close_fd(pair[1]);
                return 0;
        }
        close_fd(pair[1]);
        r = pid < 0 ? pid : complete_parent(pid, cgroup, pair[0]);
        close_fd(pair[0]);
        if (r >= 0)
                return pid;
        /* Without a word of ours it ends. */
        if (pid > 0 && !(flags & CLONE_PARENT))
                while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
                        ;
        if (pid > 0 && pidfd)
                *pidfd = close_fd(*pidfd);
        return r;
}

pid_t process_clone(uint64_t flags, int cgroup, int *ret_pidfd) {
        int pidfd = -EBADF, *place = ret_pidfd ? &pidfd : NULL;
        pid_t pid;

        if (ret_pidfd)
                flags |= CLONE_PIDFD;
        pid = clone_newer(flags, cgroup, place);
        /* The call may be denied rather than what is asked for: another way shows which. */
        if (pid == -ENOSYS || pid == -EPERM)
                pid = clone_stepwise(flags, cgroup, place);
        if (pid > 0 && ret_pidfd)
                *ret_pidfd = pidfd;
        return pid;
}

int process_reap(int pidfd, siginfo_t *ret) {
        int r;

        do
                r = waitid(P_PIDFD, (id_t) pidfd, ret, WEXITED | __WALL);
        while (r < 0 && errno == EINTR);
        return r < 0 ? -errno : 0;
}

/* linux/pidfd.h of Linux 6.15; Debian 12's has neither the call nor its struct. */
struct exit_info {
        uint64_t mask, cgroup;
        uint32_t pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
        int32_t exit_code;
};
#define EXIT_INFO_GET  _IOWR(0xff, 11, struct exit_info)
#define EXIT_INFO_EXIT (UINT64_C(1) << 3)

int process_exit_status(int pidfd, int *ret_status) {
        struct exit_info info = { .mask = EXIT_INFO_EXIT };

        if (ioctl(pidfd, EXIT_INFO_GET, &info) < 0)
                return -errno;
        if (!(info.mask & EXIT_INFO_EXIT))
                return -EOPNOTSUPP;
        *ret_status = info.exit_code;
        return 0;
}

void process_kill_and_reap(int pidfd) {
        siginfo_t info;
        pid_t pid;

        if (syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0) < 0 && errno != ESRCH) {
                /* The number of a child that nobody has waited for is nobody else's. */
                pid = process_of_pidfd(pidfd);
                if (pid > 0)
                        (void) kill(pid, SIGKILL);
        }
        (void) process_reap(pidfd, &info);
}

/* The signals that are ignored, one bit each from signal 1 on; all where /proc cannot tell. */
static uint64_t ignored_signals(void) {
        autofree char *text = NULL;
        char head[2048];
        const char *line;

        line = file_read_some(AT_FDCWD, "/proc/self/status", head, sizeof head) < 0
                       ? NULL
                       : strstr(head, "\nSigIgn:");
        /* Far behind where there are many groups. */
        if (!line && file_read(AT_FDCWD, "/proc/self/status", STATUS_MAX, &text, NULL) < 0)
                return UINT64_MAX;
        line = line ? line : strstr(text, "\nSigIgn:");
        return line ? strtoull(line + strlen("\nSigIgn:"), NULL, 16) : UINT64_MAX;
}

void process_reset_signals(void) {
        /* The kernel's struct sigaction: libc's function leaves out the two signals that libc has
         * for itself, which a caller may ignore like any other. */
        static const unsigned char standard[64];
        uint64_t ignored = ignored_signals();
        sigset_t none;

        /* process_clone() has taken handlers away. */
        for (int signal = 1; signal <= 64; signal++)
                if (ignored & 1ULL << (signal - 1) && signal != SIGKILL && signal != SIGSTOP)
                        (void) syscall(SYS_rt_sigaction, signal, standard, NULL, sizeof(uint64_t));
        sigemptyset(&none);
        (void) sigprocmask(SIG_SETMASK, &none, NULL);
}

static void close_one(unsigned fd, unsigned flags) {
        if (flags & CLOSE_RANGE_CLOEXEC)
                (void) fcntl((int) fd, F_SETFD, FD_CLOEXEC);
        else
                (void) close((int) fd);
}

/* Opens the list of our descriptors; /proc may be anything inside a container. */
static DIR *open_list(void) {
        DIR *list = opendir("/proc/self/fd");
        struct statfs fs;

        if (list && fstatfs(dirfd(list), &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC)
                return list;
        if (list)
                (void) closedir(list);
        return NULL;
}

static void close_each(unsigned first, unsigned last, unsigned flags) {
        DIR *list = open_list();
        struct rlimit limit;

        if (!list) {
                if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && last >= limit.rlim_cur)
                        last = (unsigned) limit.rlim_cur - 1;
                for (unsigned fd = first; fd <= last && fd <= INT_MAX; fd++)
                        close_one(fd, flags);
                return;
        }
        for (struct dirent *e = readdir(list); e; e = readdir(list)) {
                int fd;

                if (parse_int(e->d_name, 0, INT_MAX, &fd) >= 0 && fd != dirfd(list) &&
                    (unsigned) fd >= first && (unsigned) fd <= last)
                        close_one((unsigned) fd, flags);
        }
        (void) closedir(list);
}

/* CLOSE_RANGE_CLOEXEC is younger (5.11) than the call (5.9). */
static int close_range_flags(unsigned first, unsigned last, unsigned flags) {
        if (syscall(SYS_close_range, first, last, flags) == 0)
                return 0;
        if (errno != ENOSYS && errno != EINVAL && errno != EPERM)
                return -errno;
        close_each(first, last, flags);
        return 0;
}

int process_close_on_exec(unsigned first) {
        return close_range_flags(first, ~0u, CLOSE_RANGE_CLOEXEC);
}

void process_close_range(unsigned first, unsigned last) {
        (void) close_range_flags(first, last, 0);
}

void process_close_all_but(const int *keep, size_t n) {
        unsigned from = 0;

        for (;;) {
                unsigned next = ~0u;

                for (size_t i = 0; i < n; i++)
                        if (keep[i] >= 0 && (unsigned) keep[i] >= from && (unsigned) keep[i] < next)
                                next = (unsigned) keep[i];
                if (next > from)
                        process_close_range(from, next == ~0u ? next : next - 1);
                if (next == ~0u)
                        return;
                from = next + 1;
        }
}

int process_check_pidfds(Err *err) {
        /* Of no process: what is there says so in words of its own. */
        if (syscall(SYS_pidfd_open, -1, 0) < 0 && errno != EINVAL)
                return err_denied(err, fail(err, errno, "cannot open processes"), "pidfd_open",
                                  "5.3");
        if (syscall(SYS_pidfd_send_signal, -1, 0, NULL, 0) < 0 && errno != EBADF)
                return err_denied(err, fail(err, errno, "cannot signal processes"),
                                  "pidfd_send_signal", "5.1");
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

#define STACK_SHED   (256 * 1024) /* more than is ever used */
#define STACK_MARGIN 8192         /* of the frames that are about to be */

void process_shed_memory(void) {
        const uintptr_t page = (uintptr_t) sysconf(_SC_PAGESIZE);
        uintptr_t end = ((uintptr_t) __builtin_frame_address(0) - STACK_MARGIN) & ~(page - 1);

        (void) malloc_trim(0);
        /* What of it is not mapped is passed over (ENOMEM). */
        (void) madvise((void *) (end - STACK_SHED), STACK_SHED, MADV_DONTNEED);
}

int process_become_root(void) {
        if (setgroups(0, NULL) < 0 && errno != EPERM)
                return -1;
        return setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0 ? -1 : 0;
}
