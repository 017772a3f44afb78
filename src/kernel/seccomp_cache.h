/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Compiled filters, kept
 *
 * libseccomp takes several milliseconds for a profile of 400 names, many times
 * what the container itself costs; what it made is one file in a directory that
 * only its owner can enter, named after a digest of everything that goes into it:
 * every word of the rules, the capabilities, the kernel's release, the versions of
 * isola and libseccomp.  A change of any makes another file.
 *
 *     "isolabpf" | flags u32 | notifies u32 | struct sock_filter … | SHA-256 of all that
 *
 * in the machine's byte order.  A file is used if it is a regular one of ours that
 * nobody else may write, and its digest is right; anything else is as if it were not
 * there, and is replaced.  A cache that cannot be written costs time, no more.
 */

#include "base/digest.h"
#include "kernel/seccomp_rules.h"

typedef char SeccompKey[DIGEST_HEX_LENGTH + 1];

void seccomp_cache_key(const SeccompRules *rules, uint64_t caps, SeccompKey key);

/* @dir: the directory; -ENOENT if there is none that can be used. */
int seccomp_cache_load(int dir, const SeccompKey key, SeccompFilter **ret);
void seccomp_cache_store(int dir, const SeccompKey key, const SeccompFilter *f);
