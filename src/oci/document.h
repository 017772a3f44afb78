/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Manifests, indexes and configs that nobody vouches for
 *
 * Reading decides what a document is and refuses what two readers could take for two things
 * (CVE-2021-41190): the media type inside must be the one it came with, and nothing may look like a
 * manifest and an index.  Every digest and size is checked before anybody makes a path or a request
 * of it.  Pure functions; store/describe.h runs them where they can do no harm.
 */

#include "oci/image.h"

#define OCI_LAYERS_MAX 500 /* fs/overlayfs/params.h: OVL_MAX_STACK */

typedef struct OciDocument {
        OciIndex *index; /* one of these two */
        OciManifest *manifest;
        OciImage *image; /* what document_read_config() found */
} OciDocument;

/**
 * document_read() - read an index or a manifest
 * @media_type:	what it came with, or NULL or "" if that says nothing
 *
 * Return: 0; -EINVAL for what is no such JSON; -EBADMSG for what is neither, or both; -ENOTSUP for
 * Docker's first schema.
 */
int document_read(const char *text, size_t size, const char *media_type, OciDocument *ret,
                  Err *err);

/**
 * document_read_config() - read an image's config
 * @n_layers:	how many layers its manifest has
 *
 * Return: 0; -EBADMSG if it does not describe so many layers; -ENOTSUP if it is no image's.
 */
int document_read_config(const char *text, size_t size, const char *media_type, size_t n_layers,
                         OciImage *ret, Err *err);

void document_clear(OciDocument *document);

/* The content that a descriptor brings along (image-spec, "data"), with a NUL behind it; new.
 * -EBADMSG if it is not what the descriptor says. */
int descriptor_data(const OciDescriptor *d, char **ret, Err *err);

/* Which of the media types this is; parameters ("; charset=…") do not count. */
bool media_type_is_index(const char *type);
bool media_type_is_manifest(const char *type);
bool media_type_is_config(const char *type);
/* A layer that registries keep, and one that must be fetched from elsewhere. */
bool media_type_is_layer(const char *type);
bool media_type_is_foreign(const char *type);
