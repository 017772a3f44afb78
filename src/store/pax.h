/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* PAX extended header records (pax(1)): "LENGTH key=value\n", one after the other. */

#include <stddef.h>

#include "store/tar_read.h"

enum { PAX_UID = 1, PAX_GID = 2, PAX_SIZE = 4, PAX_MTIME = 8 };

typedef struct Pax {
        int has;           /* PAX_* */
        char *path, *link; /* NULL where not said */
        int64_t uid, gid, size;
        struct timespec mtime;
        TarXattr *xattrs;
        size_t n_xattrs;
} Pax;

/* Adds the records of one header; -EBADMSG, -ENOTSUP for a sparse file's, -ENOMEM. */
int pax_parse(Pax *pax, const char *text, size_t size);
void pax_clear(Pax *pax);
