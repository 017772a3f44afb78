/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "store/check.h"
#include "store/describe.h"
#include "store/image.h"
#include "store/layer.h"
#include "store/layout.h"
#include "store/needed.h"
#include "store/record.h"
#include "store/remains.h"
#include "store/tree.h"

/* One store_check() on its way. */
typedef struct Checker {
        const Home *home;
        const StoreCheck *how;
        StoreReport *report;
        OciIndex index;
        char **chains; /* of layers that were looked at, and were good */
        char **bad;    /* and that were not */
        bool index_changed;
        int failed; /* why no more can be looked at */
        bool alone; /* nobody else uses layers: something may be removed */
        Err *err;
} Checker;

const char *store_finding_kind(StoreFindingKind kind) {
        static const char *const names[] = { "damaged", "missing", "left over" };

        return names[kind];
}

void store_report_clear(StoreReport *report) {
        for (size_t i = 0; i < report->n_findings; i++)
                free(report->findings[i].what);
        free(report->findings);
        *report = (StoreReport){};
}

static void note(Checker *c, StoreFindingKind kind, bool repaired, const char *format, ...)
        printf_like(4, 5);

static void note(Checker *c, StoreFindingKind kind, bool repaired, const char *format, ...) {
        StoreFinding *finding =
                json_grow(&c->report->findings, &c->report->n_findings, sizeof *finding);
        va_list ap;

        if (!finding)
                return;
        va_start(ap, format);
        if (vasprintf(&finding->what, format, ap) < 0)
                finding->what = NULL;
        va_end(ap);
        finding->kind = kind;
        finding->repaired = repaired;
}

/* ------------------------------------------------------------------------ blobs */

/* Whether a blob is there and what its digest says; what is not is noted, and removed. */
static bool check_blob(Checker *c, const char *digest, const char *whose) {
        char found[DIGEST_LENGTH + 1];
        int r;

        if (!digest_is_valid(digest))
                return true; /* of an algorithm that isola does not use: another tool's */
        c->report->n_blobs++;
        r = layout_hash_blob(c->home, digest, found);
        if (r < 0) {
                note(c, STORE_MISSING, false, "blob %s of %s: %s", digest, whose, strerror(-r));
                return false;
        }
        if (str_equal(found, digest))
                return true;
        if (c->how->repair && c->alone)
                layout_remove_blob(c->home, digest);
        note(c, STORE_DAMAGED, false, "blob %s of %s has the digest %s", digest, whose, found);
        return false;
}

/* ----------------------------------------------------------------------- layers */

/* What a layer's blob unpacks to; @ret: a draft that holds it. */
static int unpack_again(Checker *c, const Layer *layer, LayerDraft **ret, Err *err) {
        autofree char *path = layout_blob_path(layer->blob);
        autoptr(LayerDraft) draft = NULL;
        autoclose int blob = -EBADF;
        TreeReport report;
        TreeView view;
        int r;

        blob = path ? openat(c->home->data_fd, path, O_RDONLY | O_CLOEXEC) : -1;
        if (blob < 0)
                return fail(err, errno, "cannot read '%s'", path ? path : "");
        r = layer_draft(c->home, &draft, err);
        if (r < 0)
                return r;
        view = (TreeView){ .upper = draft->diff, .work = draft->work };
        r = tree_unpack(&view, blob, UNPACK_LAYER, "/", 0, &report, err);
        if (r >= 0)
                *ret = take_ptr(draft);
        return r;
}

/* Puts what was unpacked anew in the place of a damaged layer. */
static bool replace_layer(Checker *c, LayerDraft *draft, const Layer *layer, const char *parent) {
        char *const chains[] = { (char *) layer->chain_id, NULL };
        autoptr(Layer) made = NULL;

        return c->how->repair && c->alone && layer_bury(c->home, layer->chain_id, NULL) >= 0 &&
               layer_commit_unpacked(draft, parent, layer->diff_id, layer->size, layer->blob, &made,
                                     NULL) >= 0 &&
               layer_make_durable(c->home, chains, NULL) >= 0;
}

/* A layer from elsewhere: its files must be those in its blob. */
static bool check_foreign(Checker *c, const Layer *layer, const char *parent, const char *whose) {
        char now[DIGEST_LENGTH + 1], then[DIGEST_LENGTH + 1];
        autoptr(LayerDraft) draft = NULL;
        autoerr err = {};
        int64_t size;
        bool repaired;

        if (!check_blob(c, layer->blob, whose))
                return false;
        if (c->how->quick)
                return true;
        if (unpack_again(c, layer, &draft, &err) < 0 ||
            layer_digest(draft->diff, TAR_NO_CLAMP, then, &size, &err) < 0) {
                note(c, STORE_DAMAGED, false, "layer %s of %s: %s", layer->chain_id, whose,
                     err.message ? err.message : "it cannot be unpacked");
                return false;
        }
        if (layer_digest(layer->diff, TAR_NO_CLAMP, now, &size, NULL) >= 0 && str_equal(now, then))
                return true;
        repaired = replace_layer(c, draft, layer, parent);
        note(c, STORE_DAMAGED, repaired, "layer %s of %s is not what its blob holds",
             layer->chain_id, whose);
        return repaired;
}

static bool check_own(Checker *c, const Layer *layer, const char *whose) {
        char now[DIGEST_LENGTH + 1] = "";
        autoerr err = {};
        int64_t size;

        if (c->how->quick)
                return file_access(AT_FDCWD, layer->diff, F_OK) == 0;
        if (layer_digest(layer->diff, layer->latest, now, &size, &err) >= 0 &&
            str_equal(now, layer->diff_id))
                return true;
        note(c, STORE_DAMAGED, false, "layer %s of %s: %s", layer->chain_id, whose,
             err.message ? err.message : "its files have changed");
        return false;
}

static bool check_layer(Checker *c, const char *chain, const char *parent, const char *whose) {
        autoptr(Layer) layer = NULL;
        bool good;

        if (strv_has(c->chains, chain))
                return true;
        if (strv_has(c->bad, chain))
                return false;
        c->report->n_layers++;
        if (layer_load(c->home, chain, &layer, NULL) < 0) {
                note(c, STORE_MISSING, false, "layer %s of %s", chain, whose);
                good = false;
        } else {
                good = *layer->blob ? check_foreign(c, layer, parent, whose)
                                    : check_own(c, layer, whose);
        }
        return strv_add(good ? &c->chains : &c->bad, chain) >= 0 && good;
}

static bool check_layers(Checker *c, const OciImage *config, const char *whose) {
        char chain[DIGEST_LENGTH + 1] = "", below[DIGEST_LENGTH + 1];
        bool good = true;

        strv_foreach(diff_id, config->rootfs.diff_ids) {
                if (!digest_is_valid(*diff_id))
                        return false;
                memcpy(below, chain, sizeof below);
                layer_chain_id(below, *diff_id, chain);
                good &= check_layer(c, chain, *below ? below : NULL, whose);
        }
        return good;
}

/* ----------------------------------------------------------------------- images */

/* What isola-image found wrong with a document, as against that it could not look. */
static bool is_refusal(int r) {
        return r == -EINVAL || r == -EBADMSG || r == -ENOTSUP || r == -EFBIG;
}

/* A document that isola-image will not read: damage in an image of ours, else another tool's own.
 */
static bool note_refusal(Checker *c, int r, const Err *why, const char *digest, const char *whose) {
        if (!is_refusal(r)) {
                c->failed =
                        refuse(c->err, r, "cannot read %s of %s: %s", digest, whose, why->message);
                return true;
        }
        note(c, STORE_DAMAGED, false, "blob %s of %s: %s", digest, whose, why->message);
        return false;
}

static bool check_config(Checker *c, const OciManifest *m, const char *whose) {
        autofree char *text = NULL;
        autodescription said = {};
        autoerr why = {};
        size_t size;
        int r;

        if (layout_read_blob(c->home, m->config.digest, &text, &size, NULL) < 0)
                return false;
        r = describe_config(text, size, m->config.media_type, m->n_layers, &said, &why);
        return r < 0 ? note_refusal(c, r, &why, m->config.digest, whose)
                     : check_layers(c, said.image, whose);
}

/* One of isola's own: manifest, config and layers.  isola-image reads what others have written. */
static bool check_image(Checker *c, const OciDescriptor *d, const char *whose) {
        autofree char *text = NULL;
        autodescription said = {};
        autoerr why = {};
        size_t size;
        int r;

        if (!check_blob(c, d->digest, whose) ||
            layout_read_blob(c->home, d->digest, &text, &size, NULL) < 0)
                return false;
        r = describe_document(text, size, NULL, &said, &why);
        if (r >= 0 && !said.manifest)
                r = refuse(&why, EBADMSG, "it is no manifest but an index");
        if (r < 0)
                return note_refusal(c, r, &why, d->digest, whose);
        return check_blob(c, said.manifest->config.digest, whose) &&
               check_config(c, said.manifest, whose);
}

/* Of what another tool put into the layout only that which its entry names is looked at. */
static bool check_entry(Checker *c, const OciDescriptor *d, const char *whose) {
        const char *id = strv_env_get(d->annotations, LAYOUT_ID);

        return id ? check_image(c, d, whose) : check_blob(c, d->digest, whose);
}

/* An image that lacks something is taken out of the index, so that nobody counts on it. */
static void drop_image(Checker *c, size_t index, const char *whose) {
        const char *name = descriptor_name(&c->index.manifests[index]);

        if (!c->how->repair || !c->alone)
                return;
        if (name)
                record_unname(c->home, name);
        json_clear(&oci_descriptor_type, &c->index.manifests[index]);
        c->index_changed = true;
        note(c, STORE_LEFT_OVER, true, "%s was removed: pull or build it again", whose);
}

static int check_images(Checker *c) {
        size_t kept = 0;

        for (size_t i = 0; i < c->index.n_manifests; i++) {
                OciDescriptor *d = &c->index.manifests[i];
                const char *name = descriptor_name(d);
                autofree char *whose = str_format("image '%s'", name ? name : d->digest);

                if (!whose)
                        return fail(c->err, ENOMEM, "cannot check the store");
                c->report->n_images++;
                if (!check_entry(c, d, whose))
                        drop_image(c, i, whose);
                if (c->failed < 0)
                        return c->failed;
        }
        for (size_t i = 0; i < c->index.n_manifests; i++)
                if (c->index.manifests[i].digest)
                        c->index.manifests[kept++] = c->index.manifests[i];
        c->index.n_manifests = kept;
        if (!c->index_changed)
                return 0;
        for (size_t i = 0; i < c->report->n_findings; i++)
                c->report->findings[i].repaired = true;
        return layout_save_index(c->home, &c->index, c->err);
}

/* ------------------------------------------------------------------- left-overs */

static void check_left_blobs(Checker *c) {
        autostrv files = NULL;
        autostrv needed = NULL;

        /* Where one image cannot be read nobody can say what it needs. */
        if (needed_blobs(c->home, &c->index, &needed) < 0)
                return;
        if (dir_list(c->home->data_fd, "image-store/blobs/sha256", &files) < 0)
                return;
        strv_foreach(file, files) {
                autofree char *digest = str_format("sha256:%s", *file);
                bool removed = c->how->repair && c->alone;

                if (!digest || (digest_is_valid(digest) && strv_has(needed, digest)))
                        continue;
                if (str_ends_with(*file, "~"))
                        continue; /* half written */
                if (removed && digest_is_valid(digest))
                        layout_remove_blob(c->home, digest);
                note(c, STORE_LEFT_OVER, removed, "blob %s, which no image needs", *file);
        }
}

static void check_half_written(Checker *c) {
        autostrv remains = NULL;

        (void) remains_find(c->home, &c->index, c->how->repair, &remains);
        strv_foreach(what, remains)
                note(c, STORE_LEFT_OVER, c->how->repair, "%s", *what);
}

/* Drafts of the dead, and records of images half removed. */
static void check_remains(Checker *c) {
        autostrv layers = NULL;
        autostrv records = NULL;

        (void) dir_list(c->home->data_fd, "layers", &layers);
        strv_foreach(name, layers) {
                autofree char *path = str_format("layers/%s", *name);
                autoclose int dir = -EBADF, lock = -EBADF;

                if (**name != '.' || !path)
                        continue;
                dir = openat(c->home->data_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                lock = dir < 0 ? -EBADF : lock_dir(dir, false);
                if (lock >= 0)
                        note(c, STORE_LEFT_OVER, c->how->repair, "layer draft '%s'", *name);
        }
        (void) dir_list(c->home->data_fd, "images", &records);
        strv_foreach(name, records)
                if (str_after(*name, RECORD_BURIED_PREFIX))
                        note(c, STORE_LEFT_OVER, false,
                             "record '%s': the next rmi finishes with it", *name);
        if (c->how->repair)
                layer_remove_dead(c->home);
}

static void bury_bad(Checker *c) {
        if (!c->how->repair || !c->alone)
                return;
        strv_foreach(chain, c->bad)
                (void) layer_bury(c->home, *chain, NULL);
}

static int count_damage(const StoreReport *report) {
        int n = 0;

        for (size_t i = 0; i < report->n_findings; i++)
                n += report->findings[i].kind != STORE_LEFT_OVER && !report->findings[i].repaired;
        return n;
}

static void checker_clear(Checker *c) {
        json_clear(&oci_index_type, &c->index);
        strv_free(c->chains);
        strv_free(c->bad);
}

int store_check(const Home *home, const StoreCheck *how, StoreReport *ret, Err *err) {
        __attribute__((__cleanup__(checker_clear)))
        Checker c = { .home = home, .how = how, .report = ret, .err = err };
        autoclose int lock = -EBADF, images = -EBADF;
        int r;

        if (file_access(home->data_fd, "image-store", F_OK) < 0)
                return 0; /* there is none yet */
        lock = layout_lock(home, true, err);
        if (lock < 0)
                return lock;
        /* As a removal does: builds and pulls keep layers and blobs that nothing names yet. */
        images = openat(home->data_fd, "images", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        c.alone = images >= 0 && flock(images, LOCK_EX | LOCK_NB) == 0;
        if (how->repair && !c.alone)
                log_warn("a build or a pull is at work: nothing is removed");
        r = layout_load_index(home, &c.index, err);
        if (r < 0)
                return r;
        r = check_images(&c);
        if (r < 0)
                return r;
        if (c.alone) {
                bury_bad(&c);
                check_left_blobs(&c);
                check_half_written(&c);
        }
        check_remains(&c);
        return count_damage(ret);
}
