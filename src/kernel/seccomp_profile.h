/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The built-in system call filter, as a table and its compiler
 *
 * An allow-list at least as tight as Docker's default.  What is not on it does
 * not exist (ENOSYS: libc and runtimes fall back to an older call), what is known
 * and only for the powerful is EPERM, as without a filter.  Calls of other
 * architectures (32-bit, x32) do not exist either.  The table says which
 * capability opens which call; a call so opened is still subject to the kernel's
 * own check of that capability.
 *
 * The code is a binary search over runs of calls with the same verdict, so a
 * filter is some 200 instructions, the longest way through it about 12, and
 * compiling takes microseconds.  The kernel emulates it once for each number when it is
 * loaded, and from then on does not run it at all for those that are allowed
 * whatever their arguments (kernel/seccomp.c, since 5.11).
 *
 * Used twice: by tools/gen_seccomp.c when isola is built, for the capabilities
 * that containers have by default, and at run time for others.
 */

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SECCOMP_PROFILE_MAX 2048 /* instructions */
#define SECCOMP_CALLS_MAX   1024 /* beyond every number; x32's (0x40000000 and up) are above it */

/* What becomes of a call: one of these, or the number of an errno. */
enum {
        SECCOMP_CALL_ALLOW = 0,
        SECCOMP_CALL_BY_ARGUMENT = 5000, /* plus a check of the compiler's */
};

typedef struct SeccompProfile {
        uint64_t caps; /* CAP_* bits that the process will have */
        /* Capabilities open nothing; no ptrace(), no raw sockets, of NETLINK only ROUTE. */
        bool strict;
        /* Verdicts for 32-bit calls, SECCOMP_CALLS_MAX of them; NULL: these do not exist. */
        const uint16_t *compat;
} SeccompProfile;

/* Capabilities that open calls; without any of these, the filter is the default one. */
uint64_t seccomp_profile_opening_caps(void);

/* @verdicts: room for SECCOMP_CALLS_MAX. */
void seccomp_profile_decide(const SeccompProfile *profile, uint16_t *verdicts);

/*
 * @code:	room for SECCOMP_PROFILE_MAX
 *
 * Return: instructions; -E2BIG if there are more than fit or a jump is too far.
 */
int seccomp_profile_build(const SeccompProfile *profile, struct sock_filter *code);

/*
 * Works out the verdicts for 32-bit calls from those for native ones, call by call of the same
 * name, and of the names that only 32-bit programs know (kernel/seccomp_compat.c).
 *
 * Return: 0; -EOPNOTSUPP on a machine without.
 */
int seccomp_compat_decide(const SeccompProfile *profile, uint16_t *verdicts);
