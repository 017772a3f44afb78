/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <asm/unistd.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "kernel/seccomp_profile.h"

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#define COMPAT_ARCH AUDIT_ARCH_I386
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#define COMPAT_ARCH AUDIT_ARCH_ARM
#elif defined(__riscv) && __riscv_xlen == 64
#define NATIVE_ARCH AUDIT_ARCH_RISCV64
#define COMPAT_ARCH AUDIT_ARCH_RISCV32
#else
#error "the built-in system call filter does not know this architecture"
#endif

/* Calls newer than the headers of Debian 12; their numbers are those of every architecture. */
enum {
        NR_CACHESTAT = 451,
        NR_FCHMODAT2 = 452,
        NR_MAP_SHADOW_STACK = 453,
        NR_FUTEX_WAKE = 454,
        NR_FUTEX_WAIT = 455,
        NR_FUTEX_REQUEUE = 456,
        NR_MSEAL = 462,
        NR_SETXATTRAT = 463,
        NR_GETXATTRAT = 464,
        NR_LISTXATTRAT = 465,
        NR_REMOVEXATTRAT = 466,
        NR_OPEN_TREE_ATTR = 467,
};

#define NR_MAX      SECCOMP_CALLS_MAX
#define ALLOW       SECCOMP_CALL_ALLOW
#define BY_ARGUMENT SECCOMP_CALL_BY_ARGUMENT

#define CLONE_NEW_ANY                                                                  \
        (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | \
         CLONE_NEWPID | CLONE_NEWNET)

typedef enum Check {
        CHECK_CLONE,
        CHECK_SOCKET,
        CHECK_SOCKETPAIR,
        CHECK_SETSOCKOPT,
        CHECK_IOCTL,
        CHECK_PERSONALITY,
        N_CHECKS,
} Check;

/* --- the table --- */

static const short allowed[] = {
        /* files */
        __NR_close,
        __NR_close_range,
        __NR_chdir,
        __NR_copy_file_range,
        __NR_dup,
        __NR_dup3,
        __NR_faccessat,
        __NR_faccessat2,
        __NR_fadvise64,
        __NR_fallocate,
        __NR_fchdir,
        __NR_fchmod,
        __NR_fchmodat,
        __NR_fchown,
        __NR_fchownat,
        __NR_fcntl,
        __NR_fdatasync,
        __NR_fgetxattr,
        __NR_flistxattr,
        __NR_flock,
        __NR_fremovexattr,
        __NR_fsetxattr,
        __NR_fstat,
        __NR_fstatfs,
        __NR_fsync,
        __NR_ftruncate,
        __NR_getcwd,
        __NR_getdents64,
        __NR_getxattr,
        __NR_lgetxattr,
        __NR_linkat,
        __NR_listxattr,
        __NR_llistxattr,
        __NR_lremovexattr,
        __NR_lseek,
        __NR_lsetxattr,
        __NR_mkdirat,
        __NR_mknodat,
        __NR_newfstatat,
        __NR_openat,
        __NR_openat2,
        __NR_pipe2,
        __NR_pread64,
        __NR_preadv,
        __NR_preadv2,
        __NR_pwrite64,
        __NR_pwritev,
        __NR_pwritev2,
        __NR_read,
        __NR_readahead,
        __NR_readlinkat,
        __NR_readv,
        __NR_removexattr,
        __NR_renameat2,
        __NR_sendfile,
        __NR_setxattr,
        __NR_splice,
        __NR_statfs,
        __NR_statx,
        __NR_symlinkat,
        __NR_sync,
        __NR_sync_file_range,
        __NR_syncfs,
        __NR_tee,
        __NR_truncate,
        __NR_umask,
        __NR_unlinkat,
        __NR_utimensat,
        __NR_write,
        __NR_writev,
        NR_CACHESTAT,
        NR_FCHMODAT2,
        NR_SETXATTRAT,
        NR_GETXATTRAT,
        NR_LISTXATTRAT,
        NR_REMOVEXATTRAT,
        __NR_inotify_add_watch,
        __NR_inotify_init1,
        __NR_inotify_rm_watch,
        __NR_fanotify_mark,
        __NR_io_cancel,
        __NR_io_destroy,
        __NR_io_getevents,
        __NR_io_pgetevents,
        __NR_io_setup,
        __NR_io_submit,
        __NR_landlock_add_rule,
        __NR_landlock_create_ruleset,
        __NR_landlock_restrict_self,
        /* waiting */
        __NR_epoll_create1,
        __NR_epoll_ctl,
        __NR_epoll_pwait,
        __NR_epoll_pwait2,
        __NR_eventfd2,
        __NR_ppoll,
        __NR_pselect6,
        __NR_signalfd4,
        __NR_timerfd_create,
        __NR_timerfd_gettime,
        __NR_timerfd_settime,
        /* memory */
        __NR_brk,
        __NR_madvise,
        __NR_membarrier,
        __NR_memfd_create,
        __NR_mincore,
        __NR_mlock,
        __NR_mlock2,
        __NR_mlockall,
        __NR_mmap,
        __NR_mprotect,
        __NR_mremap,
        __NR_msync,
        __NR_munlock,
        __NR_munlockall,
        __NR_munmap,
        __NR_pkey_alloc,
        __NR_pkey_free,
        __NR_pkey_mprotect,
        __NR_remap_file_pages,
        NR_MAP_SHADOW_STACK,
        NR_MSEAL,
#ifdef __NR_memfd_secret
        __NR_memfd_secret,
#endif
        /* processes and identity */
        __NR_capget,
        __NR_capset,
        __NR_execve,
        __NR_execveat,
        __NR_exit,
        __NR_exit_group,
        __NR_getegid,
        __NR_geteuid,
        __NR_getgid,
        __NR_getgroups,
        __NR_getpgid,
        __NR_getpid,
        __NR_getppid,
        __NR_getresgid,
        __NR_getresuid,
        __NR_getsid,
        __NR_gettid,
        __NR_getuid,
        __NR_kill,
        __NR_pidfd_open,
        __NR_pidfd_send_signal,
        __NR_prctl,
        __NR_process_mrelease,
        __NR_ptrace,
        __NR_seccomp,
        __NR_setfsgid,
        __NR_setfsuid,
        __NR_setgid,
        __NR_setgroups,
        __NR_setpgid,
        __NR_setregid,
        __NR_setresgid,
        __NR_setresuid,
        __NR_setreuid,
        __NR_setsid,
        __NR_set_tid_address,
        __NR_setuid,
        __NR_tgkill,
        __NR_tkill,
        __NR_wait4,
        __NR_waitid,
        /* signals and threads */
        __NR_futex,
        __NR_futex_waitv,
        NR_FUTEX_WAKE,
        NR_FUTEX_WAIT,
        NR_FUTEX_REQUEUE,
        __NR_get_robust_list,
        __NR_set_robust_list,
        __NR_restart_syscall,
        __NR_rseq,
        __NR_rt_sigaction,
        __NR_rt_sigpending,
        __NR_rt_sigprocmask,
        __NR_rt_sigqueueinfo,
        __NR_rt_sigreturn,
        __NR_rt_sigsuspend,
        __NR_rt_sigtimedwait,
        __NR_rt_tgsigqueueinfo,
        __NR_sigaltstack,
        /* scheduling, limits, time */
        __NR_getcpu,
        __NR_getpriority,
        __NR_getrusage,
        __NR_ioprio_get,
        __NR_ioprio_set,
        __NR_prlimit64,
        __NR_sched_get_priority_max,
        __NR_sched_get_priority_min,
        __NR_sched_getaffinity,
        __NR_sched_getattr,
        __NR_sched_getparam,
        __NR_sched_getscheduler,
        __NR_sched_rr_get_interval,
        __NR_sched_setaffinity,
        __NR_sched_setattr,
        __NR_sched_setparam,
        __NR_sched_setscheduler,
        __NR_sched_yield,
        __NR_setpriority,
        __NR_adjtimex,
        __NR_clock_adjtime,
        __NR_clock_getres,
        __NR_clock_gettime,
        __NR_clock_nanosleep,
        __NR_getitimer,
        __NR_gettimeofday,
        __NR_nanosleep,
        __NR_setitimer,
        __NR_timer_create,
        __NR_timer_delete,
        __NR_timer_getoverrun,
        __NR_timer_gettime,
        __NR_timer_settime,
        __NR_times,
#ifdef __NR_getrlimit
        __NR_getrlimit,
        __NR_setrlimit,
#endif
        /* messages, sockets (made by socket() and socketpair() below) */
        __NR_accept,
        __NR_accept4,
        __NR_bind,
        __NR_connect,
        __NR_getpeername,
        __NR_getsockname,
        __NR_getsockopt,
        __NR_listen,
        __NR_recvfrom,
        __NR_recvmmsg,
        __NR_recvmsg,
        __NR_sendmmsg,
        __NR_sendmsg,
        __NR_sendto,
        __NR_shutdown,
        __NR_mq_getsetattr,
        __NR_mq_notify,
        __NR_mq_open,
        __NR_mq_timedreceive,
        __NR_mq_timedsend,
        __NR_mq_unlink,
        __NR_msgctl,
        __NR_msgget,
        __NR_msgrcv,
        __NR_msgsnd,
        __NR_semctl,
        __NR_semget,
        __NR_semop,
        __NR_semtimedop,
        __NR_shmat,
        __NR_shmctl,
        __NR_shmdt,
        __NR_shmget,
        /* the system */
        __NR_getrandom,
        __NR_sysinfo,
        __NR_uname,
#ifdef __NR_renameat
        __NR_renameat,
#endif
#ifdef __x86_64__
        __NR_access,
        __NR_alarm,
        __NR_arch_prctl,
        __NR_chmod,
        __NR_chown,
        __NR_creat,
        __NR_dup2,
        __NR_epoll_create,
        __NR_epoll_ctl_old,
        __NR_epoll_wait,
        __NR_epoll_wait_old,
        __NR_eventfd,
        __NR_fork,
        __NR_futimesat,
        __NR_getdents,
        __NR_getpgrp,
        __NR_get_thread_area,
        __NR_inotify_init,
        __NR_lchown,
        __NR_link,
        __NR_lstat,
        __NR_mkdir,
        __NR_mknod,
        __NR_open,
        __NR_pause,
        __NR_pipe,
        __NR_poll,
        __NR_readlink,
        __NR_rename,
        __NR_rmdir,
        __NR_select,
        __NR_set_thread_area,
        __NR_signalfd,
        __NR_stat,
        __NR_symlink,
        __NR_time,
        __NR_unlink,
        __NR_utime,
        __NR_utimes,
        __NR_vfork,
#endif
};

#define CAP(name) (UINT64_C(1) << CAP_##name)

/* Older headers than the kernel's lack these. */
#define NEEDS_BPF     (CAP(BPF) | CAP(SYS_ADMIN))
#define NEEDS_PERFMON (CAP(PERFMON) | CAP(SYS_ADMIN))

/* EPERM without one of the capabilities. */
static const struct {
        short nr;
        uint64_t caps; /* any of them opens it; 0: none does */
} guarded[] = {
        { __NR_open_by_handle_at, CAP(DAC_READ_SEARCH) },
        { __NR_chroot, CAP(SYS_CHROOT) },
        { __NR_bpf, NEEDS_BPF },
        { __NR_perf_event_open, NEEDS_PERFMON },
        { __NR_fanotify_init, CAP(SYS_ADMIN) },
        { __NR_fsconfig, CAP(SYS_ADMIN) },
        { __NR_fsmount, CAP(SYS_ADMIN) },
        { __NR_fsopen, CAP(SYS_ADMIN) },
        { __NR_fspick, CAP(SYS_ADMIN) },
        { __NR_mount, CAP(SYS_ADMIN) },
        { __NR_mount_setattr, CAP(SYS_ADMIN) },
        { __NR_move_mount, CAP(SYS_ADMIN) },
        { __NR_open_tree, CAP(SYS_ADMIN) },
        { NR_OPEN_TREE_ATTR, CAP(SYS_ADMIN) },
        { __NR_pivot_root, CAP(SYS_ADMIN) },
        { __NR_umount2, CAP(SYS_ADMIN) },
        { __NR_setns, CAP(SYS_ADMIN) },
        { __NR_unshare, CAP(SYS_ADMIN) },
        { __NR_sethostname, CAP(SYS_ADMIN) },
        { __NR_setdomainname, CAP(SYS_ADMIN) },
        { __NR_quotactl, CAP(SYS_ADMIN) },
        { __NR_quotactl_fd, CAP(SYS_ADMIN) },
        { __NR_lookup_dcookie, CAP(SYS_ADMIN) },
        { __NR_syslog, CAP(SYS_ADMIN) | CAP(SYSLOG) },
        { __NR_reboot, CAP(SYS_BOOT) },
        { __NR_kexec_load, 0 },
        { __NR_kexec_file_load, 0 },
        { __NR_init_module, CAP(SYS_MODULE) },
        { __NR_finit_module, CAP(SYS_MODULE) },
        { __NR_delete_module, CAP(SYS_MODULE) },
        { __NR_acct, CAP(SYS_PACCT) },
        { __NR_kcmp, CAP(SYS_PTRACE) },
        { __NR_pidfd_getfd, CAP(SYS_PTRACE) },
        { __NR_process_madvise, CAP(SYS_PTRACE) },
        { __NR_process_vm_readv, CAP(SYS_PTRACE) },
        { __NR_process_vm_writev, CAP(SYS_PTRACE) },
        { __NR_clock_settime, CAP(SYS_TIME) },
        { __NR_settimeofday, CAP(SYS_TIME) },
        { __NR_vhangup, CAP(SYS_TTY_CONFIG) },
        { __NR_get_mempolicy, CAP(SYS_NICE) },
        { __NR_mbind, CAP(SYS_NICE) },
        { __NR_set_mempolicy, CAP(SYS_NICE) },
        { __NR_set_mempolicy_home_node, CAP(SYS_NICE) },
        { __NR_migrate_pages, CAP(SYS_NICE) },
        { __NR_move_pages, CAP(SYS_NICE) },
        { __NR_swapon, 0 },
        { __NR_swapoff, 0 },
        { __NR_add_key, 0 },
        { __NR_keyctl, 0 },
        { __NR_request_key, 0 },
        { __NR_userfaultfd, 0 },
#ifdef __x86_64__
        { __NR_ioperm, CAP(SYS_RAWIO) },
        { __NR_iopl, CAP(SYS_RAWIO) },
#endif
};

/* Capabilities that open arguments; see the checks. */
#define CLONE_CAPS   CAP(SYS_ADMIN)
#define PACKET_CAPS  CAP(NET_RAW)
#define NETWORK_CAPS CAP(NET_ADMIN)

uint64_t seccomp_profile_opening_caps(void) {
        uint64_t caps = CLONE_CAPS | PACKET_CAPS | NETWORK_CAPS;

        for (size_t i = 0; i < sizeof guarded / sizeof *guarded; i++)
                caps |= guarded[i].caps;
        return caps & ~CAP(SYS_CHROOT); /* which the default capabilities include */
}

/* What the profile's capabilities open: nothing but chroot() if it is strict. */
static uint64_t opening(const SeccompProfile *profile) {
        return profile->strict ? profile->caps & CAP(SYS_CHROOT) : profile->caps;
}

void seccomp_profile_decide(const SeccompProfile *profile, uint16_t *verdicts) {
        uint64_t caps = opening(profile);

        for (size_t i = 0; i < NR_MAX; i++)
                verdicts[i] = ENOSYS;
        for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
                verdicts[allowed[i]] = ALLOW;
        for (size_t i = 0; i < sizeof guarded / sizeof *guarded; i++)
                verdicts[guarded[i].nr] = caps & guarded[i].caps ? ALLOW : EPERM;

        /* The flags of clone3() are behind a pointer, where a filter cannot look: without it
         * libc falls back to clone(). */
        verdicts[__NR_clone3] = caps & CLONE_CAPS ? ALLOW : ENOSYS;
        verdicts[__NR_clone] = caps & CLONE_CAPS ? ALLOW : BY_ARGUMENT + CHECK_CLONE;
        verdicts[__NR_socket] = BY_ARGUMENT + CHECK_SOCKET;
        verdicts[__NR_socketpair] = BY_ARGUMENT + CHECK_SOCKETPAIR;
        verdicts[__NR_setsockopt] = BY_ARGUMENT + CHECK_SETSOCKOPT;
        verdicts[__NR_ioctl] = BY_ARGUMENT + CHECK_IOCTL;
        verdicts[__NR_personality] = BY_ARGUMENT + CHECK_PERSONALITY;
        if (profile->strict)
                verdicts[__NR_ptrace] = EPERM;
}

/* --- the compiler --- */

typedef struct Program {
        struct sock_filter *code;
        size_t n;
        bool failed; /* too long, or a jump too far; sticky */
} Program;

static size_t emit(Program *p, uint16_t op, uint8_t yes, uint8_t no, uint32_t k) {
        if (p->n >= SECCOMP_PROFILE_MAX) {
                p->failed = true;
                return 0;
        }
        p->code[p->n] = (struct sock_filter){ op, yes, no, k };
        return p->n++;
}

static void load(Program *p, size_t offset) {
        emit(p, BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t) offset);
}

/* The lower half, which is all the kernel reads of an int argument. */
static void load_argument(Program *p, int i) {
        load(p, offsetof(struct seccomp_data, args) + 8 * (size_t) i);
}

static void ret(Program *p, uint16_t verdict) {
        emit(p, BPF_RET | BPF_K, 0, 0,
             verdict == ALLOW ? SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO | verdict);
}

/* "if the accumulator is k, this is the verdict" */
static void ret_if(Program *p, uint32_t k, uint16_t verdict) {
        emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, k);
        ret(p, verdict);
}

#define SOCK_TYPE_MASK 0xf /* the rest are flags (linux/net.h) */

/* Without raw sockets: the accumulator is the family, and is so again afterwards. */
static void emit_refuse_raw(Program *p) {
        emit(p, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, AF_INET);
        emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 6, AF_INET6);
        load_argument(p, 1);
        emit(p, BPF_ALU | BPF_AND | BPF_K, 0, 0, SOCK_TYPE_MASK);
        ret_if(p, SOCK_RAW, EPERM);
        ret_if(p, SOCK_PACKET, EPERM);
        load_argument(p, 0);
}

static void emit_socket(Program *p, const SeccompProfile *profile) {
        static const uint32_t protocols[] = { NETLINK_ROUTE, NETLINK_SOCK_DIAG, NETLINK_AUDIT,
                                              NETLINK_KOBJECT_UEVENT, NETLINK_GENERIC };
        uint64_t caps = opening(profile);

        load_argument(p, 0);
        ret_if(p, AF_UNIX, ALLOW);
        if (profile->strict)
                emit_refuse_raw(p);
        ret_if(p, AF_INET, ALLOW);
        ret_if(p, AF_INET6, ALLOW);
        if (caps & PACKET_CAPS)
                ret_if(p, AF_PACKET, ALLOW);
        if (caps & NETWORK_CAPS)
                ret_if(p, AF_NETLINK, ALLOW);
        emit(p, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, AF_NETLINK);
        ret(p, EAFNOSUPPORT);
        load_argument(p, 2);
        for (size_t i = 0; i < (profile->strict ? 1 : sizeof protocols / sizeof *protocols); i++)
                ret_if(p, protocols[i], ALLOW);
        ret(p, EPROTONOSUPPORT);
}

static void emit_check(Program *p, Check check, const SeccompProfile *profile) {
        switch (check) {
        case CHECK_CLONE: /* no new namespaces */
                load_argument(p, 0);
                emit(p, BPF_JMP | BPF_JSET | BPF_K, 0, 1, (uint32_t) CLONE_NEW_ANY);
                ret(p, EPERM);
                ret(p, ALLOW);
                break;
        case CHECK_SOCKET:
                emit_socket(p, profile);
                break;
        case CHECK_SOCKETPAIR:
                load_argument(p, 0);
                ret_if(p, AF_UNIX, ALLOW);
                ret(p, EAFNOSUPPORT);
                break;
        case CHECK_SETSOCKOPT: /* TCP_ULP is kernel TLS: eight of the escapes of these years */
                load_argument(p, 1);
                emit(p, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, IPPROTO_TCP);
                ret(p, ALLOW);
                load_argument(p, 2);
                ret_if(p, TCP_ULP, ENOPROTOOPT);
                ret(p, ALLOW);
                break;
        case CHECK_IOCTL: /* both put input into a terminal for its next reader */
                load_argument(p, 1);
                ret_if(p, TIOCSTI, EPERM);
                ret_if(p, TIOCLINUX, EPERM);
                ret(p, ALLOW);
                break;
        case CHECK_PERSONALITY: /* PER_LINUX, PER_LINUX32, both with UNAME26, a question */
                load_argument(p, 0);
                ret_if(p, 0, ALLOW);
                ret_if(p, 0x0008, ALLOW);
                ret_if(p, 0x20000, ALLOW);
                ret_if(p, 0x20008, ALLOW);
                ret_if(p, 0xffffffff, ALLOW);
                ret(p, EPERM);
                break;
        case N_CHECKS:
                break;
        }
}

typedef struct Run {
        uint16_t first; /* number of its first call; it ends where the next begins */
        uint16_t verdict;
} Run;

/* Emits the search among runs [low, high); leaves of checks jump to places set by link_checks(). */
static void emit_search(Program *p, const Run *runs, size_t low, size_t high) {
        size_t middle = low + (high - low) / 2, jump, distance;

        if (high - low > 1) {
                jump = emit(p, BPF_JMP | BPF_JGE | BPF_K, 0, 0, runs[middle].first);
                emit_search(p, runs, low, middle);
                distance = p->n - jump - 1;
                if (distance > UINT8_MAX || p->failed) {
                        p->failed = true;
                        return;
                }
                p->code[jump].jt = (uint8_t) distance;
                emit_search(p, runs, middle, high);
        } else if (runs[low].verdict >= BY_ARGUMENT)
                emit(p, BPF_JMP | BPF_JA, 0, 0, runs[low].verdict);
        else
                ret(p, runs[low].verdict);
}

/* Emits the checks, and turns the jumps to them, from @first on, into real ones. */
static void link_checks(Program *p, size_t first, const SeccompProfile *profile) {
        size_t end = p->n, places[N_CHECKS];

        for (Check check = 0; check < N_CHECKS; check++) {
                places[check] = p->n;
                emit_check(p, check, profile);
        }
        for (size_t i = first; i < end && !p->failed; i++)
                if (p->code[i].code == (BPF_JMP | BPF_JA))
                        p->code[i].k = (uint32_t) (places[p->code[i].k - BY_ARGUMENT] - i - 1);
}

static void emit_calls(Program *p, const uint16_t *verdicts, const SeccompProfile *profile) {
        Run runs[NR_MAX];
        size_t n = 0, first;

        for (uint16_t nr = 0; nr < NR_MAX; nr++)
                if (nr == 0 || verdicts[nr] != verdicts[nr - 1])
                        runs[n++] = (Run){ nr, verdicts[nr] };
        load(p, offsetof(struct seccomp_data, nr));
        first = p->n;
        emit_search(p, runs, 0, n);
        link_checks(p, first, profile);
}

int seccomp_profile_build(const SeccompProfile *profile, struct sock_filter *code) {
        Program p = { .code = code };
        uint16_t verdicts[NR_MAX];
        size_t jump = 0;

        load(&p, offsetof(struct seccomp_data, arch));
        if (profile->compat) {
                emit(&p, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, COMPAT_ARCH);
                jump = emit(&p, BPF_JMP | BPF_JA, 0, 0, 0);
        }
        emit(&p, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, NATIVE_ARCH);
        ret(&p, ENOSYS);
        seccomp_profile_decide(profile, verdicts);
        emit_calls(&p, verdicts, profile);
        if (profile->compat && !p.failed) {
                p.code[jump].k = (uint32_t) (p.n - jump - 1);
                emit_calls(&p, profile->compat, profile);
        }
        return p.failed ? -E2BIG : (int) p.n;
}
