/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/id.h"
#include "base/json.h"
#include "base/str.h"
#include "kernel/process.h"
#include "store/layer_internal.h"

#define LAYER_VERSION 1

/* layer.json */
typedef struct LayerRecord {
        int version;
        char *chain_id, *diff_id;
        int64_t size;
        int64_t latest;
        bool has_latest;
        char *blob;
        char *boot; /* set while the layer is not synced: after another boot it is not to be trusted
                     */
} LayerRecord;

static const JsonField record_fields[] = {
        JSON_INT(LayerRecord, version, "version", JSON_REQUIRED),
        JSON_STRING(LayerRecord, chain_id, "chainId", JSON_REQUIRED),
        JSON_STRING(LayerRecord, diff_id, "diffId", JSON_REQUIRED),
        JSON_I64(LayerRecord, size, "size", JSON_REQUIRED),
        JSON_BOOL(LayerRecord, has_latest, "clamped"),
        JSON_I64(LayerRecord, latest, "latest"),
        JSON_STRING(LayerRecord, blob, "blob"),
        JSON_STRING(LayerRecord, boot, "unsyncedInBoot"),
        {},
};
static const JsonType record_type = { sizeof(LayerRecord), record_fields };

static void record_auto(LayerRecord *record) {
        json_clear(&record_type, record);
}

Layer *layer_free(Layer *layer) {
        if (layer) {
                free(layer->diff);
                free(layer);
        }
        return NULL;
}

void layer_chain_id(const char *parent, const char *diff_id, char ret[DIGEST_LENGTH + 1]) {
        char text[2 * DIGEST_LENGTH + 2];

        if (str_empty(parent)) {
                memmove(ret, diff_id, DIGEST_LENGTH + 1);
                return;
        }
        memcpy(text, parent, DIGEST_LENGTH);
        text[DIGEST_LENGTH] = ' ';
        memcpy(text + DIGEST_LENGTH + 1, diff_id, DIGEST_LENGTH + 1);
        digest_of(text, 2 * DIGEST_LENGTH + 1, ret);
}

int layer_chain_ids(char *const *diff_ids, char ***ret) {
        char chain[DIGEST_LENGTH + 1] = "";
        autostrv list = NULL;

        strv_foreach(diff_id, diff_ids) {
                layer_chain_id(chain, *diff_id, chain);
                if (strv_add(&list, chain) < 0)
                        return -ENOMEM;
        }
        *ret = take_ptr(list);
        return 0;
}

bool layer_is_of_another_boot(int layers, const char *name) {
        __attribute__((__cleanup__(record_auto))) LayerRecord record = {};
        autofree char *path = str_format("%s/layer.json", name);

        return path && json_load(&record_type, layers, path, &record, NULL) >= 0 && record.boot &&
               !str_empty(boot_id()) && !str_equal(record.boot, boot_id());
}

typedef struct Hashing {
        Digest digest;
        int64_t size;
} Hashing;

static int hash_more(void *context, const void *bytes, size_t n) {
        Hashing *h = context;

        digest_add(&h->digest, bytes, n);
        h->size += (int64_t) n;
        return 0;
}

int layer_digest(const char *diff, int64_t latest, char ret[DIGEST_LENGTH + 1], int64_t *ret_size,
                 Err *err) {
        autoclose int root = open(diff, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        Hashing h = {};
        int r;

        if (root < 0)
                return fail(err, errno, "cannot open '%s'", diff);
        digest_begin(&h.digest);
        r = tar_write(root, latest, hash_more, &h, err);
        if (r < 0)
                return r;
        digest_end(&h.digest, ret);
        *ret_size = h.size;
        return 0;
}

int layer_save(const Layer *layer, bool synced, int dir, Err *err) {
        LayerRecord record = {
                .version = LAYER_VERSION,
                .chain_id = (char *) layer->chain_id,
                .diff_id = (char *) layer->diff_id,
                .size = layer->size,
                .has_latest = layer->latest != TAR_NO_CLAMP,
                .latest = layer->latest == TAR_NO_CLAMP ? 0 : layer->latest,
                .blob = *layer->blob ? (char *) layer->blob : NULL,
                .boot = synced ? NULL : (char *) boot_id(),
        };

        return json_save(&record_type, dir, "layer.json", &record, synced, err);
}

/* Gives the finished draft its name; 1 if something was buried for it. */
static int place_draft(LayerDraft *draft, int layers, const char *chain_id, Err *err) {
        const char *name = digest_hex(chain_id);
        const char *draft_name = strrchr(draft->path, '/') + 1;
        autofree char *work = str_format("%s/work", draft_name);
        autoclose int lock = lock_dir(layers, true);
        bool buried = false;
        int r;

        if (!work)
                return fail(err, ENOMEM, "cannot finish a layer");
        if (lock < 0)
                return fail(err, lock, "cannot lock '%s/layers'", draft->home->data);
        r = tree_remove(layers, work);
        if (r < 0)
                return fail(err, r, "cannot remove '%s'", draft->work);
        fault_point("layer.named");

        if (renameat(layers, draft_name, layers, name) < 0) {
                autoptr(Layer) there = NULL;

                if (layer_load(draft->home, chain_id, &there, NULL) >= 0)
                        return 0; /* somebody was quicker: the draft goes when it is freed */
                /* What is there cannot be loaded: left over from a crash. */
                r = layer_bury_name(layers, name);
                buried = r >= 0;
                if (r >= 0 && renameat(layers, draft_name, layers, name) < 0)
                        r = -errno;
                if (r < 0)
                        return fail(err, r, "cannot name the layer '%s'", name);
        }
        free(take_ptr(draft->path));
        return buried;
}

/* Gives the draft, whose digest is known, its record and its place. */
static int commit(LayerDraft *draft, const char *parent, Layer *layer, Layer **ret, Err *err) {
        autoptr(Layer) there = NULL;
        autoclose int layers = -EBADF, dir = -EBADF;
        int r;

        layer_chain_id(parent, layer->diff_id, layer->chain_id);
        layer->diff =
                str_format("%s/layers/%s/diff", draft->home->data, digest_hex(layer->chain_id));
        if (!layer->diff)
                return fail(err, ENOMEM, "cannot finish a layer");

        if (layer_load(draft->home, layer->chain_id, &there, NULL) >= 0) {
                *ret = take_ptr(there);
                return 1;
        }

        dir = open(draft->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir < 0)
                return fail(err, errno, "cannot open '%s'", draft->path);
        r = layer_save(layer, false, dir, err);
        if (r < 0)
                return r;
        layers = dir_open(draft->home->data_fd, "layers", 0700);
        if (layers < 0)
                return fail(err, layers, "cannot open '%s/layers'", draft->home->data);
        fault_point("layer.hashed");
        r = place_draft(draft, layers, layer->chain_id, err);
        fault_point("layer.placed");
        if (r > 0)
                layer_remove_dead(draft->home);
        return r < 0 ? r : 0;
}

int layer_commit(LayerDraft *draft, const char *parent, Layer **ret, Err *err) {
        autoptr(Layer) layer = calloc(1, sizeof *layer);
        int64_t latest;
        int r;

        if (!layer)
                return fail(err, ENOMEM, "cannot finish a layer");
        r = source_date_epoch(&latest, err);
        if (r < 0)
                return r;
        r = layer_digest(draft->diff, latest, layer->diff_id, &layer->size, err);
        if (r < 0)
                return err_prefix(err, r, "cannot finish a layer");
        layer->latest = latest;
        r = commit(draft, parent, layer, ret, err);
        if (r == 0)
                *ret = take_ptr(layer);
        return r < 0 ? r : 0;
}

int layer_commit_unpacked(LayerDraft *draft, const char *parent, const char *diff_id, int64_t size,
                          const char *blob, Layer **ret, Err *err) {
        autoptr(Layer) layer = calloc(1, sizeof *layer);
        int r;

        if (!layer)
                return fail(err, ENOMEM, "cannot finish a layer");
        memcpy(layer->diff_id, diff_id, sizeof layer->diff_id);
        memcpy(layer->blob, blob, sizeof layer->blob);
        layer->size = size;
        layer->latest = TAR_NO_CLAMP;
        r = commit(draft, parent, layer, ret, err);
        if (r == 0)
                *ret = take_ptr(layer);
        return r < 0 ? r : 0;
}

int layer_commit_same(LayerDraft *draft, const char *parent, const Layer *like, Layer **ret,
                      Err *err) {
        autoptr(Layer) layer = calloc(1, sizeof *layer);
        int r;

        if (!layer)
                return fail(err, ENOMEM, "cannot finish a layer");
        *layer = *like;
        layer->diff = NULL;
        r = commit(draft, parent, layer, ret, err);
        if (r == 0)
                *ret = take_ptr(layer);
        return r < 0 ? r : 0;
}

/* Opens the directory of a layer; negative errno. */
static int open_layer(const Home *home, const char *chain_id) {
        autofree char *path = NULL;
        int dir;

        if (!digest_is_valid(chain_id))
                return -ENOENT;
        path = str_format("layers/%s", digest_hex(chain_id));
        if (!path)
                return -ENOMEM;
        dir = openat(home->data_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return dir < 0 ? -errno : dir;
}

static int load_from(const Home *home, int dir, const char *chain_id, Layer **ret,
                     bool *ret_synced) {
        __attribute__((__cleanup__(record_auto))) LayerRecord record = {};
        autoptr(Layer) layer = calloc(1, sizeof *layer);

        if (!layer)
                return -ENOMEM;
        if (json_load(&record_type, dir, "layer.json", &record, NULL) < 0)
                return -ENOENT;
        if (record.version != LAYER_VERSION || !digest_is_valid(record.diff_id) ||
            !str_equal(record.chain_id, chain_id))
                return -ENOENT;
        if (record.boot && !str_equal(record.boot, boot_id()))
                return -ENOENT;
        if (file_access(dir, "diff", F_OK) < 0)
                return -ENOENT;

        memcpy(layer->chain_id, chain_id, sizeof layer->chain_id);
        memcpy(layer->diff_id, record.diff_id, sizeof layer->diff_id);
        layer->size = record.size;
        layer->latest = record.has_latest ? record.latest : TAR_NO_CLAMP;
        if (record.blob && digest_is_valid(record.blob))
                memcpy(layer->blob, record.blob, sizeof layer->blob);
        layer->diff = str_format("%s/layers/%s/diff", home->data, digest_hex(chain_id));
        if (!layer->diff)
                return -ENOMEM;
        *ret_synced = !record.boot;
        *ret = take_ptr(layer);
        return 0;
}

int layer_open(const Home *home, const char *chain_id, Layer **ret, bool *ret_synced) {
        autoclose int dir = open_layer(home, chain_id);
        int r = dir < 0 ? dir : load_from(home, dir, chain_id, ret, ret_synced);

        return r < 0 ? r : take_fd(dir);
}

int layer_load(const Home *home, const char *chain_id, Layer **ret, Err *err) {
        bool synced;
        autoclose int dir = layer_open(home, chain_id, ret, &synced);

        if (dir == -ENOENT)
                return refuse(err, dir, "there is no layer '%s'", chain_id);
        return dir < 0 ? fail(err, dir, "cannot load the layer '%s'", chain_id) : 0;
}

int layer_write_tar(const Layer *layer, TarSink sink, void *context, Err *err) {
        autoclose int root = open(layer->diff, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (*layer->blob)
                return refuse(err, EOPNOTSUPP, "the tar of layer '%s' is not made here",
                              layer->chain_id);
        if (root < 0)
                return fail(err, errno, "cannot open '%s'", layer->diff);
        return tar_write(root, layer->latest, sink, context, err);
}

static int write_to_pipe(void *context, const void *bytes, size_t n) {
        return fd_write_all(*(int *) context, bytes, n);
}

/* Opened before: whom the namespace knows need not be able to go there. */
static int write_as(const Layer *layer, int userns, int to) {
        autoclose int root = -EBADF;

        if (userns < 0)
                return layer_write_tar(layer, write_to_pipe, &to, NULL);
        root = open(layer->diff, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (root < 0 || setns(userns, CLONE_NEWUSER) < 0)
                return -errno;
        return tar_write(root, layer->latest, write_to_pipe, &to, NULL);
}

int layer_open_tar(const Layer *layer, int userns, int *ret_pidfd, Err *err) {
        int ends[2], r;
        pid_t pid, parent = getpid();

        if (pipe2(ends, O_CLOEXEC) < 0)
                return fail(err, errno, "cannot read a layer");
        pid = process_clone(0, -EBADF, ret_pidfd);
        if (pid == 0) {
                process_reset_signals();
                if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != parent)
                        _exit(1);
                close_fd(ends[0]);
                r = write_as(layer, userns, ends[1]);
                _exit(r < 0);
        }
        close_fd(ends[1]);
        if (pid < 0) {
                close_fd(ends[0]);
                return fail(err, pid, "cannot read a layer");
        }
        return ends[0];
}
