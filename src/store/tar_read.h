/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Reading tar archives that nobody vouches for
 *
 * Understands ustar, old (v7) and GNU headers, GNU long names and base-256
 * numbers, and PAX records (path, linkpath, size, mtime, uid, gid,
 * SCHILY.xattr.*, LIBARCHIVE.xattr.*).  Sparse files, multi-volume archives and
 * unknown types are refused by name.  Everything is bounded: names 4096 bytes,
 * PAX records 1 MiB an entry, ten million entries.  An archive must end with
 * its end mark and nothing but zeros may follow it: what was cut short, or glued
 * together, is not taken for whole.
 *
 * Errors say which entry and at which offset.  Needs no privilege and touches
 * no file: bytes come from a callback.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "base/err.h"

#define TAR_NAME_MAX    4096
#define TAR_PAX_MAX     (1u << 20)
#define TAR_ENTRIES_MAX 10000000

/* Gives @n bytes, fewer only at the end; a speaking function. */
typedef ssize_t (*TarSource)(void *context, void *buffer, size_t n, Err *err);

typedef struct TarXattr {
        char *name; /* "user.x" */
        void *value;
        size_t size;
} TarXattr;

typedef struct TarEntry {
        char *name; /* as in the archive: not yet safe */
        char *link; /* target of a symbolic or hard link, else "" */
        char type;  /* TAR_FILE, TAR_HARDLINK, … */
        mode_t mode;
        int64_t uid, gid;
        int64_t size;
        struct timespec mtime;
        TarXattr *xattrs;
        size_t n_xattrs;
        int64_t offset;   /* of its header */
        int64_t contents; /* of what follows that */
} TarEntry;

typedef struct TarReader TarReader;

int tar_reader_new(TarSource source, void *context, TarReader **ret, Err *err);
TarReader *tar_reader_free(TarReader *reader);
/* Goes @n bytes further without reading them; for sources that can. */
typedef int (*TarSkip)(void *context, int64_t n, Err *err);
void tar_reader_set_skip(TarReader *reader, TarSkip skip);

/**
 * tar_next() - go to the next entry
 * @ret:	the reader's, until the next call
 *
 * Return: 1; 0 at the end; -EBADMSG for what is no tar or damaged; -EINVAL for what is refused.
 */
int tar_next(TarReader *reader, const TarEntry **ret, Err *err);

/* Reads contents of the present entry: fewer than @n bytes only at its end. */
ssize_t tar_read(TarReader *reader, void *buffer, size_t n, Err *err);

static inline void TarReader_auto(TarReader **reader) {
        *reader = tar_reader_free(*reader);
}
