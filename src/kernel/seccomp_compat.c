/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * 32-bit calls in the built-in filter
 *
 * The numbers are other ones, most names the same; libseccomp knows both.  A call
 * gets the verdict of its namesake, checks of arguments included: those that are
 * checked take the same arguments in the same places.
 *
 * socketcall(2) is the way in which the older libc make sockets; the family lies
 * behind a pointer, where no filter can look.  So whoever lets 32-bit programs in
 * lets in sockets of every family, but with the strict profile, for which the call
 * does not exist (newer libc make sockets by socket(2) first).
 */

#include <errno.h>
#include <seccomp.h>
#include <stdlib.h>

#include "kernel/seccomp_profile.h"

#ifdef __x86_64__

/* Allowed, and unknown to 64-bit programs. */
static const char *const only_here[] = {
        "_llseek",
        "_newselect",
        "bdflush",
        "chown32",
        "clock_getres_time64",
        "clock_gettime64",
        "clock_nanosleep_time64",
        "fadvise64_64",
        "fchown32",
        "fcntl64",
        "fstat64",
        "fstatat64",
        "fstatfs64",
        "ftruncate64",
        "futex_time64",
        "getegid32",
        "geteuid32",
        "getgid32",
        "getgroups32",
        "getresgid32",
        "getresuid32",
        "getuid32",
        "io_pgetevents_time64",
        "ipc",
        "lchown32",
        "lstat64",
        "mmap2",
        "mq_timedreceive_time64",
        "mq_timedsend_time64",
        "nice",
        "oldfstat",
        "oldlstat",
        "oldolduname",
        "oldstat",
        "olduname",
        "ppoll_time64",
        "pselect6_time64",
        "readdir",
        "recvmmsg_time64",
        "rt_sigtimedwait_time64",
        "sched_rr_get_interval_time64",
        "semtimedop_time64",
        "sendfile64",
        "setfsgid32",
        "setfsuid32",
        "setgid32",
        "setgroups32",
        "setregid32",
        "setresgid32",
        "setresuid32",
        "setreuid32",
        "setuid32",
        "sgetmask",
        "sigaction",
        "signal",
        "sigpending",
        "sigprocmask",
        "sigreturn",
        "sigsuspend",
        "socketcall",
        "ssetmask",
        "stat64",
        "statfs64",
        "timer_gettime64",
        "timer_settime64",
        "timerfd_gettime64",
        "timerfd_settime64",
        "truncate64",
        "ugetrlimit",
        "utimensat_time64",
        "waitpid",
};

/* libseccomp knows these by socketcall(2) and ipc(2) alone; numbers of asm/unistd_32.h, since
 * 4.3 and 5.1. */
static const struct {
        short native, here;
} direct[] = {
        { __NR_socket, 359 },      { __NR_socketpair, 360 }, { __NR_bind, 361 },
        { __NR_connect, 362 },     { __NR_listen, 363 },     { __NR_accept4, 364 },
        { __NR_getsockopt, 365 },  { __NR_setsockopt, 366 }, { __NR_getsockname, 367 },
        { __NR_getpeername, 368 }, { __NR_sendto, 369 },     { __NR_sendmsg, 370 },
        { __NR_recvfrom, 371 },    { __NR_recvmsg, 372 },    { __NR_shutdown, 373 },
        { __NR_semget, 393 },      { __NR_semctl, 394 },     { __NR_shmget, 395 },
        { __NR_shmctl, 396 },      { __NR_shmat, 397 },      { __NR_shmdt, 398 },
        { __NR_msgget, 399 },      { __NR_msgsnd, 400 },     { __NR_msgrcv, 401 },
        { __NR_msgctl, 402 },
};

#define SAME_EVERYWHERE 424 /* numbers from here on are those of all architectures (since 5.1) */

static int number_here(uint16_t native) {
        char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, native);
        int nr = name ? seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86, name) : __NR_SCMP_ERROR;

        free(name);
        return nr == __NR_SCMP_ERROR && native >= SAME_EVERYWHERE ? native : nr;
}

int seccomp_compat_decide(const SeccompProfile *profile, uint16_t *verdicts) {
        uint16_t native[SECCOMP_CALLS_MAX];
        int nr;

        seccomp_profile_decide(profile, native);
        for (size_t i = 0; i < SECCOMP_CALLS_MAX; i++)
                verdicts[i] = ENOSYS;
        for (uint16_t i = 0; i < SECCOMP_CALLS_MAX; i++) {
                if (native[i] == ENOSYS)
                        continue;
                nr = number_here(i);
                if (nr >= 0 && nr < SECCOMP_CALLS_MAX)
                        verdicts[nr] = native[i];
        }
        for (size_t i = 0; i < sizeof only_here / sizeof *only_here; i++) {
                nr = seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86, only_here[i]);
                if (nr >= 0 && nr < SECCOMP_CALLS_MAX)
                        verdicts[nr] = SECCOMP_CALL_ALLOW;
        }
        for (size_t i = 0; i < sizeof direct / sizeof *direct; i++)
                verdicts[direct[i].here] = native[direct[i].native];
        nr = seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86, "socketcall");
        if (profile->strict && nr >= 0 && nr < SECCOMP_CALLS_MAX)
                verdicts[nr] = ENOSYS;
        return 0;
}

#else

int seccomp_compat_decide(const SeccompProfile *profile, uint16_t *verdicts) {
        return -EOPNOTSUPP;
}

#endif
