/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A destination from inside: each kind is one of these tables and its own struct around Dest. */

#include "transfer/dest.h"

typedef struct DestKind {
        void (*clear)(Dest *dest);
        int (*put_image)(Dest *dest, const CopyJob *job, Err *err);
        int (*put_document)(Dest *dest, const Document *document, Err *err);
        int (*name)(Dest *dest, const Document *document, const CopyJob *last, char *const *names,
                    Err *err);
        int (*finish)(Dest *dest, Err *err);
} DestKind;

/* First member of each kind's struct. */
struct Dest {
        const DestKind *kind;
        char **ids;
};

/* What an image is made of, each once, its config last; the array is new. */
int dest_blobs(const CopyJob *job, const OciDescriptor ***ret, size_t *ret_n, Err *err);
