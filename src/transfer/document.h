/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Manifests, indexes and configs on their way: the bytes, whose digest is known, and what they say.
 */

#include "base/digest.h"
#include "store/describe.h"
#include "transfer/remote.h"

typedef struct Document {
        char *text;
        size_t size;
        char *media_type;
        char digest[DIGEST_LENGTH + 1]; /* of the bytes, computed here */
        Description said;
} Document;

void document_free(Document *document);
#define autodocument __attribute__((__cleanup__(document_free))) Document

/* Takes bytes over (also on failure), hashes them, has them described; @media_type may be NULL. */
int document_take(Document *document, char *text, size_t size, const char *media_type, Err *err);

/**
 * document_fetch() - a manifest or index from a registry
 * @reference:	tag or digest; what a digest names must have it
 */
int document_fetch(Remote *remote, const char *repository, const char *reference, Document *ret,
                   Err *err);
/* A config, which must be what the descriptor says. */
int document_fetch_config(Remote *remote, const char *repository, const OciDescriptor *d,
                          size_t n_layers, Document *ret, Err *err);

/* Gets what an entry of an index names, checked. */
typedef int (*DocumentGet)(void *context, const OciDescriptor *d, Document *ret, Err *err);

/**
 * document_choose() - the manifest for a platform
 * @index:	indexes that it names are looked into as well
 * @name:	for the error, which lists what there is
 */
int document_choose(const OciIndex *index, const OciPlatform *want, const char *name,
                    DocumentGet get, void *context, Document *ret, Err *err);

/* Has what a descriptor names checked: size and digest of what came. */
int document_check(const Document *document, const char *digest, int64_t size, const char *what,
                   Err *err);
