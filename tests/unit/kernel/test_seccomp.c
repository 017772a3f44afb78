/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <linux/capability.h>
#include <linux/netlink.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "kernel/seccomp.h"
#include "kernel/seccomp_profile.h"
#include "test.h"

static void use(const SeccompFilter *f) {
        expect(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
        expect_ok(seccomp_apply(f));
}

static void use_choice(const SeccompChoice *choice) {
        const SeccompFilter *f = NULL;
        SeccompFilter *own = NULL;

        expect_ok(seccomp_builtin(choice, &f, &own, NULL));
        use(f);
        seccomp_free(own);
}

static void use_caps(uint64_t caps) {
        use_choice(&(SeccompChoice){ .caps = caps });
}

/* Returns the errno of a call made with six numbers. */
static int says(long nr, long a, long b, long c) {
        return syscall(nr, a, b, c, 0, 0, 0) < 0 ? errno : 0;
}

TEST(default_is_what_the_tool_made_for_the_default_capabilities) {
        const SeccompProfile profile = { .caps = UINT64_C(1) << CAP_SYS_CHROOT };
        struct sock_filter code[SECCOMP_PROFILE_MAX];
        const SeccompFilter *f = seccomp_default();
        int n;

        n = expect_ok(seccomp_profile_build(&profile, code));
        expect((size_t) n == f->n && n < 300);
        expect(memcmp(code, f->code, f->n * sizeof *code) == 0);
}

TEST(ordinary_calls_work) {
        int status, pipes[2];
        pid_t pid;

        use(seccomp_default());
        expect(pipe(pipes) == 0);
        pid = fork();
        if (pid == 0) {
                execl("/bin/true", "true", NULL);
                _exit(9);
        }
        expect(waitpid(pid, &status, 0) == pid && status == 0);
        expect(socket(AF_INET, SOCK_STREAM, 0) >= 0);
        expect(socket(AF_INET6, SOCK_DGRAM, 0) >= 0 || errno == EAFNOSUPPORT);
        expect(socketpair(AF_UNIX, SOCK_STREAM, 0, pipes) == 0);
        expect(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE) >= 0);
        expect(says(SYS_personality, 0xffffffff, 0, 0) == 0);
}

TEST(unknown_calls_do_not_exist) {
        use(seccomp_default());
        expect(says(500, 0, 0, 0) == ENOSYS);
        expect(says(100000, 0, 0, 0) == ENOSYS);
        expect(says(SYS_clone3, 0, 0, 0) == ENOSYS);
        expect(says(SYS_io_uring_setup, 1, 0, 0) == ENOSYS);
        expect(says(SYS_vmsplice, -1, 0, 0) == ENOSYS);
        expect(says(SYS_name_to_handle_at, -1, 0, 0) == ENOSYS);
#ifdef __x86_64__
        expect(says(0x40000000 + SYS_getpid, 0, 0, 0) == ENOSYS); /* x32 */
        expect(says(SYS_modify_ldt, 0, 0, 0) == ENOSYS);
#endif
}

#ifdef __x86_64__
TEST(thirty_two_bit_calls_do_not_exist) {
        long r;

        use(seccomp_default());
        __asm__ volatile("int $0x80" : "=a"(r) : "a"(20L) : "memory"); /* getpid */
        expect((int) r == -ENOSYS);
}
#endif

TEST(calls_of_the_powerful_are_not_permitted) {
        use(seccomp_default());
        expect(says(SYS_mount, 0, 0, 0) == EPERM);
        expect(says(SYS_umount2, 0, 0, 0) == EPERM);
        expect(says(SYS_fsopen, 0, 0, 0) == EPERM);
        expect(says(SYS_unshare, 0, 0, 0) == EPERM);
        expect(says(SYS_setns, -1, 0, 0) == EPERM);
        expect(says(SYS_pivot_root, 0, 0, 0) == EPERM);
        expect(says(SYS_bpf, 0, 0, 0) == EPERM);
        expect(says(SYS_perf_event_open, 0, 0, 0) == EPERM);
        expect(says(SYS_keyctl, 0, 0, 0) == EPERM);
        expect(says(SYS_add_key, 0, 0, 0) == EPERM);
        expect(says(SYS_userfaultfd, 0, 0, 0) == EPERM);
        expect(says(SYS_open_by_handle_at, 0, 0, 0) == EPERM);
        expect(says(SYS_init_module, 0, 0, 0) == EPERM);
        expect(says(SYS_process_vm_readv, 0, 0, 0) == EPERM);
        expect(says(SYS_reboot, 0, 0, 0) == EPERM);
        expect(says(SYS_clock_settime, 0, 0, 0) == EPERM);
        expect(says(SYS_personality, 0x0040000, 0, 0) == EPERM); /* ADDR_NO_RANDOMIZE */
}

TEST(clone_makes_no_namespaces) {
        static const long flags[] = { CLONE_NEWUSER, CLONE_NEWNS,  CLONE_NEWPID,   CLONE_NEWNET,
                                      CLONE_NEWUTS,  CLONE_NEWIPC, CLONE_NEWCGROUP };

        use(seccomp_default());
        for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
                expect(says(SYS_clone, flags[i] | SIGCHLD, 0, 0) == EPERM);
}

TEST(sockets_are_of_few_families) {
        static const int families[] = { AF_PACKET, AF_ALG, AF_VSOCK, AF_BLUETOOTH,
                                        AF_RXRPC,  AF_CAN, AF_TIPC,  AF_XDP };
        int pair[2];

        use(seccomp_default());
        for (size_t i = 0; i < sizeof families / sizeof *families; i++)
                expect(socket(families[i], SOCK_RAW, 0) < 0 && errno == EAFNOSUPPORT);
        /* The kernel reads 32 bits of the family, and so must the filter. */
        expect(says(SYS_socket, (1L << 32) | AF_PACKET, SOCK_RAW, 0) == EAFNOSUPPORT);
        expect(says(SYS_socket, (1L << 32) | AF_UNIX, SOCK_STREAM, 0) == 0);
        expect(socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER) < 0 && errno == EPROTONOSUPPORT);
        expect(socketpair(AF_TIPC, SOCK_STREAM, 0, pair) < 0 && errno == EAFNOSUPPORT);
}

TEST(terminal_input_cannot_be_forged) {
        use(seccomp_default());
        expect(says(SYS_ioctl, 0, TIOCSTI, 0) == EPERM);
        expect(says(SYS_ioctl, 0, TIOCLINUX, 0) == EPERM);
        expect(says(SYS_ioctl, 0, (1L << 32) | TIOCSTI, 0) == EPERM);
        expect(says(SYS_ioctl, -1, TIOCGWINSZ, 0) == EBADF);
}

TEST(kernel_tls_is_out_of_reach) {
        int s, one = 1;

        use(seccomp_default());
        s = socket(AF_INET, SOCK_STREAM, 0);
        expect(setsockopt(s, IPPROTO_TCP, TCP_ULP, "tls", 3) < 0 && errno == ENOPROTOOPT);
        expect(setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0);
        expect(setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0);
}

TEST(capabilities_open_their_calls) {
        use_caps(UINT64_C(1) << CAP_SYS_ADMIN);
        expect(says(SYS_unshare, 0, 0, 0) == 0);
        expect(says(SYS_mount, 0, 0, 0) != ENOSYS);
        expect(says(SYS_clone3, 0, 0, 0) == EINVAL);
        expect(says(SYS_reboot, 0, 0, 0) == EPERM);
        expect(says(SYS_keyctl, 0, 0, 0) == EPERM);
}

TEST(raw_network_opens_packet_sockets) {
        int r;

        use_caps(UINT64_C(1) << CAP_NET_RAW);
        r = socket(AF_PACKET, SOCK_RAW, 0);
        expect(r >= 0 || errno == EPERM);
        expect(socket(AF_ALG, SOCK_SEQPACKET, 0) < 0 && errno == EAFNOSUPPORT);
}

TEST(lost_chroot_alone_needs_no_filter_of_its_own) {
        const SeccompFilter *f = NULL;
        SeccompFilter *own = NULL;

        expect_ok(seccomp_builtin(&(SeccompChoice){}, &f, &own, NULL));
        expect(f == seccomp_default() && !own);
}

TEST(strict_allows_no_raw_sockets_of_any_kind) {
        use_choice(&(SeccompChoice){ .caps = ~UINT64_C(0), .strict = true });
        expect(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) < 0 && errno == EPERM);
        expect(socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6) < 0 && errno == EPERM);
        expect(socket(AF_INET, SOCK_PACKET, 0) < 0 && errno == EPERM);
        expect(says(SYS_socket, AF_INET, (1L << 32) | SOCK_RAW | SOCK_NONBLOCK, 1) == EPERM);
        expect(socket(AF_PACKET, SOCK_DGRAM, 0) < 0 && errno == EAFNOSUPPORT);
        expect(socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER) < 0 && errno == EPROTONOSUPPORT);
        expect(socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG) < 0 && errno == EPROTONOSUPPORT);
        expect(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE) >= 0);
        expect(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0);
        expect(socket(AF_INET, SOCK_DGRAM, 0) >= 0);
        expect(socket(AF_INET6, SOCK_STREAM, 0) >= 0 || errno == EAFNOSUPPORT);
        expect(socket(AF_UNIX, SOCK_STREAM, 0) >= 0);
        end_unchecked();
}

TEST(strict_is_opened_by_no_capability) {
        use_choice(&(SeccompChoice){ .caps = ~UINT64_C(0), .strict = true });
        expect(says(SYS_ptrace, 0, 0, 0) == EPERM);
        expect(says(SYS_mount, 0, 0, 0) == EPERM);
        expect(says(SYS_unshare, 0, 0, 0) == EPERM);
        expect(says(SYS_bpf, 0, 0, 0) == EPERM);
        expect(says(SYS_keyctl, 0, 0, 0) == EPERM);
        expect(says(SYS_clone3, 0, 0, 0) == ENOSYS);
        expect(says(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0) == EPERM);
        expect(says(SYS_chroot, 0, 0, 0) == EFAULT);
        end_unchecked();
}

#ifdef __x86_64__
/* A 32-bit call from a 64-bit program; numbers of asm/unistd_32.h. */
static int says_32(int nr, int a, int b, int c) {
        long r;

        __asm__ volatile("int $0x80"
                         : "=a"(r)
                         : "a"((long) nr), "b"((long) a), "c"((long) b), "d"((long) c)
                         : "memory");
        return (int) r < 0 && (int) r > -4096 ? -(int) r : 0;
}

TEST(compat32_lets_32_bit_calls_in_as_their_namesakes) {
        int fd = open("/dev/null", O_RDWR);

        use_choice(&(SeccompChoice){ .compat32 = true });
        expect(says_32(20, 0, 0, 0) == 0);                                    /* getpid */
        expect(says_32(199, 0, 0, 0) == 0);                                   /* getuid32 */
        expect(says_32(221, fd, F_GETFD, 0) == 0);                            /* fcntl64 */
        expect(says_32(21, 0, 0, 0) == EPERM);                                /* mount */
        expect(says_32(310, 0, 0, 0) == EPERM);                               /* unshare */
        expect(says_32(288, 0, 0, 0) == EPERM);                               /* keyctl */
        expect(says_32(357, 0, 0, 0) == EPERM);                               /* bpf */
        expect(says_32(435, 0, 0, 0) == ENOSYS);                              /* clone3 */
        expect(says_32(425, 0, 0, 0) == ENOSYS);                              /* io_uring_setup */
        expect(says_32(123, 0, 0, 0) == ENOSYS);                              /* modify_ldt */
        expect(says_32(120, (int) (CLONE_NEWUSER | SIGCHLD), 0, 0) == EPERM); /* clone */
        expect(says_32(359, AF_ALG, SOCK_SEQPACKET, 0) == EAFNOSUPPORT);      /* socket */
        expect(says_32(359, AF_UNIX, SOCK_STREAM, 0) == 0);
        expect(says_32(54, 0, TIOCSTI, 0) == EPERM);    /* ioctl */
        expect(says_32(136, 0x0040000, 0, 0) == EPERM); /* personality */
        expect(says_32(102, 99, 0, 0) == EINVAL);       /* socketcall: it is there */
        expect(says_32(900, 0, 0, 0) == ENOSYS);
        /* Native ones are as ever, and x32 is not let in. */
        expect(says(SYS_mount, 0, 0, 0) == EPERM && says(SYS_getpid, 0, 0, 0) == 0);
        expect(says(0x40000000 + SYS_getpid, 0, 0, 0) == ENOSYS);
}

TEST(compat32_of_the_strict_profile_has_no_socketcall) {
        use_choice(&(SeccompChoice){ .strict = true, .compat32 = true });
        expect(says_32(20, 0, 0, 0) == 0);
        expect(says_32(102, 99, 0, 0) == ENOSYS);
        expect(says_32(359, AF_INET, SOCK_RAW, 1) == EPERM);
        expect(says_32(26, 0, 0, 0) == EPERM); /* ptrace */
        end_unchecked();
}

TEST(compat32_follows_capabilities) {
        use_choice(&(SeccompChoice){ .caps = UINT64_C(1) << CAP_SYS_ADMIN, .compat32 = true });
        expect(says_32(310, 0, 0, 0) == 0); /* unshare */
        expect(says_32(288, 0, 0, 0) == EPERM);
}
#endif
