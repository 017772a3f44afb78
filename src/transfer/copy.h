/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Copying images, whole or one platform's, byte for byte. */

#include "transfer/dest.h"

typedef struct CopyOptions {
        const char *platform;     /* NULL: this machine's */
        bool all_platforms;       /* the index itself and all that it names */
        char *const *annotations; /* of the entry that names it, where that is a layout; or NULL */
        Watcher watcher;
} CopyOptions;

/**
 * copy_image() - copy one image of a source
 * @names:	what it is to be called there
 * @ret_digest:	of what the names stand for
 */
int copy_image(Source *source, const SourceImage *image, Dest *dest, char *const *names,
               const CopyOptions *options, char ret_digest[DIGEST_LENGTH + 1], Err *err);
