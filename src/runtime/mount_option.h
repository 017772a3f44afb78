/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Mount options
 *
 * The words of runtime-spec 1.3 ("config-linux.md", mounts), those it says that
 * a runtime must know, should know and may know, in one table.  For a file
 * system that is mounted new, a word that is not in the table is the file
 * system's own.  "tryidmap" is ours: "idmap" where the file system can do it
 * (tmpfs cannot before Linux 6.3), for files that need no more than be read.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "kernel/mount.h"
#include "oci/spec.h"

typedef struct MountOptions {
        MountAttr attr;  /* of the mount itself; propagation MS_PRIVATE unless said otherwise */
        MountAttr below; /* of it and all mounts below */
        bool bind, recursive;
        bool idmap;     /* owners are mapped as the container's ids are */
        bool try_idmap; /* or, where the file system cannot, left to nobody */
        bool copy_up;
        char **fs; /* what the file system itself is told */
} MountOptions;

int mount_options_parse(const OciMount *mount, MountOptions *ret, Err *err);
void mount_options_clear(MountOptions *options);

/* The words that are known, for `features`; NULL-terminated, static order. */
const char *mount_option_name(size_t i);
