/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Mount options
 *
 * The words of runtime-spec 1.3 ("config.md", mounts), those it says that a
 * runtime must know, should know and may know, and those that only one of runc
 * and crun knows, in one table.  For a file system that is mounted new, a word
 * that is not in the table is the file system's own.  "tryidmap" is ours: "idmap"
 * where the file system can do it (tmpfs cannot before Linux 6.3), for files that
 * need no more than be read.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "kernel/idmap.h"
#include "kernel/mount.h"
#include "oci/spec.h"

/* Owners on disk and what they become. */
typedef struct MountIdRange {
        int64_t on_disk, becomes, count;
        bool inside; /* what they become is an id of the container's, not of the machine's */
} MountIdRange;

/* From uidMappings and gidMappings, or "idmap=uids=…;gids=…". */
typedef struct MountIds {
        MountIdRange *uids, *gids;
        size_t n_uids, n_gids;
} MountIds;

typedef struct MountOptions {
        MountAttr attr;  /* of the mount itself; propagation 0 unless said */
        MountAttr below; /* of it and all mounts below */
        bool bind, recursive;
        bool idmap;         /* owners are mapped: as ids say, else as the container's ids are */
        bool idmap_below;   /* so are those of the mounts below ("ridmap") */
        bool try_idmap;     /* or, where the file system cannot, left to nobody */
        MountIds ids;       /* of a kind without ranges: the container's */
        bool remount;       /* changes what is mounted there already */
        bool copy_up;       /* "tmpcopyup" */
        bool copy_symlink;  /* a source that is a link is made again, not mounted */
        bool source_itself; /* "src-nofollow": a source that is a link is mounted */
        bool target_itself; /* "dest-nofollow": a target that is a link is covered */
        char **fs;          /* what the file system itself is told */
} MountOptions;

/*
 * Return: 0; -EINVAL with a sentence for a word that a bind mount does not know, or that
 * contradicts the mount.  @ret is cleared by mount_options_clear().
 */
int mount_options_parse(const OciMount *mount, MountOptions *ret, Err *err);
void mount_options_clear(MountOptions *options);

/* Reads a word like "rslave" into MS_* and whether it is meant for all mounts below; false if it
 * is none. */
bool mount_propagation(const char *word, uint64_t *ret, bool *ret_recursive);

/* The words that are known, for `features`, without our own; NULL at the end, in alphabetical
 * order. */
const char *mount_option_name(size_t i);
