/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/str.h"
#include "runtime/audit.h"

/* A handle to no inode at all; file_handle of open_by_handle_at(2). */
static const struct {
        unsigned bytes;
        int type;
        char handle[8];
} no_handle = { 8, 1, "" };

#define NOWHERE ((long) "/nonexistent/isola-audit")

typedef struct Call {
        const char *check;    /* calls of one line stand together */
        AuditVerdict reached; /* if one is let through, in a user namespace of its own */
        const char *name;
        long nr, args[5];
} Call;

/* None of these has an effect, or not one that outlives the child that makes it. */
static const Call calls[] = {
        { "namespaces", AUDIT_OPEN, "unshare", SYS_unshare, { CLONE_NEWUSER } },
        { "namespaces", AUDIT_OPEN, "setns", SYS_setns, { -1 } },
        { "namespaces", AUDIT_OPEN, "clone3", SYS_clone3, { 0, 0 } },
        { "mounts", AUDIT_WEAK, "mount", SYS_mount, { 0, 0, 0, 0, 0 } },
        { "mounts", AUDIT_WEAK, "fsopen", SYS_fsopen, { 0, 0 } },
        { "mounts", AUDIT_WEAK, "open_tree", SYS_open_tree, { -1, 0, 1 } },
        { "mounts", AUDIT_WEAK, "pivot_root", SYS_pivot_root, { 0, 0 } },
        { "mounts", AUDIT_WEAK, "umount2", SYS_umount2, { NOWHERE, 0 } },
        { "machine control", AUDIT_OPEN, "init_module", SYS_init_module, { 0, 0, 0 } },
        { "machine control", AUDIT_OPEN, "finit_module", SYS_finit_module, { -1, 0, 0 } },
        { "machine control", AUDIT_OPEN, "delete_module", SYS_delete_module, { 0, 0 } },
        { "machine control", AUDIT_OPEN, "kexec_load", SYS_kexec_load, { 0, 0, 0, -1 } },
        { "machine control", AUDIT_OPEN, "reboot", SYS_reboot, { 0, 0, 0 } },
        { "machine control", AUDIT_OPEN, "swapon", SYS_swapon, { NOWHERE, 0 } },
        { "machine control", AUDIT_OPEN, "acct", SYS_acct, { NOWHERE } },
        { "machine control", AUDIT_OPEN, "settimeofday", SYS_settimeofday, { 0, 0 } },
        { "kernel programs", AUDIT_OPEN, "bpf", SYS_bpf, { -1, 0, 0 } },
        { "kernel programs", AUDIT_OPEN, "perf_event_open", SYS_perf_event_open, { 0, 0, 0, 0 } },
        { "io_uring", AUDIT_OPEN, "io_uring_setup", SYS_io_uring_setup, { 0, 0 } },
        { "keyrings", AUDIT_WEAK, "keyctl", SYS_keyctl, { 0, -3, 0 } },
        { "keyrings", AUDIT_WEAK, "add_key", SYS_add_key, { 0, 0, 0, 0, 0 } },
        { "keyrings", AUDIT_WEAK, "request_key", SYS_request_key, { 0, 0, 0, 0 } },
        { "inode handles",
          AUDIT_OPEN,
          "open_by_handle_at",
          SYS_open_by_handle_at,
          { AT_FDCWD, (long) &no_handle, 0 } },
        { "userfaultfd", AUDIT_WEAK, "userfaultfd", SYS_userfaultfd, { 0 } },
        { "other processes",
          AUDIT_WEAK,
          "process_vm_readv",
          SYS_process_vm_readv,
          { 1, 0, 0, 0, 0 } },
        { "other processes", AUDIT_WEAK, "pidfd_getfd", SYS_pidfd_getfd, { -1, 0, 0 } },
        { "other processes", AUDIT_WEAK, "kcmp", SYS_kcmp, { 1, 1, 0, 0, 0 } },
};

static int try_call(const void *data) {
        const Call *call = data;
        const long *a = call->args;

        return syscall(call->nr, a[0], a[1], a[2], a[3], a[4]) < 0 ? errno : 0;
}

static void check_calls(const AuditView *view) {
        const size_t n = sizeof calls / sizeof *calls;

        for (size_t i = 0; i < n;) {
                const char *check = calls[i].check;
                AuditVerdict verdict = AUDIT_OK;
                autostr reached = {}, refused = {};

                for (; i < n && str_equal(calls[i].check, check); i++) {
                        bool no = audit_refused(audit_try(try_call, &calls[i]));
                        Str *list = no ? &refused : &reached;

                        str_printf(list, "%s%s", list->length ? " " : "", calls[i].name);
                        if (!no)
                                verdict = view->own_user ? calls[i].reached : AUDIT_OPEN;
                }
                audit_say(check, verdict, "%s: %s", verdict == AUDIT_OK ? "refused" : "let through",
                          verdict == AUDIT_OK ? refused.text : reached.text);
        }
}

/* --- other architectures' calls --- */

static int try_32_bit(const void *data) {
#ifdef __x86_64__
        long r;

        __asm__ volatile("int $0x80" : "=a"(r) : "a"(20L) : "memory"); /* getpid */
        return (int) r < 0 ? -(int) r : 0;
#else
        return ENOSYS;
#endif
}

static int try_x32(const void *data) {
#ifdef __x86_64__
        return syscall(0x40000000 + SYS_getpid) < 0 ? errno : 0;
#else
        return ENOSYS;
#endif
}

static void check_architectures(void) {
        bool compat = !audit_refused(audit_try(try_32_bit, NULL));
        bool x32 = !audit_refused(audit_try(try_x32, NULL));

        if (compat || x32)
                audit_say("foreign calls", AUDIT_WEAK, "let through: %s%s%s",
                          compat ? "32-bit" : "", compat && x32 ? ", " : "", x32 ? "x32" : "");
        else
                audit_say("foreign calls", AUDIT_OK, "32-bit and x32 calls are refused");
}

/* --- sockets --- */

typedef struct SocketKind {
        int family, type, protocol;
} SocketKind;

static int try_socket(const void *data) {
        const SocketKind *kind = data;

        return socket(kind->family, kind->type, kind->protocol) < 0 ? errno : 0;
}

static bool can_make(int family, int type, int protocol) {
        return audit_try(try_socket, &(SocketKind){ family, type, protocol }) == 0;
}

#define FAMILIES 46 /* of linux/socket.h, AF_MCTP being the last */

/* In one child for all: it has room for a byte of answer about each type only. */
static int try_family(const void *data) {
        static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_RDM, SOCK_SEQPACKET };
        int family = *(const int *) data;

        for (size_t i = 0; i < sizeof types / sizeof *types; i++)
                if (socket(family, types[i], 0) >= 0)
                        return 0;
        return EAFNOSUPPORT;
}

static void check_families(const AuditView *view) {
        AuditVerdict verdict = AUDIT_OK;
        autostr list = {};

        for (int family = 1; family < FAMILIES; family++) {
                if (family == AF_UNIX || family == AF_INET || family == AF_INET6 ||
                    family == AF_NETLINK || audit_try(try_family, &family) != 0)
                        continue;
                str_printf(&list, "%s%d", list.length ? " " : "", family);
                if (family != AF_PACKET || !view->own_net)
                        verdict = AUDIT_OPEN;
                else if (verdict == AUDIT_OK)
                        verdict = AUDIT_WEAK;
        }
        if (verdict == AUDIT_OK)
                audit_say("socket families", verdict, "none but UNIX, INET, INET6, NETLINK");
        else
                audit_say("socket families", verdict, "also those numbered %s", list.text);
}

static void check_raw(const AuditView *view) {
        if (can_make(AF_INET, SOCK_RAW, IPPROTO_ICMP))
                audit_say("raw sockets", view->own_net ? AUDIT_WEAK : AUDIT_OPEN,
                          "forged packets can be sent");
        else
                audit_say("raw sockets", AUDIT_OK, "refused");
}

static void check_netlink(const AuditView *view) {
        static const struct {
                int protocol;
                const char *name;
        } kinds[] = {
                { 12, "NETFILTER" }, { 6, "XFRM" }, { 5, "NFLOG" }, { 20, "RDMA" }, { 21, "CRYPTO" }
        };
        autostr list = {};

        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
                if (can_make(AF_NETLINK, SOCK_RAW, kinds[i].protocol))
                        str_printf(&list, "%s%s", list.length ? " " : "", kinds[i].name);
        if (list.length)
                audit_say("netlink", view->own_net ? AUDIT_WEAK : AUDIT_OPEN, "let through: %s",
                          list.text);
        else
                audit_say("netlink", AUDIT_OK, "neither NETFILTER nor XFRM");
}

static int try_kernel_tls(const void *data) {
        int s = socket(AF_INET, SOCK_STREAM, 0);

        return setsockopt(s, IPPROTO_TCP, TCP_ULP, "tls", 3) < 0 ? errno : 0;
}

static void check_kernel_tls(void) {
        int answer = audit_try(try_kernel_tls, NULL);

        if (audit_refused(answer) || answer == ENOPROTOOPT)
                audit_say("kernel TLS", AUDIT_OK, "refused");
        else
                audit_say("kernel TLS", AUDIT_WEAK, "let through: TCP_ULP");
}

/* --- terminals --- */

/* Types a letter into a terminal that this child made for itself. */
static int try_typing(const void *data) {
        int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC), slave, unlock = 0;

        if (master < 0 || ioctl(master, TIOCSPTLCK, &unlock) < 0)
                return EACCES;
        slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (slave < 0 || setsid() < 0 || ioctl(slave, TIOCSCTTY, 0) < 0)
                return EACCES;
        return ioctl(slave, TIOCSTI, "x") < 0 ? errno : 0;
}

static void check_typing(void) {
        /* EIO: the kernel itself has it switched off (dev.tty.legacy_tiocsti). */
        int answer = audit_try(try_typing, NULL);

        if (audit_refused(answer) || answer == EIO)
                audit_say("forged input", AUDIT_OK, "refused: TIOCSTI");
        else
                audit_say("forged input", AUDIT_WEAK, "let through: TIOCSTI, on its own terminals");
}

void audit_calls(const AuditView *view) {
        check_calls(view);
        check_architectures();
        check_families(view);
        check_raw(view);
        check_netlink(view);
        check_kernel_tls();
        check_typing();
}
