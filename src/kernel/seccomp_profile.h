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
#include <stddef.h>
#include <stdint.h>

#define SECCOMP_PROFILE_MAX 1024 /* instructions */

/* Capabilities that open calls; without any of these, the filter is the default one. */
uint64_t seccomp_profile_opening_caps(void);

/*
 * @caps:	CAP_* bits that the process will have
 * @code:	room for SECCOMP_PROFILE_MAX
 *
 * Return: instructions; -E2BIG if there are more than fit or a jump is too far.
 */
int seccomp_profile_build(uint64_t caps, struct sock_filter *code);
