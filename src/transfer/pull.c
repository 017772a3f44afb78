/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <string.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "oci/platform.h"
#include "oci/reference.h"
#include "store/layout.h"
#include "transfer/ingest.h"
#include "transfer/pull.h"

typedef struct Pull {
        const Home *home;
        const PullOptions *options;
        Reference *ref;
        char *registry, *repository;
        Remote *remote;
        OciPlatform platform;
        Document top; /* what the name stands for */
        const Blob *blobs;
        size_t n_blobs;
} Pull;

static void pull_clear(Pull *p) {
        reference_free(p->ref);
        free(p->registry);
        free(p->repository);
        remote_free(p->remote);
        platform_clear(&p->platform);
        document_free(&p->top);
}

int pull_plan(const OciManifest *manifest, const OciImage *config, Blob **ret, Err *err) {
        autofree Blob *blobs = calloc(manifest->n_layers + 1, sizeof *blobs);
        char chain[DIGEST_LENGTH + 1] = "";

        if (!blobs)
                return fail(err, ENOMEM, "cannot plan the layers");
        for (size_t i = 0; i < manifest->n_layers; i++) {
                const OciDescriptor *d = &manifest->layers[i];
                Blob *b = &blobs[i];

                if (!media_type_is_layer(d->media_type))
                        return refuse(err, ENOTSUP, "a layer is of the unknown type '%s'",
                                      d->media_type);
                memcpy(b->digest, d->digest, sizeof b->digest);
                memcpy(b->parent, chain, sizeof b->parent);
                b->size = d->size;
                b->media_type = d->media_type;
                b->urls = media_type_is_foreign(d->media_type) ? d->urls : NULL;
                b->diff_id = config->rootfs.diff_ids[i];
                layer_chain_id(chain, b->diff_id, chain);
        }
        *ret = take_ptr(blobs);
        return 0;
}

int pull_keep(const Home *home, const Document *document, Err *err) {
        return layout_put_blob(home, document->text, document->size, document->digest, err);
}

static int prepare(Pull *p, const char *name, Err *err) {
        int r = reference_parse(name, &p->ref, err);

        if (r < 0)
                return r;
        if (reference_split(p->ref, &p->registry, &p->repository) < 0)
                return fail(err, ENOMEM, "cannot pull");
        if (p->options->platform)
                r = platform_parse(p->options->platform, &p->platform, err);
        else if (platform_here(&p->platform) < 0)
                r = fail(err, ENOMEM, "cannot pull");
        return r;
}

static void tell_blobs(void *context) {
        const Pull *p = context;

        p->options->watcher.blobs(p->options->watcher.context, p->blobs, p->n_blobs);
}

static int move_layers(Pull *p, Blob *blobs, size_t n, Err *err) {
        const Watcher *w = &p->options->watcher;
        const BlobMove move = { .home = p->home,
                                .remote = p->remote,
                                .repository = p->repository,
                                .blobs = blobs,
                                .n = n,
                                .progress = w->blobs ? tell_blobs : NULL,
                                .context = p };
        int r;

        p->blobs = blobs;
        p->n_blobs = n;
        r = blobs_move(&move, err);
        if (w->done)
                w->done(w->context, blobs, n);
        return r;
}

/* What the image may be called by besides its names. */
static char *repo_digest(const Pull *p) {
        return str_format("%s@%s", p->ref->name, p->top.digest);
}

/* Whether the name stands for this machine's image of the same index, and this is another's. */
static bool is_part(const Pull *p, const char *name, const OciImage *config) {
        const OciPlatform platform = { .os = config->os,
                                       .architecture = config->architecture,
                                       .variant = config->variant };
        OciPlatform here = {};
        bool foreign;

        if (!p->top.said.index || platform_here(&here) < 0)
                return false;
        foreign = platform_match(&here, &platform) == 0;
        platform_clear(&here);
        return foreign && image_serves(p->home, name, p->top.digest);
}

static int adopt(Pull *p, const Document *manifest, const Document *config, bool named, Image **ret,
                 Err *err) {
        autofree char *name = p->ref->tag ? str_format("%s:%s", p->ref->name, p->ref->tag) : NULL;
        autofree char *digest = repo_digest(p);
        char *const names[] = { name, NULL };
        autostrv chains = NULL;
        ImageAdoption adoption = { .manifest_digest = manifest->digest,
                                   .media_type = manifest->media_type,
                                   .manifest_size = (int64_t) manifest->size,
                                   .manifest = manifest->said.manifest,
                                   .config = config->said.image,
                                   .index = p->top.said.index ? p->top.digest : NULL,
                                   .repo_digest = digest };
        int r;

        if ((p->ref->tag && !name) || !digest ||
            layer_chain_ids(config->said.image->rootfs.diff_ids, &chains) < 0)
                return fail(err, ENOMEM, "cannot name the image");
        adoption.layers = chains;
        /* A name with a digest is kept by the digest alone, as Docker does; another platform's
         * image is a part of what the name stands for. */
        if (named && !p->ref->digest && !(name && is_part(p, name, config->said.image)))
                adoption.names = names;
        r = pull_keep(p->home, config, err);
        if (r >= 0)
                r = pull_keep(p->home, manifest, err);
        if (r >= 0 && p->top.said.index)
                r = pull_keep(p->home, &p->top, err);
        fault_point("pull.kept");
        return r < 0 ? r : image_adopt(p->home, &adoption, ret, err);
}

/* One image: config, layers, name. */
static int pull_manifest(Pull *p, const Document *manifest, bool named, Image **ret, Err *err) {
        const OciManifest *m = manifest->said.manifest;
        autofree Blob *blobs = NULL;
        autodocument config = {};
        int r;

        if (!media_type_is_config(m->config.media_type))
                return err_hint(
                        err,
                        refuse(err, ENOTSUP, "'%s' is no image but an artifact of the type '%s'",
                               p->ref->name,
                               !str_empty(m->artifact_type) ? m->artifact_type
                                                            : m->config.media_type),
                        "'isola image copy docker://%s oci:DIRECTORY' gets it", p->ref->name);
        r = document_fetch_config(p->remote, p->repository, &m->config, m->n_layers, &config, err);
        if (r >= 0)
                r = pull_plan(m, config.said.image, &blobs, err);
        if (r >= 0)
                r = move_layers(p, blobs, m->n_layers, err);
        fault_point("pull.layers");
        return r < 0 ? r : adopt(p, manifest, &config, named, ret, err);
}

static int get_entry(void *context, const OciDescriptor *d, Document *ret, Err *err) {
        Pull *p = context;
        int r = document_fetch(p->remote, p->repository, d->digest, ret, err);

        return r < 0 ? r : document_check(ret, d->digest, d->size, "manifest", err);
}

/* The others have no name, but are kept with the index that names them. */
static int pull_others(Pull *p, const char *chosen, Err *err) {
        const OciIndex *index = p->top.said.index;

        for (size_t i = 0; i < index->n_manifests; i++) {
                const OciDescriptor *d = &index->manifests[i];
                autodocument manifest = {};
                autoptr(Image) other = NULL;
                int r;

                if (str_equal(d->digest, chosen) || !platform_is_real(d) ||
                    !(media_type_is_manifest(d->media_type) || media_type_is_index(d->media_type)))
                        continue;
                r = get_entry(p, d, &manifest, err);
                if (r >= 0 && !manifest.said.manifest)
                        r = err_hint(err,
                                     refuse(err, EOPNOTSUPP,
                                            "the index names another index, %s, and isola keeps "
                                            "no such tree",
                                            d->digest),
                                     "pull one platform, or 'isola image copy --all-platforms' it");
                if (r >= 0)
                        r = pull_manifest(p, &manifest, false, &other, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int pull_top(Pull *p, Image **ret, Err *err) {
        const OciIndex *index = p->top.said.index;
        autodocument chosen = {};
        int r;

        if (!index)
                return pull_manifest(p, &p->top, true, ret, err);
        r = document_choose(index, &p->platform, p->ref->name, get_entry, p, &chosen, err);
        if (r >= 0 && p->options->all_platforms)
                r = pull_others(p, chosen.digest, err);
        return r < 0 ? r : pull_manifest(p, &chosen, true, ret, err);
}

static void warn_of_platform(const Pull *p, const Image *image) {
        const OciPlatform have = { .os = image->config.os,
                                   .architecture = image->config.architecture,
                                   .variant = image->config.variant };
        autofree char *wanted = platform_text(&p->platform), *found = platform_text(&have);

        if (platform_match(&p->platform, &have) == 0 && wanted && found)
                log_warn("the image is for %s, not for %s", found, wanted);
}

/* What the name means here before. */
static bool is_new(const Pull *p, const Image *image, const char *before) {
        return !str_equal(before, image->manifest_digest);
}

static int run(Pull *p, Image **ret, bool *ret_new, Err *err) {
        const char *reference = p->ref->digest ? p->ref->digest : p->ref->tag;
        autofree char *text = reference_text(p->ref);
        autofree char *what = str_format("%s: Pulling from %s", reference, p->repository);
        autoptr(Image) before = NULL;
        autoclose int hold = -EBADF;
        int r;

        if (!text || !what)
                return fail(err, ENOMEM, "cannot pull");
        if (dir_make(p->home->data_fd, "images", 0700) < 0)
                return fail(err, EIO, "cannot use '%s/images'", p->home->data);
        /* Layers that no image names yet are not taken away meanwhile. */
        hold = image_hold(p->home);
        if (hold < 0)
                return fail(err, hold, "cannot hold the images");
        (void) image_load(p->home, text, &before, NULL);
        ingest_sweep(p->home);
        if (p->options->watcher.begins)
                p->options->watcher.begins(p->options->watcher.context, what);
        r = place_open(p->registry, p->repository, reference, &p->options->place, &p->remote, err);
        if (r >= 0)
                r = document_fetch(p->remote, p->repository, reference, &p->top, err);
        if (r >= 0)
                r = pull_top(p, ret, err);
        if (r < 0)
                return r;
        warn_of_platform(p, *ret);
        *ret_new = is_new(p, *ret, before ? before->manifest_digest : NULL);
        return 0;
}

int pull_image(const Home *home, const char *name, const PullOptions *options, Image **ret,
               char ret_digest[DIGEST_LENGTH + 1], bool *ret_new, Err *err) {
        __attribute__((__cleanup__(pull_clear))) Pull p = { .home = home, .options = options };
        int r = prepare(&p, name, err);

        if (r >= 0)
                r = run(&p, ret, ret_new, err);
        if (r < 0)
                return err_prefix(err, r, "cannot pull '%s'", name);
        memcpy(ret_digest, p.top.digest, DIGEST_LENGTH + 1);
        return 0;
}
