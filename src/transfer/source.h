/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Where images are copied from: a registry, an OCI layout (directory or tar), what `docker save`
 * writes, or the store
 *
 * A source gives documents by their digests, and blobs as files: those of a registry are fetched
 * first, those of an archive are pieces of it, and layers that were built here are packed when they
 * are asked for.
 */

#include "base/home.h"
#include "transfer/document.h"
#include "transfer/pack.h"
#include "transfer/place.h"
#include "transfer/pull.h"

typedef struct Source Source;
Source *source_free(Source *source);
DEFINE_AUTOPTR(Source, source_free)

int source_open_registry(const Home *home, const char *name, const PlaceOptions *place,
                         Source **ret, Err *err);
/* @kind: "oci" for a directory, "oci-archive", "docker-archive"; NULL for an archive of any kind.
 */
int source_open_files(const Home *home, const char *kind, const char *path, Source **ret, Err *err);
/* The same for an archive that is open; stays the caller's. */
int source_open_archive(const Home *home, int archive, Source **ret, Err *err);
/* The image comes first, then its index, if that is asked for and whole. */
int source_open_store(const Home *home, const char *name, const PackOptions *how, Source **ret,
                      Err *err);

/* One image, or index, in a source. */
typedef struct SourceImage {
        OciDescriptor descriptor;
        char **names; /* as far as the source says */
} SourceImage;

/* What is in there; inside the source. */
const SourceImage *source_images(const Source *source, size_t *ret_n);

/**
 * source_find() - the image that is called so
 * @name:	reference or tag; NULL if there is only one
 */
int source_find(const Source *source, const char *name, const SourceImage **ret, Err *err);

/* The names that an image is to keep which was asked for as @asked: that one, or none for an id. */
int source_names_for(const SourceImage *image, const char *asked, char ***ret);

/* Checked by its digest. */
int source_document(Source *source, const OciDescriptor *d, Document *ret, Err *err);
int source_config(Source *source, const OciManifest *manifest, Document *ret, Err *err);

/* Whether bytes would have to be fetched or packed, so that it pays to ask who wants them. */
bool source_takes_work(const Source *source);
/* Has blobs fetched, where that is needed, all at once. */
int source_prepare(Source *source, const OciDescriptor *const *blobs, size_t n,
                   const Watcher *watcher, Err *err);

typedef struct BlobPlace {
        int file; /* the source's */
        int64_t offset, size;
} BlobPlace;

/* Where a blob's bytes are; not checked. */
int source_blob(Source *source, const OciDescriptor *d, BlobPlace *ret, Err *err);

/* Another repository of the same registry that may have the blobs, or NULL; inside the source. */
const char *source_mount_from(const Source *source, const char *registry, const char *repository);
