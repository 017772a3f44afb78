/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Where the program begins, before libc does
 *
 * An OCI runtime that enters containers has to run from a file that they cannot
 * write (runtime_seal()), and so executes itself once more.  Doing that here costs
 * a sixth of doing it in main(): libc has not relocated the program yet, asked the
 * processor for its caches (68 times cpuid, each of which leaves a virtual machine)
 * or read a configuration, only to be thrown away.
 *
 * This is an advance, not a wall: where the mount cannot be cloned (an ordinary user,
 * Linux before 5.12) or a verb is called that is not known here, runtime_seal() does
 * it later.  There is no libc here, no relocation, no thread-local storage: nothing
 * may be called, and no table may hold a pointer.
 *
 * Needs: a static program; x86-64, others start at _start.
 */

#include <elf.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

#include "cli/entry.h"

#define PROGRAM "/proc/self/exe"

/* The stack is as the kernel made it, and _start() is to find it so. */
__asm__(".globl isola_entry\n"
        ".type isola_entry, @function\n"
        "isola_entry:\n"
        "        endbr64\n"
        "        xor %ebp, %ebp\n"
        "        mov %rsp, %rdi\n"
        "        push %rdx\n"
        "        sub $8, %rsp\n"
        "        call entry_seal\n"
        "        add $8, %rsp\n"
        "        pop %rdx\n"
        "        jmp _start\n"
        ".size isola_entry, . - isola_entry\n");

static long call(long number, long a, long b, long c, long d, long e) {
        register long r10 __asm__("r10") = d, r8 __asm__("r8") = e;
        long r;

        __asm__ volatile("syscall"
                         : "=a"(r)
                         : "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                         : "rcx", "r11", "memory");
        return r;
}

static bool equal(const char *a, const char *b) {
        while (*a && *a == *b)
                a++, b++;
        return *a == *b;
}

static const char *last_name(const char *path) {
        const char *name = path;

        for (; *path; path++)
                if (*path == '/')
                        name = path + 1;
        return name;
}

/* The verbs that enter a container.  A word that is taken for one costs an execution too many. */
static bool enters(char *const *arguments) {
        bool oci = arguments[0] && equal(last_name(arguments[0]), "isola-oci");

        for (char *const *a = arguments; *a; a++) {
                if (oci && (equal(*a, "run") || equal(*a, "create") || equal(*a, "exec")))
                        return true;
                oci = oci || equal(*a, "oci");
        }
        return false;
}

/* Whether this is the second execution: the kernel names a program that is executed by descriptor
 * "/dev/fd/4" (AT_EXECFN).  Whoever fakes that is found out later, by runtime_seal(). */
static bool is_again(char *const *environment) {
        const char *name = "";
        const long *auxiliary;

        while (*environment)
                environment++;
        for (auxiliary = (const long *) (environment + 1); auxiliary[0] != AT_NULL; auxiliary += 2)
                if (auxiliary[0] == AT_EXECFN)
                        name = (const char *) auxiliary[1];
        for (const char *fd = "/dev/fd/"; *fd; fd++, name++)
                if (*fd != *name)
                        return false;
        return true;
}

/* Tests of what would happen without (base/fault.h). */
static bool is_weakened(char *const *environment) {
#ifdef ISOLA_FAULT_POINTS
        for (; *environment; environment++)
                if (equal(*environment, "ISOLA_WEAKEN=seal"))
                        return true;
#endif
        return false;
}

void entry_seal(long *stack) {
        char **arguments = (char **) (stack + 1), **environment = arguments + stack[0] + 1;
        struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
        struct statfs fs;
        long tree;

        if (!enters(arguments) || is_again(environment) || is_weakened(environment))
                return;
        if (call(SYS_statfs, (long) PROGRAM, (long) &fs, 0, 0, 0) < 0 || fs.f_flags & ST_RDONLY)
                return;
        tree = call(SYS_open_tree, AT_FDCWD, (long) PROGRAM, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC, 0,
                    0);
        if (tree < 0)
                return;
        if (call(SYS_mount_setattr, tree, (long) "", AT_EMPTY_PATH, (long) &attr, sizeof attr) == 0)
                call(SYS_execveat, tree, (long) "", (long) arguments, (long) environment,
                     AT_EMPTY_PATH);
        call(SYS_close, tree, 0, 0, 0, 0);
}
