/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The floor: what isolating one process costs when nothing but the kernel works
 *
 *         floor DIRECTORY PROGRAM        mount, pid, uts, ipc, net, cgroup namespaces
 *         floor -u DIRECTORY PROGRAM     and user and time namespaces, as isola makes them
 *
 * No libc, no start-up code, no allocation: clone3(), bind and pivot_root, proc,
 * exec, wait.  Every tool's time is given as a multiple of the first form's.
 * Built with -nostdlib -static; the same file built with -DTRUE is the program that
 * everybody runs.
 */

#include <asm/unistd.h>
#include <stddef.h>
#include <stdint.h>

#define NEW_TIME   0x00000080
#define NEW_NS     0x00020000
#define NEW_CGROUP 0x02000000
#define NEW_UTS    0x04000000
#define NEW_IPC    0x08000000
#define NEW_USER   0x10000000
#define NEW_PID    0x20000000
#define NEW_NET    0x40000000

#define MS_BIND    4096
#define MS_REC     16384
#define MS_PRIVATE (1 << 18)
#define MNT_DETACH 2
#define AT_FDCWD   (-100)
#define O_WRONLY   1
#define SIGCHLD    17

#ifdef __x86_64__
static long call6(long nr, long a, long b, long c, long d, long e, long f) {
        register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
        long r;

        __asm__ volatile("syscall"
                         : "=a"(r)
                         : "0"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                         : "rcx", "r11", "memory");
        return r;
}
__asm__(".globl _start\n_start: xor %ebp, %ebp\n mov %rsp, %rdi\n and $-16, %rsp\n call begin\n");
#else
static long call6(long nr, long a, long b, long c, long d, long e, long f) {
        register long x8 __asm__("x8") = nr, x0 __asm__("x0") = a, x1 __asm__("x1") = b,
                         x2 __asm__("x2") = c, x3 __asm__("x3") = d, x4 __asm__("x4") = e,
                         x5 __asm__("x5") = f;

        __asm__ volatile("svc 0"
                         : "+r"(x0)
                         : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                         : "memory");
        return x0;
}
__asm__(".globl _start\n_start: mov x0, sp\n bl begin\n");
#endif

#define CALL(nr, a, b, c, d, e) \
        call6(nr, (long) (a), (long) (b), (long) (c), (long) (d), (long) (e), 0)

void begin(long *stack);

static void end(int code) {
        for (;;)
                CALL(__NR_exit_group, code, 0, 0, 0, 0);
}

#ifdef TRUE

void begin(long *stack) {
        (void) stack;
        end(0);
}

#else

struct clone_args_v2 {
        uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid,
                set_tid_size, cgroup;
};

/* Each step has an exit code of its own, so that a failure can be told. */
static void inside(const char *directory, char **program, int gate) {
        char *const environment[] = { NULL };
        char go;

        if (gate >= 0 && CALL(__NR_read, gate, &go, 1, 0, 0) != 1)
                end(101);
        if (CALL(__NR_mount, 0, "/", 0, MS_REC | MS_PRIVATE, 0) < 0)
                end(102);
        if (CALL(__NR_mount, directory, directory, 0, MS_BIND | MS_REC, 0) < 0)
                end(103);
        if (CALL(__NR_chdir, directory, 0, 0, 0, 0) < 0)
                end(104);
        /* While the old proc still shows: a user namespace may show no more than its maker saw. */
        if (CALL(__NR_mount, "proc", "proc", "proc", 0, 0) < 0)
                end(107);
        if (CALL(__NR_pivot_root, ".", ".", 0, 0, 0) < 0)
                end(105);
        if (CALL(__NR_umount2, ".", MNT_DETACH, 0, 0, 0) < 0)
                end(106);
        CALL(__NR_execve, program[0], program, environment, 0, 0);
        end(108);
}

/* Writes "0 100000 65536" to /proc/PID/NAME. */
static void write_map(long pid, const char *name) {
        char path[64] = "/proc/", digits[16];
        size_t n = 6, k = 0;
        long map;

        for (; pid > 0; pid /= 10)
                digits[k++] = (char) ('0' + pid % 10);
        while (k > 0)
                path[n++] = digits[--k];
        while (*name)
                path[n++] = *name++;
        path[n] = 0;
        map = CALL(__NR_openat, AT_FDCWD, path, O_WRONLY, 0, 0);
        if (CALL(__NR_write, map, "0 100000 65536", 14, 0, 0) != 14)
                end(109);
}

void begin(long *stack) {
        struct clone_args_v2 args = { .flags = NEW_NS | NEW_PID | NEW_UTS | NEW_IPC | NEW_NET |
                                               NEW_CGROUP,
                                      .exit_signal = SIGCHLD };
        char **arguments = (char **) (stack + 2); /* after argc and argv[0] */
        int user = arguments[0] && arguments[0][0] == '-', status = 0;
        int gate[2] = { -1, -1 };
        long pid;

        arguments += user;
        if (!arguments[0] || !arguments[1])
                end(100);
        if (user) {
                args.flags |= NEW_USER | NEW_TIME;
                CALL(__NR_pipe2, gate, 0, 0, 0, 0);
        }
        pid = CALL(__NR_clone3, &args, sizeof args, 0, 0, 0);
        if (pid == 0)
                inside(arguments[0], arguments + 1, gate[0]);
        if (pid < 0)
                end(110);
        if (user) {
                write_map(pid, "/uid_map");
                write_map(pid, "/gid_map");
                CALL(__NR_write, gate[1], "g", 1, 0, 0);
        }
        CALL(__NR_wait4, pid, &status, 0, 0, 0);
        end(status >> 8 & 0xff);
}

#endif
