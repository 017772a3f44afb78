/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What a container may do: capabilities, system calls, hidden paths
 *
 * Defaults are at least as strong as Docker's and Podman's together: Podman's
 * capabilities, the union of the masked paths.  See docs/security.md.
 */

#include "engine/container.h"
#include "kernel/seccomp_rules.h"
#include "oci/spec.h"
#include "runtime/runtime.h"

typedef struct SecurityOptions {
        bool no_new_privileges;
        bool seccomp_unconfined;
        bool paths_unconfined;        /* systempaths=unconfined */
        bool compat32;                /* 32-bit system calls */
        bool strict;                  /* no_new_privs, Landlock, the strict system call filter */
        const char *seccomp_profile;  /* file, or NULL: the built-in one */
        const char *apparmor_profile; /* or NULL: whatever confines isola itself */
} SecurityOptions;

/* Reads --security-opt; -EINVAL for one that is not known, -EOPNOTSUPP for one this kernel lacks.
 */
int security_options(const HostConfig *host, SecurityOptions *ret, Err *err);

/* @user_is_root: others get an empty effective set by the change of user. */
int security_capabilities(const HostConfig *host, OciCapabilities **ret, Err *err);

/* Which system calls, and whom to ask about those that are left to an agent. */
typedef struct SecurityFilter {
        const SeccompFilter *filter; /* NULL: none (unconfined) */
        SeccompFilter *own;          /* that, if it is to be freed */
        SeccompRules *rules;         /* of the user's profile, or NULL */
        RuntimeAgent agent;          /* borrows from the rules; .id is the caller's to fill in */
} SecurityFilter;

/* The filter for these capabilities.  @cache: directory to keep compiled profiles in. */
int security_filter(const HostConfig *host, const OciCapabilities *caps, const char *cache,
                    SecurityFilter *ret, Err *err);
void security_filter_clear(SecurityFilter *f);

/* What --security-opt strict adds for this container's namespaces; NULL without it. */
const LandlockWalls *security_landlock(const HostConfig *host);

/* Warns of what an option asks for and this kernel gives only in part. */
void security_warn(const HostConfig *host);

/* What a container has without --cap-add and --cap-drop, CAP_* bits. */
uint64_t security_usual_caps(void);

extern const char *const security_masked_paths[], *const security_readonly_paths[];
