/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/id.h"
#include "base/log.h"
#include "base/str.h"
#include "oci/reference.h"
#include "store/image_internal.h"
#include "store/layer.h"
#include "store/layout.h"
#include "store/needed.h"
#include "store/record.h"
#include "store/remains.h"

static void index_auto(OciIndex *index) {
        json_clear(&oci_index_type, index);
}
#define autoindex __attribute__((__cleanup__(index_auto))) OciIndex

/* What one removal is about to do. */
typedef struct Removal {
        char **untag;
        bool whole; /* the image goes as well */
        char **log;
        char *(*used_by)(const char *image_id, void *context);
        void *context;
} Removal;

static void removal_auto(Removal *removal) {
        strv_free(removal->untag);
        strv_free(removal->log);
}

/* Finds which of the image's names @name says; "" if it was called by its id. */
static int called_by(const Image *image, const char *name, char **ret) {
        autoptr(Reference) ref = NULL;
        autoerr ignored = {};

        if (!digest_is_valid(name) && reference_parse(name, &ref, &ignored) >= 0 && ref->tag) {
                autofree char *text = reference_text(ref);

                if (!text)
                        return -ENOMEM;
                if (strv_has(image->names, text)) {
                        *ret = take_ptr(text);
                        return 0;
                }
        }
        *ret = strdup("");
        return *ret ? 0 : -ENOMEM;
}

/* Decides what goes; -EBUSY where that needs @force. */
static int plan(const Image *image, const char *name, bool force, const char *user, Removal *ret,
                Err *err) {
        autofree char *called = NULL;
        size_t n = strv_length(image->names);
        int r;

        r = called_by(image, name, &called);
        if (r >= 0)
                r = *called ? strv_add(&ret->untag, called) : strv_copy(image->names, &ret->untag);
        if (r < 0)
                return fail(err, r, "cannot remove image '%s'", name);
        if (!*called && n > 1 && !force)
                return err_hint(err, refuse(err, EBUSY, "image '%s' has %zu names", name, n),
                                "remove them one by one, or all of them with --force");

        if (n == 0 && image->is_part && !force)
                return err_hint(
                        err,
                        refuse(err, EBUSY, "image '%s' is one platform's part of an image", name),
                        "remove that by its name");
        ret->whole = strv_length(ret->untag) == n && (n == 0 || !image->is_part);
        if (!ret->whole || !user)
                return 0;
        if (!force)
                return err_hint(
                        err, refuse(err, EBUSY, "image '%s' is used by container '%s'", name, user),
                        "remove the container first, or take only the name away with --force");
        ret->whole = false;
        return 0;
}

/* Takes the names, or all entries of the image, out of the index. */
static int edit_index(const Home *home, const Image *image, const Removal *removal, Err *err) {
        autoindex index = {};
        bool still_there = false;
        size_t kept = 0;
        int r;

        r = layout_load_index(home, &index, err);
        if (r < 0)
                return r;
        for (size_t i = 0; i < index.n_manifests; i++) {
                OciDescriptor *d = &index.manifests[i];
                const char *name = descriptor_name(d);
                bool mine = str_equal(d->digest, image->manifest_digest);
                bool goes = mine && (removal->whole || (name && strv_has(removal->untag, name)));

                /* An image that stays without a name keeps one entry that has none. */
                if (goes && !removal->whole && !still_there &&
                    strv_length(removal->untag) == strv_length(image->names)) {
                        if (strv_env_set(&d->annotations, OCI_REF_NAME) < 0)
                                return fail(err, ENOMEM, "cannot remove an image");
                        goes = false;
                }
                still_there |= mine && !goes;
                if (goes)
                        json_clear(&oci_descriptor_type, d);
                else
                        index.manifests[kept++] = *d;
        }
        index.n_manifests = kept;
        return layout_save_index(home, &index, err);
}

static bool has_image(const OciIndex *index, const char *id) {
        for (size_t i = 0; i < index->n_manifests; i++)
                if (str_equal(strv_env_get(index->manifests[i].annotations, LAYOUT_ID), id))
                        return true;
        return false;
}

static int bury_one(const Home *home, const Image *dead, const OciIndex *index, char *const *living,
                    char ***log, Err *err) {
        autostrv chain_ids = NULL;
        int r;

        if (has_image(index, dead->id))
                return 0;

        r = record_chain_ids(dead, &chain_ids);
        if (r < 0)
                return fail(err, r, "cannot remove an image's layers");
        for (size_t i = strv_length(chain_ids); i-- > 0;) {
                if (strv_has(living, chain_ids[i]))
                        continue;
                r = layer_bury(home, chain_ids[i], err);
                if (r < 0)
                        return r;
                if (strv_addf(log, "Deleted: %s", chain_ids[i]) < 0)
                        return fail(err, ENOMEM, "cannot remove an image's layers");
        }
        return 0;
}

/*
 * Removes blobs that no image in the index needs: an image_create() that was killed before the
 * index leaves two.  If one manifest cannot be read, nobody can say what it needs: all stay.
 */
static void sweep_blobs(const Home *home, const OciIndex *index) {
        autostrv needed = NULL;
        autostrv files = NULL;

        if (needed_blobs(home, index, &needed) < 0 ||
            dir_list(home->data_fd, "image-store/blobs/sha256", &files) < 0)
                return;
        strv_foreach(file, files) {
                autofree char *digest = str_format("sha256:%s", *file);

                if (digest && digest_is_valid(digest) && !strv_has(needed, digest))
                        layout_remove_blob(home, digest);
        }
}

int image_hold(const Home *home) {
        autoclose int dir = openat(home->data_fd, "images", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (dir < 0)
                return -errno;
        while (flock(dir, LOCK_SH) < 0)
                if (errno != EINTR)
                        return -errno;
        return take_fd(dir);
}

/* What only one buried image needed, unless a container still stands on it. */
static int finish_one(const Home *home, const char *file, const OciIndex *index,
                      char *const *living, Removal *removal, Err *err) {
        autofree char *path = str_format("images/%s", file), *user = NULL;
        autoptr(Image) dead = NULL;
        int r;

        if (!path || !str_after(file, RECORD_BURIED_PREFIX))
                return 0;
        if (record_load_buried(home, file, &dead) >= 0) {
                user = removal->used_by ? removal->used_by(dead->id, removal->context) : NULL;
                if (user)
                        return 0;
                r = bury_one(home, dead, index, living, &removal->log, err);
                if (r < 0)
                        return r;
        }
        (void) unlinkat(home->data_fd, path, 0);
        return 0;
}

/*
 * Removes what only buried images needed: that of this removal, and those of removals that were
 * killed half-way or met image_hold().  What still is in the index stays.
 */
static int finish_removals(const Home *home, Removal *removal, Err *err) {
        autoclose int alone = openat(home->data_fd, "images", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        autostrv files = NULL;
        autostrv living = NULL;
        autoindex index = {};
        int r;

        if (alone < 0 || flock(alone, LOCK_EX | LOCK_NB) < 0) {
                log_debug("somebody uses layers: the next removal takes those of this image");
                return 0;
        }
        r = layout_load_index(home, &index, err);
        if (r < 0)
                return r;
        if (needed_layers(home, &index, &living) < 0) {
                log_warn("another image is damaged: the layers of this one stay until 'isola store "
                         "check --repair' was there");
                return 0;
        }
        r = dir_list(home->data_fd, "images", &files);
        if (r < 0)
                r = fail(err, r, "cannot remove an image's layers");
        for (char **file = files; r >= 0 && file && *file; file++)
                r = finish_one(home, *file, &index, living, removal, err);
        if (r >= 0)
                sweep_blobs(home, &index);
        if (r >= 0)
                r = remains_find(home, &index, true, NULL);
        alone = close_fd(alone);
        layer_remove_dead(home);
        return r;
}

/* Of an image that lacks something: as much as its record, or else the index, knows. */
static int load_entry(const Home *home, const OciDescriptor *d, const char *id, Image **ret) {
        autoptr(Image) image = NULL;

        if (record_load(home, id, &image) < 0 || !str_equal(image->manifest_digest, d->digest)) {
                image = image_free(image);
                image = calloc(1, sizeof *image);
                if (!image)
                        return -ENOMEM;
                memcpy(image->id, id, sizeof image->id);
                memcpy(image->manifest_digest, d->digest, sizeof image->manifest_digest);
        }
        *ret = take_ptr(image);
        return 0;
}

static bool is_called(const OciDescriptor *d, const char *id, const char *name, const char *text) {
        const char *given = descriptor_name(d);

        return (given && str_equal(given, text)) || str_equal(id, name) ||
               (id_is_prefix(name) && str_after(digest_hex(id), name));
}

/* Finds what cannot be loaded any more, by name or id: it can still be removed. */
static int load_damaged(const Home *home, const char *name, Image **ret) {
        autoptr(Reference) ref = NULL;
        autoerr ignored = {};
        autofree char *text = reference_parse(name, &ref, &ignored) < 0 || ref->digest
                                      ? NULL
                                      : reference_text(ref);
        const OciDescriptor *found = NULL;
        autoindex index = {};
        int r;

        r = layout_load_index(home, &index, NULL);
        if (r < 0)
                return r;
        for (size_t i = 0; i < index.n_manifests; i++) {
                const OciDescriptor *d = &index.manifests[i];
                const char *id = strv_env_get(d->annotations, LAYOUT_ID);

                if (!id || !digest_is_valid(id) || !digest_is_valid(d->digest) ||
                    !is_called(d, id, name, text))
                        continue;
                if (found && !str_equal(found->digest, d->digest))
                        return -ENOTUNIQ;
                found = d;
        }
        return found ? load_entry(home, found, strv_env_get(found->annotations, LAYOUT_ID), ret)
                     : -ENOENT;
}

static int carry_out(const Home *home, const Image *image, Removal *removal, Err *err) {
        int r;

        strv_foreach(name, removal->untag) {
                record_unname(home, *name);
                if (strv_addf(&removal->log, "Untagged: %s", *name) < 0)
                        return fail(err, ENOMEM, "cannot remove an image");
        }
        if (removal->whole) {
                /* The cache may have lost it; the burial needs it. */
                r = image->config.rootfs.diff_ids ? record_save(home, image, err) : 0;
                if (r < 0)
                        return r;
                record_bury(home, image->id);
                fault_point("rmi.buried");
        }
        r = edit_index(home, image, removal, err);
        if (r < 0)
                return r;
        fault_point("rmi.indexed");
        if (!removal->whole)
                return 0;
        if (strv_addf(&removal->log, "Deleted: %s", image->id) < 0)
                return fail(err, ENOMEM, "cannot remove an image");
        return finish_removals(home, removal, err);
}

/* The layout's lock is held. */
static int remove_one(const Home *home, const char *name, bool force, Removal *removal, Err *err) {
        autofree char *user = NULL;
        autoptr(Image) image = NULL;
        int r;

        r = image_load(home, name, &image, err);
        if ((r == -ENOENT || r == -EUCLEAN) && load_damaged(home, name, &image) >= 0) {
                err_clear(err);
                r = 0;
        }
        if (r < 0)
                return r;
        r = image_load_names(home, image, err);
        if (r < 0)
                return r;
        user = removal->used_by ? removal->used_by(image->id, removal->context) : NULL;
        r = plan(image, name, force, user, removal, err);
        if (r < 0)
                return r;
        r = carry_out(home, image, removal, err);
        return r < 0 ? err_prefix(err, r, "cannot remove image '%s'", name) : 0;
}

/* Indexes that names stand for. */
static int named_indexes(const Home *home, char ***ret, Err *err) {
        autoindex layout = {};
        int r = layout_load_index(home, &layout, err);

        for (size_t i = 0; i < layout.n_manifests && r >= 0; i++) {
                const char *index = strv_env_get(layout.manifests[i].annotations, LAYOUT_INDEX);

                if (index && descriptor_name(&layout.manifests[i]) && !strv_has(*ret, index) &&
                    strv_add(ret, index) < 0)
                        r = fail(err, ENOMEM, "cannot remove an image");
        }
        return r;
}

/* Takes out the parts of an index that has lost its last name; @ids: images that nothing else
 * keeps. */
static int drop_parts(const Home *home, const char *index, char ***ids, Err *err) {
        autoindex layout = {};
        size_t kept = 0;
        int r = layout_load_index(home, &layout, err);

        if (r < 0 || image_index_is_named(&layout, index))
                return r;
        for (size_t i = 0; i < layout.n_manifests && r >= 0; i++) {
                OciDescriptor *d = &layout.manifests[i];
                const char *id = strv_env_get(d->annotations, LAYOUT_ID);
                bool more = false;

                if (descriptor_name(d) || !id ||
                    !str_equal(strv_env_get(d->annotations, LAYOUT_INDEX), index)) {
                        layout.manifests[kept++] = *d;
                        continue;
                }
                for (size_t j = 0; j < layout.n_manifests && !more; j++)
                        more = j != i && (j > i || j < kept) &&
                               str_equal(layout.manifests[j].digest, d->digest);
                if (!more && strv_add(ids, id) < 0)
                        r = fail(err, ENOMEM, "cannot remove an image");
                /* The last entry is taken out with the image. */
                if (more)
                        json_clear(&oci_descriptor_type, d);
                else
                        layout.manifests[kept++] = *d;
        }
        layout.n_manifests = kept;
        return r < 0 ? r : layout_save_index(home, &layout, err);
}

/* Images of other platforms go with the name that stood for all; one that a container uses stays
 * as an image without a name. */
static int remove_parts(const Home *home, char *const *indexes, Removal *removal, Err *err) {
        autostrv ids = NULL;
        int r = 0;

        strv_foreach(index, indexes)
                if (r >= 0)
                        r = drop_parts(home, *index, &ids, err);
        if (r < 0)
                return r;
        fault_point("rmi.parts");
        strv_foreach(id, ids) {
                autoerr why = {};

                strv_free(removal->untag);
                removal->untag = NULL;
                r = remove_one(home, *id, false, removal, &why);
                if (r < 0 && r != -EBUSY && r != -ENOENT)
                        log_warn("%s", why.message ? why.message : strerror(-r));
        }
        return 0;
}

int image_remove(const Home *home, const char *name, bool force,
                 char *(*used_by)(const char *image_id, void *context), void *context,
                 char ***ret_log, Err *err) {
        __attribute__((__cleanup__(removal_auto)))
        Removal removal = { .used_by = used_by, .context = context };
        autoclose int lock = -EBADF;
        autostrv indexes = NULL;
        int r;

        lock = layout_lock(home, true, err);
        if (lock < 0)
                return lock;
        r = named_indexes(home, &indexes, err);
        if (r >= 0)
                r = remove_one(home, name, force, &removal, err);
        if (r >= 0)
                r = remove_parts(home, indexes, &removal, err);
        if (r < 0)
                return r;
        *ret_log = take_ptr(removal.log);
        return 0;
}

static bool is_anything_buried(const Home *home) {
        autostrv files = NULL;

        if (dir_list(home->data_fd, "images", &files) < 0)
                return false;
        strv_foreach(file, files)
                if (str_after(*file, RECORD_BURIED_PREFIX))
                        return true;
        return false;
}

void image_finish_removals(const Home *home, char *(*used_by)(const char *image_id, void *context),
                           void *context, bool all) {
        __attribute__((__cleanup__(removal_auto)))
        Removal removal = { .used_by = used_by, .context = context };
        autoclose int lock = -EBADF;
        autoerr err = {};

        if (!all && !is_anything_buried(home)) {
                layer_remove_dead(home);
                return;
        }
        lock = layout_lock(home, true, NULL);
        if (lock >= 0 && finish_removals(home, &removal, &err) < 0)
                log_warn("%s", err.message);
}
