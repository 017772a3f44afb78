/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A source from inside; for the files that open them. */

#include "transfer/pack.h"
#include "transfer/source.h"

/* A blob that lies in a file of its own, or in a piece of an archive that is not called by its
 * digest. */
typedef struct KnownPlace {
        char digest[DIGEST_LENGTH + 1];
        int file; /* owned if @path is set */
        int64_t offset, size;
        char *path;     /* a scratch file below $DATA, removed in the end */
        char *chain_id; /* of a layer that is packed when the bytes are asked for; then NULL */
} KnownPlace;

struct Source {
        const Home *home;
        SourceImage *images;
        size_t n_images;
        KnownPlace *known;
        size_t n_known;
        PackOptions promised; /* how those are packed that are not yet */

        /* A registry. */
        Remote *remote;
        char *registry, *repository;

        /* A directory, or an archive and what is in it. */
        int dir, archive;
        bool flat; /* the directory's files are called by their digests' digits: skopeo's "dir:" */
        Description files;
        int *opened; /* of the directory */
        size_t n_opened;

        /* Documents that are in no file: a manifest made here. */
        Document *made;
        size_t n_made;

        char **mounts; /* "registry/repository": where the blobs are known to be */
};

Source *source_new(const Home *home);
int source_add_image(Source *s, const OciDescriptor *d, char *const *names, Err *err);
int source_add_place(Source *s, const char *digest, int file, int64_t offset, int64_t size,
                     const char *path, Err *err);
/* The same for a layer whose packed digest and size are known, but that is not packed yet. */
int source_add_promise(Source *s, const char *digest, int64_t size, const char *chain_id, Err *err);
/* Packs it; what comes out must be what was promised. */
int source_keep_promise(Source *s, KnownPlace *place, Err *err);
/* Takes a document over that was made here; Return: its size. */
int64_t source_add_made(Source *s, char *text, const char *media_type,
                        char ret_digest[DIGEST_LENGTH + 1], Err *err);

/* A file by its name in the directory or archive; -ENOENT without words. */
int source_open_name(Source *s, const char *name, BlobPlace *ret);
/* Its contents, up to 16 MiB; -ENOENT without words. */
int source_read_name(Source *s, const char *name, char **ret, size_t *ret_size, Err *err);
