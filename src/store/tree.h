/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Filling a layer
 *
 * What a layer is filled with (an archive's entries, files of a build's
 * directory, another stage's files) is written by the sandboxed helper
 * isola-image, never by this process: it gets descriptors and nothing else,
 * its root directory is the tree to fill, and its users are a range of ids that
 * nobody else has.  See sandbox.h for how it is locked in.
 *
 * A path in a tree is resolved with the tree as its root: neither ".." nor a
 * symbolic link leads out.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/digest.h"
#include "base/err.h"

/*
 * The tree to fill: overlay of @lowers (absolute, topmost first) under @upper, with @work beside
 * it in the same directory.  Without lowers it is @upper itself and @work is unused.
 */
typedef struct TreeView {
        char *const *lowers;
        const char *upper, *work;
} TreeView;

typedef struct TreeReport {
        int64_t entries, bytes;
        int64_t devices; /* left out: a user namespace makes none, and a container has its own /dev
                          */
        int64_t strangers; /* entries whose owners this user namespace has not: they stay its root's
                            */
        int64_t attributes; /* extended attributes left out, as none of an image's business */
        char digest[DIGEST_LENGTH + 1]; /* of the tar, if it was asked for (layer_unpack.h) */
        int64_t size;                   /* of the tar */
} TreeReport;

typedef enum UnpackMode {
        UNPACK_FLAT,  /* a root file system: whiteouts hide nothing and are dropped */
        UNPACK_LAYER, /* a layer's tar: whiteouts become the overlay's; wants a view without lowers
                       */
        UNPACK_OVER,  /* the same on top of those already there, so that they become one layer */
        UNPACK_PLAIN, /* any archive, as ADD unpacks it: a name that begins with ".wh." is refused
                       */
} UnpackMode;

/**
 * tree_unpack() - unpack a tar archive into a tree
 * @archive:	plain, gzip, xz or zstd; read from where it stands, may be a pipe
 * @dest:	directory in the tree, made if missing
 * @max_bytes:	refuse more content than this; 0 for what the disk has room for
 *
 * Return: 0; -EBADMSG if it is no archive or damaged; -EFBIG, -ENOSPC; -EINVAL for an entry that
 * would be unsafe.  What was written until then stays: drop the draft.
 */
int tree_unpack(const TreeView *view, int archive, UnpackMode mode, const char *dest,
                int64_t max_bytes, TreeReport *ret, Err *err);

/*
 * One entry to copy, alone: a directory is made, not walked.  @to is below the destination; "" is
 * the destination itself, and where that is a directory, the source's last name in it.  One with a
 * content is a file that is only written here, 0644.
 */
typedef struct TreeItem {
        char *from, *to;
        char *content; /* or NULL */
} TreeItem;

typedef struct TreeCopy {
        /* Where from: a directory on this machine (owners are not kept), or another view. */
        const char *source_dir;
        char *const *source_lowers; /* topmost first; owners and attributes are kept */

        /*
         * What: entries one by one, as a context that .dockerignore has thinned out needs; or
         * patterns (*, ?, [set] in each part of a path), of whose matches a directory's contents
         * and a file itself go into the destination, as COPY has it.  With @parents the whole path
         * does, from a part "." on if there is one, and ** stands for any depth.
         */
        TreeItem *items;
        size_t n_items;
        char *const *patterns;
        bool parents;
        char *const *exclude; /* as in .dockerignore, on the paths below the destination */

        const char *dest; /* absolute path in the tree; missing directories are made */
        bool dest_is_dir; /* it was written with a slash at its end, or has several sources */
        const char
                *owner; /* "user[:group]", names looked up in the tree; NULL for 0:0 or as it was */
        const char *mode; /* --chmod, see store/filemode.h; NULL for as it was */
} TreeCopy;

/**
 * tree_copy() - copy files into a tree
 *
 * Without items and patterns it only makes the directory @dest.
 *
 * Return: 0; -ENOENT naming the source that is not there; -ENOTDIR, -EISDIR.
 */
int tree_copy(const TreeView *view, const TreeCopy *copy, TreeReport *ret, Err *err);
