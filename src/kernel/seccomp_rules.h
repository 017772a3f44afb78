/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * System call filters as rules: linux.seccomp of config.json, and Docker's profiles
 *
 * Docker's format is the OCI's with conditions on top: rules for some
 * capabilities, architectures or kernels only.  They are decided first; what
 * remains is handed to libseccomp rule by rule.  Names of calls that libseccomp
 * does not know are left out, as runc and Docker do.
 *
 * A program asks the kernel for a new call and falls back when it does not exist;
 * a profile older than the call would answer with its default action, an EPERM or
 * a signal.  So, as with runc, a call with a number beyond all that the rules name
 * says ENOSYS, unless the default is to let calls through (seccomp_stub.c).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/seccomp.h"

typedef struct SeccompArg {
        uint32_t index;
        uint64_t value, value_two;
        char *op; /* "SCMP_CMP_EQ" */
} SeccompArg;

typedef struct SeccompCondition {
        char **caps, **arches; /* "CAP_SYS_ADMIN", "amd64" */
        char *min_kernel;      /* "4.8" */
} SeccompCondition;

typedef struct SeccompRule {
        char **names;
        char *name;   /* one more; Docker's format of old */
        char *action; /* "SCMP_ACT_ERRNO" */
        uint32_t errno_ret;
        bool has_errno_ret; /* 0 is an errno, too: the call is skipped and says that it worked */
        SeccompArg *args;   /* all must hold; two on one argument are alternatives, as in runc */
        size_t n_args;
        SeccompCondition *includes, *excludes;
} SeccompRule;

typedef struct SeccompArchMap {
        char *architecture; /* "SCMP_ARCH_X86_64" */
        char **sub;         /* its calls are let in as well */
} SeccompArchMap;

typedef struct SeccompRules {
        char *default_action;
        uint32_t default_errno_ret;
        bool has_default_errno_ret;
        char **architectures; /* besides the machine's own */
        SeccompArchMap *arch_map;
        size_t n_arch_map;
        char **flags; /* "SECCOMP_FILTER_FLAG_LOG"; NULL: SPEC_ALLOW, as runc */
        char *listener_path, *listener_metadata;
        SeccompRule *rules;
        size_t n_rules;
} SeccompRules;

/* Reads a profile in JSON; @place is how errors call it, such as its file name. */
int seccomp_rules_parse(const char *json, size_t size, const char *place, SeccompRules **ret,
                        Err *err);
SeccompRules *seccomp_rules_free(SeccompRules *rules);
DEFINE_AUTOPTR(SeccompRules, seccomp_rules_free)

/**
 * seccomp_rules_compile() - make a filter of rules
 * @caps:	CAP_* bits that the process will have, for Docker's conditions
 * @cache:	directory to keep filters in, or negative: see kernel/seccomp_cache.h
 *
 * Return: 0; -EINVAL for a word that is none, -EOPNOTSUPP for a flag this kernel lacks.
 */
int seccomp_rules_compile(const SeccompRules *rules, uint64_t caps, int cache, SeccompFilter **ret,
                          Err *err);

/* Puts a stub in front of the filter; @rules as far as they apply.  0 or -ENOMEM, -E2BIG. */
int seccomp_add_stub(const SeccompRules *rules, const uint32_t *arches, size_t n, SeccompFilter *f);

/* "SCMP_ARCH_X86_64" as libseccomp's token; 0 for one it does not know. */
uint32_t seccomp_arch_token(const char *name);

/* The words that are known, for `features`, in alphabetical order; NULL behind the last. */
const char *seccomp_action_name(size_t i);
const char *seccomp_operator_name(size_t i);
const char *seccomp_arch_name(size_t i);
/* @ret_supported: whether this kernel knows it, too */
const char *seccomp_flag_name(size_t i, bool *ret_supported);
