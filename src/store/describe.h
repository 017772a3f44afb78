/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Reading documents that nobody vouches for
 *
 * What comes out of a registry or an archive is read by isola-image, in a sandbox with an empty
 * root and no network (sandbox.h); what comes back is our own record of it, checked
 * (oci/document.h).
 */

#include "oci/document.h"

/* One file of an archive: where its contents lie. */
typedef struct ArchiveItem {
        char *name; /* clean: "a/b" */
        char *link; /* what it is a link to, clean, or NULL */
        int64_t offset, size;
} ArchiveItem;

/* One image in what `docker save` writes: manifest.json. */
typedef struct DockerImage {
        char *config; /* names in the archive, clean */
        char **layers;
        char **tags;
} DockerImage;

/* One step of a build cache: what it came to. */
typedef struct CacheStep {
        char *key, *created; /* digest; RFC 3339 */
        char *diff_id;       /* of the layer that it made; NULL if it changed nothing */
        int64_t layer;       /* which of the manifest's layers that is */
} CacheStep;

/*
 * A build cache as registries keep it: {"version": 1, "steps": [{"key", "created", "diffId",
 * "layer"}]}
 */
typedef struct CacheList {
        int version;
        CacheStep *steps;
        size_t n_steps;
} CacheList;

#define CACHE_LIST_VERSION 1
extern const JsonType cache_list_type;

/* The helper's answer. */
typedef struct Description {
        OciIndex *index;
        OciManifest *manifest;
        OciImage *image;
        ArchiveItem *items;
        size_t n_items;
        DockerImage *images;
        size_t n_images;
        CacheStep *steps;
        size_t n_steps;
} Description;

extern const JsonType description_type;

void description_clear(Description *d);
#define autodescription __attribute__((__cleanup__(description_clear))) Description

/* A manifest or an index, as document_read(). */
int describe_document(const char *text, size_t size, const char *media_type, Description *ret,
                      Err *err);
/* An image's config, as document_read_config(). */
int describe_config(const char *text, size_t size, const char *media_type, size_t n_layers,
                    Description *ret, Err *err);
/* The files of a tar archive that is not compressed; the file must be one that can be read
 * anywhere. */
int describe_archive(int archive, Description *ret, Err *err);
/* A manifest.json of `docker save`. */
int describe_docker(const char *text, size_t size, Description *ret, Err *err);

/* A build cache; @n_layers: of the manifest it belongs to. */
int describe_cache(const char *text, size_t size, size_t n_layers, Description *ret, Err *err);

/* In the helper. */
int describe_read(const char *kind, int fd, const char *media_type, size_t n_layers,
                  Description *ret, Err *err);
/* manifest.json into @ret->images; names are cleaned, none leads out. */
int describe_read_docker(const char *text, size_t size, Description *ret, Err *err);
