/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * System call filters (seccomp(2))
 *
 * A filter is a BPF program.  The default one is compiled when isola is built
 * (kernel/seccomp_profile.h says what it allows), so that starting a container
 * does not pay for it; a profile that the user names is compiled by libseccomp
 * when it is used.
 */

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/err.h"

typedef struct SeccompFilter {
        const struct sock_filter *code;
        size_t n;
        struct sock_filter *owned; /* code, if it is to be freed */
} SeccompFilter;

/* The built-in profile for this machine's architecture; static. */
const SeccompFilter *seccomp_default(void);

/*
 * The built-in profile as capabilities open it: those that the process will have, CAP_* bits.
 * @ret_own: the filter if it is to be freed, else NULL: the default one.
 */
int seccomp_for_caps(uint64_t caps, const SeccompFilter **ret, SeccompFilter **ret_own, Err *err);

/**
 * seccomp_compile() - compile a profile in Docker's or the OCI's JSON format
 * @place:	how errors call it, such as its file name
 * @caps:	CAP_* bits that the process will have, for Docker's "includes" and "excludes"
 *
 * Calls that libseccomp does not know are left out, as Docker does.
 *
 * Return: 0; -EINVAL if it is not a profile, -EOPNOTSUPP for SCMP_ACT_NOTIFY.
 */
int seccomp_compile(const char *json, size_t size, const char *place, uint64_t caps,
                    SeccompFilter **ret, Err *err);
SeccompFilter *seccomp_free(SeccompFilter *f);
DEFINE_AUTOPTR(SeccompFilter, seccomp_free)

/* Applies it to the calling thread; needs no_new_privs or CAP_SYS_ADMIN.  (seccomp_load() is
 * libseccomp's.) */
int seccomp_apply(const SeccompFilter *f);
