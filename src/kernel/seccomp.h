/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * System call filters (seccomp(2))
 *
 * A filter is a BPF program.  The default one is compiled when isola is built
 * (kernel/seccomp_profile.h says what it allows), so that starting a container
 * does not pay for it; what the user or a config.json names
 * (kernel/seccomp_rules.h) is compiled by libseccomp when it is first used, and
 * kept (kernel/seccomp_cache.h).
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
        uint32_t flags;            /* SECCOMP_FILTER_FLAG_*, without NEW_LISTENER */
        bool notifies; /* some calls are decided by a listener: seccomp_apply_listened() */
} SeccompFilter;

/* The built-in profile for this machine's architecture; static. */
const SeccompFilter *seccomp_default(void);

typedef struct SeccompChoice {
        uint64_t caps;         /* CAP_* bits that the process will have; they open calls */
        bool strict, compat32; /* see kernel/seccomp_profile.h */
} SeccompChoice;

/*
 * The built-in profile as somebody chose it.
 * @ret_own: the filter if it is to be freed, else NULL: the default one.
 * Return: 0; -EOPNOTSUPP if there are no 32-bit calls on this machine.
 */
int seccomp_builtin(const SeccompChoice *choice, const SeccompFilter **ret, SeccompFilter **ret_own,
                    Err *err);

SeccompFilter *seccomp_free(SeccompFilter *f);
DEFINE_AUTOPTR(SeccompFilter, seccomp_free)

/* Applies it to the calling thread; needs no_new_privs or CAP_SYS_ADMIN.  (seccomp_load() is
 * libseccomp's.) */
int seccomp_apply(const SeccompFilter *f);

/**
 * seccomp_apply_listened() - apply a filter that notifies, and hand its listener over
 * @socket:	SOCK_SEQPACKET socket to send @word and the listener to
 *
 * From the moment the filter is there the caller may be able to do nothing any more, not even
 * send: whoever holds the listener decides.  So a second thread, which the filter does not bind,
 * sends for it; that thread is gone when the call returns or soon after, and execve() ends it.
 * Needs Linux 5.0.
 */
int seccomp_apply_listened(const SeccompFilter *f, int socket, char word);
