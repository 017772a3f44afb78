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

/* "DIR", or "type=local" and src or dest; @ret: the directory, owned by the caller. */
static int read_value(const char *option, const char *key, const char *text, char **ret, Err *err) {
        autostrv fields = NULL;
        const char *type, *path;
        int r = strv_split_csv(text, &fields);

        if (r < 0)
                return fail(err, r, "cannot read --%s", option);
        if (!strchr(text, '='))
                return str_set(ret, text) < 0 ? fail(err, ENOMEM, "cannot read --%s", option) : 0;
        type = strv_env_get(fields, "type");
        path = strv_env_get(fields, key);
        if (!str_equal(type, "local"))
                return err_hint(err,
                                refuse(err, EOPNOTSUPP, "--%s type=%s is not supported", option,
                                       type ? type : "registry"),
                                "write --%s type=local,%s=DIR", option, key);
        if (str_empty(path))
                return refuse(err, EINVAL, "--%s type=local needs a directory: %s=DIR", option,
                              key);
        return str_set(ret, path) < 0 ? fail(err, ENOMEM, "cannot read --%s", option) : 0;
}

int cache_transfer_check(const BuildRequest *request, Err *err) {
        int r = 0;

        strv_foreach(word, request->cache_from) {
                autofree char *path = NULL;

                r = read_value("cache-from", "src", *word, &path, err);
                if (r < 0)
                        return r;
        }
        strv_foreach(word, request->cache_to) {
                autofree char *path = NULL;

                r = read_value("cache-to", "dest", *word, &path, err);
                if (r >= 0 && (dir_make(AT_FDCWD, path, 0755) < 0))
                        r = fail(err, errno, "cannot make '%s'", path);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ------------------------------------------------------------------------ import */

/* Makes the layer from the archive, and takes it only if it is what the step says. */
static int take_layer(const Step *step, int dir, const StepRecord *record, Layer **ret, Err *err) {
        const char *below = stage_chain(step->state);
        autofree char *path = str_format("layers/%s.tar", digest_hex(record->diff_id));
        autoptr(LayerDraft) draft = NULL;
        autoptr(Layer) layer = NULL;
        autoclose int archive = -EBADF;
        TreeReport report;
        TreeView view;
        int r;

        archive = path ? openat(dir, path, O_RDONLY | O_CLOEXEC) : -1;
        if (archive < 0)
                return fail(err, errno, "cannot read '%s'", path ? path : "a layer");
        r = layer_draft(step->build->home, &draft, err);
        if (r < 0)
                return r;
        view = (TreeView){ .upper = draft->diff, .work = draft->work };
        r = tree_unpack(&view, archive, UNPACK_LAYER, "/", 0, &report, err);
        if (r >= 0)
                r = layer_commit(draft, str_empty(below) ? NULL : below, &layer, err);
        if (r < 0)
                return r;
        if (!str_equal(layer->diff_id, record->diff_id))
                return refuse(err, EBADMSG, "the layer '%s' is damaged", path);
        *ret = take_ptr(layer);
        return 0;
}

static int import_from(const Step *step, const char *path, Err *err) {
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

int cache_import(const Step *step, Err *err) {
        strv_foreach(word, step->build->request->cache_from) {
                autofree char *path = NULL;
                autoerr why = {};
                int r = read_value("cache-from", "src", *word, &path, err);

                if (r >= 0)
                        r = import_from(step, path, &why);
                if (r < 0)
                        log_warn("cannot take a step from the cache '%s': %s; it is carried out",
                                 path ? path : *word, why.message ? why.message : strerror(-r));
                if (r > 0)
                        return r;
        }
        return 0;
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

int cache_export(const Step *step, const Layer *layer, const char *created, Err *err) {
        strv_foreach(word, step->build->request->cache_to) {
                autofree char *path = NULL;
                int r = read_value("cache-to", "dest", *word, &path, err);

                if (r >= 0)
                        r = export_to(step, path, layer, created, err);
                if (r < 0)
                        return err_prefix(err, r, "cannot export the cache to '%s'",
                                          path ? path : *word);
        }
        return 0;
}
