/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Where images are copied to: a registry, an OCI layout (directory or tar that `docker load` takes
 * as well), or the store
 */

#include "transfer/source.h"

typedef struct Dest Dest;
Dest *dest_free(Dest *dest);
DEFINE_AUTOPTR(Dest, dest_free)

/* @name: where it goes; what the manifest is pushed as. */
int dest_open_registry(const char *name, const PlaceOptions *place, Dest **ret, Err *err);
/* A directory, made where it is missing. */
int dest_open_dir(const char *path, Dest **ret, Err *err);
/* The same in the shape of skopeo's "dir:", for one image or index without a name. */
int dest_open_flat_dir(const char *path, Dest **ret, Err *err);
/* A tar, written to @file, which stays the caller's, and may be a pipe. */
int dest_open_archive(int file, Dest **ret, Err *err);
/* The store; layers are unpacked. */
int dest_open_store(const Home *home, Dest **ret, Err *err);

/* One image on its way: its manifest, which is known to the source, and its config. */
typedef struct CopyJob {
        Source *source;
        const Document *manifest, *config;
        const Document *index; /* that it was chosen from, or NULL */
        const Watcher *watcher;
        char *const *names;       /* references it is to get */
        char *const *annotations; /* of its entry in a layout's index; or NULL */
} CopyJob;

/* Brings what an image is made of, but not its name. */
int dest_put_image(Dest *dest, const CopyJob *job, Err *err);
/* Puts a manifest or index that nobody will ask for by name. */
int dest_put_document(Dest *dest, const Document *document, Err *err);
/* Gives names to what was put. */
int dest_name(Dest *dest, const Document *document, const CopyJob *last, char *const *names,
              Err *err);
/* Nothing more will come: an archive gets its index and end. */
int dest_finish(Dest *dest, Err *err);

/* Of the store: the ids of the images that it got; inside the dest. */
char *const *dest_ids(const Dest *dest);
