/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "oci/platform.h"
#include "oci/reference.h"
#include "transfer/copy.h"
#include "transfer/manifest_list.h"

#define DIRECTORY "manifest-lists"
#define VERSION   1

static const JsonField item_fields[] = {
        JSON_STRING(ManifestListItem, reference, "reference", JSON_REQUIRED),
        JSON_STRING(ManifestListItem, source, "source", JSON_REQUIRED),
        JSON_STRUCT(ManifestListItem, descriptor, OciDescriptor, "descriptor",
                    &oci_descriptor_type),
        {},
};
static const JsonType item_type = { sizeof(ManifestListItem), item_fields };
static const JsonField list_fields[] = {
        JSON_INT(ManifestList, version, "version", JSON_REQUIRED),
        JSON_STRING(ManifestList, name, "name", JSON_REQUIRED),
        JSON_ARRAY(ManifestList, items, ManifestListItem, "items", &item_type),
        {},
};
static const JsonType list_type = { sizeof(ManifestList), list_fields };

void manifest_list_clear(ManifestList *list) {
        json_clear(&list_type, list);
}

static int path_of(const char *name, char **ret, char **ret_full, Err *err) {
        char digest[DIGEST_LENGTH + 1];
        autoptr(Reference) ref = NULL;
        autofree char *full = NULL;
        int r = reference_parse(name, &ref, err);

        if (r < 0)
                return r;
        if (ref->digest)
                return refuse(err, EINVAL, "'%s': an index in the making has no digest yet", name);
        full = reference_text(ref);
        if (!full)
                return fail(err, ENOMEM, "cannot find the index '%s'", name);
        digest_of(full, strlen(full), digest);
        *ret = str_format(DIRECTORY "/%s.json", digest_hex(digest));
        if (!*ret)
                return fail(err, ENOMEM, "cannot find the index '%s'", name);
        if (ret_full)
                *ret_full = take_ptr(full);
        return 0;
}

int manifest_list_load(const Home *home, const char *name, ManifestList *ret, Err *err) {
        autofree char *path = NULL;
        int r = path_of(name, &path, NULL, err);

        if (r < 0)
                return r;
        r = json_load(&list_type, home->data_fd, path, ret, err);
        if (r == -ENOENT) {
                err_clear(err);
                return err_hint(err, refuse(err, r, "there is no index '%s' in the making", name),
                                "'isola manifest create %s NAME...' begins one", name);
        }
        if (r >= 0 && ret->version != VERSION) {
                manifest_list_clear(ret);
                return refuse(err, EINVAL, "the index '%s' was made by another version", name);
        }
        return r;
}

int manifest_list_save(const Home *home, const ManifestList *list, Err *err) {
        ManifestList whole = *list;
        autofree char *path = NULL, *full = NULL;
        int r = path_of(list->name, &path, &full, err);

        if (r < 0)
                return r;
        r = dir_make(home->data_fd, DIRECTORY, 0700);
        if (r < 0)
                return fail(err, r, "cannot keep the index '%s'", list->name);
        whole.version = VERSION;
        whole.name = full;
        return json_save(&list_type, home->data_fd, path, &whole, true, err);
}

int manifest_list_remove(const Home *home, const char *name, Err *err) {
        autofree char *path = NULL;
        int r = path_of(name, &path, NULL, err);

        if (r < 0)
                return r;
        if (unlinkat(home->data_fd, path, 0) < 0)
                return errno == ENOENT
                               ? refuse(err, ENOENT, "there is no index '%s' in the making", name)
                               : fail(err, errno, "cannot remove the index '%s'", name);
        return 0;
}

/* ------------------------------------------------------------------ collecting */

/* Where a name was found. */
typedef struct Found {
        ManifestList *list;
        const char *reference;
        char *registry, *repository;
        Remote *remote;
} Found;

static int add_item(const Found *f, const Document *manifest, const OciPlatform *platform,
                    Err *err) {
        OciDescriptor d = { .media_type = manifest->media_type,
                            .digest = (char *) manifest->digest,
                            .size = (int64_t) manifest->size,
                            .platform = (OciPlatform *) platform };
        autofree char *source =
                str_format("%s/%s@%s", f->registry, f->repository, manifest->digest);
        ManifestListItem *item;

        for (size_t i = 0; i < f->list->n_items; i++)
                if (str_equal(f->list->items[i].descriptor.digest, manifest->digest))
                        return 0;
        item = json_grow(&f->list->items, &f->list->n_items, sizeof *item);
        if (!item || !source)
                return fail(err, ENOMEM, "cannot add '%s'", f->reference);
        item->source = take_ptr(source);
        item->reference = strdup(f->reference);
        return item->reference && json_clone(&oci_descriptor_type, &d, &item->descriptor) >= 0
                       ? 0
                       : fail(err, ENOMEM, "cannot add '%s'", f->reference);
}

/* @said: the platform that an index says, or NULL: the config says it. */
static int add_manifest(const Found *f, const Document *manifest, const OciPlatform *said,
                        Err *err) {
        const OciManifest *m = manifest->said.manifest;
        autodocument config = {};
        OciPlatform platform = {};
        int r;

        if (said)
                return add_item(f, manifest, said, err);
        if (!media_type_is_config(m->config.media_type))
                return refuse(err, ENOTSUP, "'%s' is no image but an artifact of the type '%s'",
                              f->reference, m->config.media_type);
        r = document_fetch_config(f->remote, f->repository, &m->config, m->n_layers, &config, err);
        if (r < 0)
                return r;
        platform.os = config.said.image->os;
        platform.architecture = config.said.image->architecture;
        platform.variant = config.said.image->variant;
        return add_item(f, manifest, &platform, err);
}

static int add_found(const Found *f, const Document *top, Err *err) {
        const OciIndex *index = top->said.index;
        int r = 0;

        if (!index)
                return add_manifest(f, top, NULL, err);
        for (size_t i = 0; i < index->n_manifests && r >= 0; i++) {
                const OciDescriptor *d = &index->manifests[i];
                autodocument one = {};

                if (!platform_is_real(d) || !media_type_is_manifest(d->media_type))
                        continue;
                r = document_fetch(f->remote, f->repository, d->digest, &one, err);
                if (r >= 0)
                        r = add_manifest(f, &one, d->platform, err);
        }
        return r;
}

int manifest_list_add(ManifestList *list, const char *reference, const PlaceOptions *place,
                      Err *err) {
        Found f = { .list = list, .reference = reference };
        autoptr(Reference) ref = NULL;
        autodocument top = {};
        const char *wanted;
        int r = reference_parse(reference, &ref, err);

        if (r < 0)
                return r;
        if (reference_split(ref, &f.registry, &f.repository) < 0)
                return fail(err, ENOMEM, "cannot add '%s'", reference);
        wanted = ref->digest ? ref->digest : ref->tag;
        r = place_open(f.registry, f.repository, wanted, place, &f.remote, err);
        if (r >= 0)
                r = document_fetch(f.remote, f.repository, wanted, &top, err);
        if (r >= 0)
                r = add_found(&f, &top, err);
        remote_free(f.remote);
        free(f.registry);
        free(f.repository);
        return r;
}

ManifestListItem *manifest_list_find(const ManifestList *list, const char *reference) {
        const char *at = strchr(reference, '@');

        for (size_t i = 0; i < list->n_items; i++) {
                ManifestListItem *item = &list->items[i];

                if (str_equal(item->reference, reference) ||
                    str_equal(item->descriptor.digest, at ? at + 1 : reference))
                        return item;
        }
        return NULL;
}

char *manifest_list_text(const ManifestList *list, const char **ret_media_type) {
        OciDescriptor *manifests = calloc(list->n_items + 1, sizeof *manifests);
        OciIndex index = { .schema_version = 2,
                           .media_type = (char *) DOCKER_MEDIA_INDEX,
                           .manifests = manifests,
                           .n_manifests = list->n_items };
        char *text;

        if (!manifests)
                return NULL;
        for (size_t i = 0; i < list->n_items; i++) {
                manifests[i] = list->items[i].descriptor;
                if (!str_equal(manifests[i].media_type, DOCKER_MEDIA_MANIFEST))
                        index.media_type = (char *) OCI_MEDIA_INDEX;
        }
        text = json_text(&oci_index_type, &index);
        *ret_media_type = index.media_type;
        free(manifests);
        return text;
}

/* ------------------------------------------------------------------ pushing */

/* What is in another repository is copied, or mounted, beside the index. */
static int push_item(const Home *home, const ManifestListItem *item, const Reference *to,
                     const PlaceOptions *place, const Watcher *watcher, Err *err) {
        autofree char *name = str_format("%s@%s", to->name, item->descriptor.digest);
        const CopyOptions options = { .watcher = *watcher };
        char digest[DIGEST_LENGTH + 1];
        autoptr(Source) source = NULL;
        autoptr(Reference) from = NULL;
        autoptr(Dest) dest = NULL;
        size_t n;
        int r;

        if (!name)
                return fail(err, ENOMEM, "cannot push");
        r = reference_parse(item->source, &from, err);
        if (r < 0 || str_equal(from->name, to->name))
                return r;
        r = source_open_registry(home, item->source, place, &source, err);
        if (r >= 0)
                r = dest_open_registry(name, place, &dest, err);
        if (r >= 0)
                r = copy_image(source, source_images(source, &n), dest, NULL, &options, digest,
                               err);
        return r < 0 ? err_prefix(err, r, "'%s'", item->reference) : 0;
}

int manifest_list_push(const Home *home, const ManifestList *list, const PlaceOptions *place,
                       const Watcher *watcher, char ret_digest[DIGEST_LENGTH + 1], Err *err) {
        const char *media_type;
        autodocument index = {};
        autoptr(Reference) ref = NULL;
        autoptr(Dest) dest = NULL;
        char *text;
        int r = reference_parse(list->name, &ref, err);

        for (size_t i = 0; i < list->n_items && r >= 0; i++)
                r = push_item(home, &list->items[i], ref, place, watcher, err);
        if (r < 0)
                return r;
        text = manifest_list_text(list, &media_type);
        if (!text)
                return fail(err, ENOMEM, "cannot write the index");
        r = document_take(&index, text, strlen(text), media_type, err);
        if (r >= 0)
                r = dest_open_registry(list->name, place, &dest, err);
        if (r >= 0)
                r = dest_name(dest, &index, NULL, NULL, err);
        if (r >= 0)
                memcpy(ret_digest, index.digest, DIGEST_LENGTH + 1);
        return r;
}
