/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Who the user's program runs as
 *
 * Names are looked up in the container's own /etc/passwd and /etc/group, by a
 * parser of ours: libc's would load code from the container, and read without
 * limits.  A number is always an id, never a name (CVE-2016-3697).
 */

#include <stdbool.h>
#include <sys/types.h>

#include "kernel/landlock.h"
#include "kernel/seccomp.h"
#include "oci/spec.h"

typedef struct Identity {
        uid_t uid;
        gid_t gid;
        gid_t *groups; /* supplementary */
        size_t n_groups;
        bool groups_asked; /* the user said some, beside what the image has */
        char *home;        /* NULL if the user is unknown */
} Identity;

/**
 * identity_find() - work out who to be
 * @root:	the container's "/"
 * @user:	from the specification; its groups are added to those found
 * @name:	"name", "uid", "name:group", "uid:gid", … or NULL for @user as it is
 */
int identity_find(int root, const OciUser *user, const char *name, Identity *ret, Err *err);
void identity_clear(Identity *identity);

typedef struct IdentityLimits {
        const OciCapabilities *capabilities; /* NULL: none */
        bool all_capabilities;               /* instead */
        bool no_new_privileges;
        bool keep_groups; /* supplementary groups stay as they are */
        const SeccompFilter *seccomp;
        int sync; /* where its listener goes, with the word, if it has one */
        char listener_word;
        const LandlockWalls *landlock; /* NULL: none */
} IdentityLimits;

/*
 * Becomes that user, for good: groups, ids, capabilities, no_new_privs, system
 * call filter.  Afterwards the process can do no more than execute the program.
 * The calling process is root of its user namespace with all capabilities.
 */
int identity_become(const Identity *identity, const IdentityLimits *limits, Err *err);

/* Becomes root of the user namespace that the process is in, and leaves the supplementary groups of
 * outside unless they are kept. */
int identity_become_root(bool keep_groups, Err *err);

/* Whether the annotation run.oci.keep_original_groups asks for it (crun's, podman's keep-groups).
 */
bool identity_keeps_groups(const OciSpec *spec);

/* Gives pipes among descriptors 0 to 2 to the user, so that it can open /dev/stdout. */
void identity_own_streams(const Identity *identity);
