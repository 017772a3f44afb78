/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * System call filters (seccomp(2))
 *
 * A filter is a BPF program.  The default one is compiled when isola is built
 * (tools/gen_seccomp.c), so that starting a container does not pay for it; a
 * profile that the user names is compiled by libseccomp when it is used.
 */

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/auto.h"
#include "base/err.h"

typedef struct SeccompFilter {
        const struct sock_filter *code;
        size_t n;
        struct sock_filter *owned; /* code, if it is to be freed */
} SeccompFilter;

/* The built-in profile for this machine's architecture; static. */
const SeccompFilter *seccomp_default(void);

/* Compiles a profile in Docker's and the OCI's JSON format; @caps: CAP_* bits the process will
 * have. */
int seccomp_compile(const char *json, size_t size, const char *place, unsigned long long caps,
                    SeccompFilter **ret, Err *err);
SeccompFilter *seccomp_free(SeccompFilter *f);
DEFINE_AUTOPTR(SeccompFilter, seccomp_free)

/* Applies it to the calling thread; needs no_new_privs or CAP_SYS_ADMIN. */
int seccomp_load(const SeccompFilter *f);

/*
 * The built-in profile for a process with these capabilities, each of which opens the calls it is
 * needed for.  @ret is seccomp_default() for the default set; otherwise it is compiled and @ret_own
 * is to be freed.
 */
int seccomp_for_caps(unsigned long long caps, const SeccompFilter **ret, SeccompFilter **ret_own,
                     Err *err);
