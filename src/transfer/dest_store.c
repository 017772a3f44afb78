/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "store/image.h"
#include "transfer/dest_internal.h"

typedef struct StoreDest {
        Dest dest;
        const Home *home;
        int hold;
} StoreDest;

static void clear(Dest *dest) {
        StoreDest *d = (StoreDest *) dest;

        close_fd(d->hold);
        strv_free(dest->ids);
}

typedef struct Moving {
        const Watcher *watcher;
        Blob *blobs;
        size_t n;
} Moving;

static void tell(void *context) {
        const Moving *m = context;

        if (m->watcher->blobs)
                m->watcher->blobs(m->watcher->context, m->blobs, m->n);
}

/* Where each layer's bytes are; those of a registry have been fetched. */
static int place_blobs(const CopyJob *job, Blob *blobs, Err *err) {
        const OciManifest *m = job->manifest->said.manifest;
        autofree const OciDescriptor **list = calloc(m->n_layers + 1, sizeof *list);
        int r;

        if (!list)
                return fail(err, ENOMEM, "cannot copy");
        for (size_t i = 0; i < m->n_layers; i++)
                list[i] = &m->layers[i];
        r = source_prepare(job->source, list, m->n_layers, job->watcher, err);
        for (size_t i = 0; i < m->n_layers && r >= 0; i++) {
                BlobPlace place;

                r = source_blob(job->source, list[i], &place, err);
                if (r < 0)
                        return r;
                if (place.size != blobs[i].size)
                        return refuse(err, EBADMSG, "the layer '%s' has %lld bytes, not %lld",
                                      list[i]->digest, (long long) place.size,
                                      (long long) blobs[i].size);
                blobs[i].local = true;
                blobs[i].file = place.file;
                blobs[i].offset = place.offset;
        }
        return r;
}

static int put_document(Dest *dest, const Document *document, Err *err) {
        return pull_keep(((StoreDest *) dest)->home, document, err);
}

static int adopt(StoreDest *d, const Document *manifest, const CopyJob *job, char *const *names,
                 Err *err) {
        const Document *config = job->config;
        ImageAdoption adoption = { .manifest_digest = manifest->digest,
                                   .media_type = manifest->media_type,
                                   .manifest_size = (int64_t) manifest->size,
                                   .manifest = manifest->said.manifest,
                                   .config = config->said.image,
                                   .index = job->index ? job->index->digest : NULL,
                                   .names = names };
        autoptr(Image) image = NULL;
        autostrv chains = NULL;
        int r;

        if (layer_chain_ids(config->said.image->rootfs.diff_ids, &chains) < 0)
                return fail(err, ENOMEM, "cannot keep the image");
        adoption.layers = chains;
        r = pull_keep(d->home, config, err);
        if (r >= 0)
                r = pull_keep(d->home, manifest, err);
        if (r >= 0 && job->index)
                r = pull_keep(d->home, job->index, err);
        if (r >= 0)
                r = image_adopt(d->home, &adoption, &image, err);
        if (r >= 0 && !strv_has(d->dest.ids, image->id) && strv_add(&d->dest.ids, image->id) < 0)
                r = fail(err, ENOMEM, "cannot keep the image");
        return r;
}

static int put_image(Dest *dest, const CopyJob *job, Err *err) {
        StoreDest *d = (StoreDest *) dest;
        Moving moving = { .watcher = job->watcher };
        BlobMove move = { .home = d->home, .progress = tell, .context = &moving };
        autofree Blob *blobs = NULL;
        int r;

        if (!job->config->said.image)
                return refuse(err, ENOTSUP, "it is no image but an artifact of the type '%s'",
                              job->manifest->said.manifest->config.media_type);
        r = pull_plan(job->manifest->said.manifest, job->config->said.image, &blobs, err);
        if (r >= 0)
                r = place_blobs(job, blobs, err);
        if (r < 0)
                return r;
        move.blobs = moving.blobs = blobs;
        move.n = moving.n = job->manifest->said.manifest->n_layers;
        r = blobs_move(&move, err);
        if (job->watcher->done)
                job->watcher->done(job->watcher->context, blobs, move.n);
        return r < 0 ? r : adopt(d, job->manifest, job, NULL, err);
}

/* An index stands for the image of this machine's platform. */
static int name(Dest *dest, const Document *document, const CopyJob *last, char *const *names,
                Err *err) {
        if (!document->said.manifest)
                return refuse(err, ENOTSUP,
                              "the store keeps images, each for one platform: copy one of them");
        return adopt((StoreDest *) dest, document, last, names, err);
}

static const DestKind store_kind = {
        .clear = clear,
        .put_image = put_image,
        .put_document = put_document,
        .name = name,
};

int dest_open_store(const Home *home, Dest **ret, Err *err) {
        StoreDest *d = calloc(1, sizeof *d);
        autoptr(Dest) dest = d ? &d->dest : NULL;

        if (!d)
                return fail(err, ENOMEM, "cannot use the store");
        d->dest.kind = &store_kind;
        d->home = home;
        d->hold = -EBADF;
        if (dir_make(home->data_fd, "images", 0700) < 0)
                return fail(err, EIO, "cannot use '%s/images'", home->data);
        d->hold = image_hold(home);
        if (d->hold < 0)
                return fail(err, d->hold, "cannot hold the images");
        *ret = take_ptr(dest);
        return 0;
}
