/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "builder/cache_transfer.h"
#include "transfer/cache_image.h"

#define TRANSFER_VERSION 1

typedef struct StepRecord {
        int version;
        char *diff_id, *created;
} StepRecord;

static const JsonField step_fields[] = {
        JSON_INT(StepRecord, version, "version", JSON_REQUIRED),
        JSON_STRING(StepRecord, diff_id, "diffId"),
        JSON_STRING(StepRecord, created, "created", JSON_REQUIRED),
        {},
};
static const JsonType step_type = { sizeof(StepRecord), step_fields };

static void step_record_auto(StepRecord *record) {
        json_clear(&step_type, record);
}

/* ------------------------------------------------------------------------ import */

/* Makes the layer from its archive, and takes it only if it is what the step says. */
static int take_archive(const Step *step, int archive, const char *diff_id, const char *name,
                        Layer **ret, Err *err) {
        const char *below = stage_chain(step->state);
        autoptr(LayerDraft) draft = NULL;
        autoptr(Layer) layer = NULL;
        TreeReport report;
        TreeView view;
        int r;

        r = layer_draft(step->build->home, &draft, err);
        if (r < 0)
                return r;
        view = (TreeView){ .upper = draft->diff, .work = draft->work };
        r = tree_unpack(&view, archive, UNPACK_LAYER, "/", 0, &report, err);
        if (r >= 0)
                r = layer_commit(draft, str_empty(below) ? NULL : below, &layer, err);
        if (r < 0)
                return r;
        if (!str_equal(layer->diff_id, diff_id))
                return refuse(err, EBADMSG, "the layer '%s' is damaged", name);
        *ret = take_ptr(layer);
        return 0;
}

static int take_layer(const Step *step, int dir, const StepRecord *record, Layer **ret, Err *err) {
        autofree char *path = str_format("layers/%s.tar", digest_hex(record->diff_id));
        autoclose int archive = path ? openat(dir, path, O_RDONLY | O_CLOEXEC) : -1;

        if (archive < 0)
                return fail(err, errno, "cannot read '%s'", path ? path : "a layer");
        return take_archive(step, archive, record->diff_id, path, ret, err);
}

/* 1 if it is there. */
static int import_from_dir(const Step *step, const char *path, Err *err) {
        __attribute__((__cleanup__(step_record_auto))) StepRecord record = {};
        autoclose int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        autofree char *name = str_format("steps/%s.json", digest_hex(step->key));
        autoptr(Layer) layer = NULL;
        int r;

        if (dir < 0 || !name)
                return 0;
        if (json_load(&step_type, dir, name, &record, NULL) < 0 ||
            record.version != TRANSFER_VERSION ||
            (record.diff_id && !digest_is_valid(record.diff_id)))
                return 0;
        if (record.diff_id) {
                r = take_layer(step, dir, &record, &layer, err);
                if (r < 0)
                        return r;
        }
        cache_save(step->build->home, step->key, layer ? layer->chain_id : NULL, record.created);
        return 1;
}

/* The layer that the list names is fetched now. */
static int import_listed(const Step *step, const CacheImage *image, const CacheStep *listed,
                         Err *err) {
        autoptr(Source) source = NULL;
        autoptr(Layer) layer = NULL;
        BlobPlace place;
        int r;

        if (listed->diff_id) {
                r = cache_image_fetch(step->build->home, image, (size_t) listed->layer,
                                      &(PlaceOptions){}, &source, &place, err);
                if (r >= 0 && lseek(place.file, place.offset, SEEK_SET) < 0)
                        r = fail(err, errno, "cannot read a layer");
                if (r >= 0)
                        r = take_archive(step, place.file, listed->diff_id,
                                         image->layers[listed->layer].digest, &layer, err);
                if (r < 0)
                        return r;
        }
        cache_save(step->build->home, step->key, layer ? layer->chain_id : NULL, listed->created);
        return 1;
}

static int import_from_registries(const Step *step) {
        const CacheImages *images = &step->build->cache_images;

        for (size_t i = 0; i < images->n; i++)
                for (size_t k = 0; k < images->list[i].n_steps; k++) {
                        const CacheStep *listed = &images->list[i].steps[k];
                        autoerr why = {};
                        int r;

                        if (!str_equal(listed->key, step->key))
                                continue;
                        r = import_listed(step, &images->list[i], listed, &why);
                        if (r > 0)
                                return r;
                        log_warn("cannot take a step from the cache '%s': %s; it is carried out",
                                 images->list[i].reference,
                                 why.message ? why.message : strerror(-r));
                }
        return 0;
}

int cache_import(const Step *step, Err *err) {
        const CachePlaces *from = &step->build->cache_from;

        for (size_t i = 0; i < from->n; i++) {
                autoerr why = {};
                int r;

                if (from->list[i].kind != CACHE_LOCAL)
                        continue;
                r = import_from_dir(step, from->list[i].where, &why);
                if (r < 0)
                        log_warn("cannot take a step from the cache '%s': %s; it is carried out",
                                 from->list[i].where, why.message ? why.message : strerror(-r));
                if (r > 0)
                        return r;
        }
        return import_from_registries(step);
}

/* ------------------------------------------------------------------------ export */

static int write_some(void *context, const void *bytes, size_t n) {
        return fd_write_all(*(int *) context, bytes, n);
}

static int export_layer(int dir, const Layer *layer, Err *err) {
        autofree char *path = str_format("layers/%s.tar", digest_hex(layer->diff_id));
        autofree char *half = str_format("layers/.%s.%d", digest_hex(layer->diff_id), getpid());
        autoclose int file = -EBADF;
        int r;

        if (!path || !half)
                return fail(err, ENOMEM, "cannot write a layer");
        if (file_access(dir, path, F_OK) == 0)
                return 0;
        file = openat(dir, half, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        if (file < 0)
                return fail(err, errno, "cannot write '%s'", half);
        r = layer_write_tar(layer, write_some, &file, err);
        if (r >= 0 && renameat(dir, half, dir, path) < 0)
                r = fail(err, errno, "cannot write '%s'", path);
        if (r < 0)
                (void) unlinkat(dir, half, 0);
        return r;
}

static int export_to(const Step *step, const char *path, const Layer *layer, const char *created,
                     Err *err) {
        StepRecord record = { TRANSFER_VERSION, layer ? (char *) layer->diff_id : NULL,
                              (char *) created };
        autofree char *name = str_format("steps/%s.json", digest_hex(step->key));
        autoclose int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int r;

        if (dir < 0 || !name)
                return fail(err, errno, "cannot open '%s'", path);
        r = dir_make(dir, "steps", 0755);
        if (r >= 0)
                r = dir_make(dir, "layers", 0755);
        if (r < 0)
                return fail(err, r, "cannot make a cache in '%s'", path);
        if (layer) {
                r = export_layer(dir, layer, err);
                if (r < 0)
                        return r;
        }
        return json_save(&step_type, dir, name, &record, false, err);
}

/* For the caches that are written when all is built. */
static int note(const Step *step, const Layer *layer, const char *created, Err *err) {
        return strv_addf(&step->state->steps, "%s %s %s", step->key, created,
                         layer ? layer->chain_id : "-") < 0
                       ? fail(err, ENOMEM, "cannot note a step")
                       : 0;
}

int cache_export(const Step *step, const Layer *layer, const char *created, Err *err) {
        const CachePlaces *to = &step->build->cache_to;
        int r = to->n > 0 ? note(step, layer, created, err) : 0;

        for (size_t i = 0; r >= 0 && i < to->n; i++) {
                if (to->list[i].kind != CACHE_LOCAL)
                        continue;
                r = export_to(step, to->list[i].where, layer, created, err);
                if (r < 0)
                        err_prefix(err, r, "cannot export the cache to '%s'", to->list[i].where);
        }
        return r;
}
