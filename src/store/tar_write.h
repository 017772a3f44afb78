/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The canonical tar of a layer
 *
 * The same tree gives the same bytes on every machine: entries in bytewise
 * order directory by directory (a directory before its contents, its opaque
 * mark and whiteouts before the rest), ustar headers, PAX only for what ustar
 * cannot say, whole seconds, numeric owners without names, the first of several
 * hard links as the file.  The root itself is an entry only if it is not
 * root's with mode 0755.
 *
 * The tree is an overlay's upper directory: a 0:0 character device becomes
 * ".wh.NAME", user.overlay.opaque ".wh..wh..opq".  Extended attributes kept are
 * user.*, security.capability and system.posix_acl_*; sockets are left out, as
 * tar has no word for them.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Takes the next @n bytes of the archive; a negative errno ends the writing. */
typedef int (*TarSink)(void *context, const void *bytes, size_t n);

#define TAR_NO_CLAMP INT64_MAX

/**
 * tar_write() - write a tree as a layer's tar
 * @root:	open directory
 * @latest:	later modification times become this one (seconds), or TAR_NO_CLAMP
 */
int tar_write(int root, int64_t latest, TarSink sink, void *context, Err *err);

/**
 * tar_write_plain() - write files as they are, in no layer
 * @dir:	open directory
 * @entry:	one of its entries, which may be a directory; NULL: the directory itself as "./"
 *
 * Of the kernel's own file systems (/proc, /sys) there is only the directory.
 */
int tar_write_plain(int dir, const char *entry, TarSink sink, void *context, Err *err);

/* What SOURCE_DATE_EPOCH says, or TAR_NO_CLAMP; -EINVAL for one that is no number. */
int source_date_epoch(int64_t *ret, Err *err);

#define TAR_HEADER_SIZE 512

/*
 * Header of a plain file of root's with mode 0644 and time 0, for an archive that is written entry
 * by entry; @name: at most 100 bytes.
 */
void tar_file_header(const char *name, int64_t size, char ret[TAR_HEADER_SIZE]);
