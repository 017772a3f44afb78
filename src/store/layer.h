/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Layers: what one step changed
 *
 * A layer is a directory $DATA/layers/<chain-id>/ with diff/ (the files, as an
 * overlay's upper directory leaves them: whiteouts are 0:0 character devices,
 * opaque directories carry user.overlay.opaque) and layer.json.  Owners on disk
 * are those inside the container.  It is made in a draft directory, hashed,
 * synced and then renamed into place; from then on it never changes.
 *
 * The diff id is the digest of the tar that store/tar_write makes of diff/: the
 * same files give the same bytes on every machine.
 */

#include <stdint.h>

#include "base/digest.h"
#include "base/home.h"
#include "store/tar_write.h"

typedef struct Layer {
        char chain_id[DIGEST_LENGTH + 1]; /* image-spec config.md, "Layer ChainID" */
        char diff_id[DIGEST_LENGTH + 1];
        int64_t size;   /* of the uncompressed tar */
        int64_t latest; /* its files' times are written no later than this, see tar_write() */
        char *diff;     /* absolute path of diff/ */
        char blob[DIGEST_LENGTH + 1]; /* where its tar is, if that was not made here; else "" */
} Layer;

Layer *layer_free(Layer *layer);
DEFINE_AUTOPTR(Layer, layer_free)

/* A layer in the making.  Freeing one that was not committed removes its directory. */
typedef struct LayerDraft {
        char *path; /* absolute, $DATA/layers/.draft-<random> */
        char *diff; /* <path>/diff: the upper directory, 0755 root:root */
        char *work; /* <path>/work: for an overlay mount */
        int lock;   /* held while the draft lives, so that others can tell a dead one */
        const Home *home;
} LayerDraft;

int layer_draft(const Home *home, LayerDraft **ret, Err *err);
LayerDraft *layer_draft_free(LayerDraft *draft);
DEFINE_AUTOPTR(LayerDraft, layer_draft_free)

/*
 * Hashes the draft and renames it into place above the chain @parent (NULL for a first
 * layer).  If the same layer is there already, the draft is dropped for it.  Either way
 * @draft is of no use afterwards and only waits to be freed.
 *
 * The layer is synced when an image first names it, once for all of its new layers;
 * until then layer_load() finds it only in the boot that made it.
 */
int layer_commit(LayerDraft *draft, const char *parent, Layer **ret, Err *err);

/*
 * The same for a layer that was unpacked from somebody's tar, whose digest and size are these: it
 * is not hashed anew, and the tar, which layer_write_tar() cannot make again, is blob @blob of the
 * image layout, as it came.
 */
int layer_commit_unpacked(LayerDraft *draft, const char *parent, const char *diff_id, int64_t size,
                          const char *blob, Layer **ret, Err *err);
/**
 * layer_relink() - the layer with the same files above another one
 * @parent:	chain id below; NULL for none
 *
 * Only for a layer that depends on nothing below it.  Takes the one that is there, or makes it out
 * of hard links to the files, which no layer's owner may change.
 *
 * Return: 0; negative errno, such as -EMLINK where a file has all the names it can have.
 */
int layer_relink(const Home *home, const Layer *layer, const char *parent, Layer **ret, Err *err);
/* -ENOENT if there is none. */
int layer_load(const Home *home, const char *chain_id, Layer **ret, Err *err);

/* Syncs the file system that holds the layers and then marks those of @chain_ids as lasting. */
int layer_make_durable(const Home *home, char *const *chain_ids, Err *err);
/* Whether all are there and marked so. */
bool layers_are_durable(const Home *home, char *const *chain_ids);
/* Takes away the name of a layer that nothing needs any more; 0 also if there is none. */
int layer_bury(const Home *home, const char *chain_id, Err *err);
/* Removes buried layers and the drafts of the dead. */
void layer_remove_dead(const Home *home);
/* The digest and size of a directory's canonical tar. */
int layer_digest(const char *diff, int64_t latest, char ret[DIGEST_LENGTH + 1], int64_t *ret_size,
                 Err *err);
/* Writes its canonical tar, which has the digest diff_id; -EOPNOTSUPP if the tar is a blob. */
int layer_write_tar(const Layer *layer, TarSink sink, void *context, Err *err);

/**
 * layer_open_tar() - the same as a stream that a process of ours writes
 * @userns:	whose ids are to be in the tar, or -EBADF: ours
 * @ret_pidfd:	of that process, for process_kill_and_reap() once the stream is read
 *
 * Return: the pipe to read from, owned by the caller; negative errno.
 */
int layer_open_tar(const Layer *layer, int userns, int *ret_pidfd, Err *err);

/* Writes chain id of @diff_id above @parent (NULL for the first). */
void layer_chain_id(const char *parent, const char *diff_id, char ret[DIGEST_LENGTH + 1]);
/* The chain ids of layers with these diff ids, lowest first, which are valid digests. */
int layer_chain_ids(char *const *diff_ids, char ***ret);
