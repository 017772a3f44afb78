/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/str.h"
#include "store/describe.h"
#include "store/inroot.h"
#include "store/sandbox.h"
#include "store/tar.h"
#include "store/tar_read.h"

#define DOCUMENT_MAX (4u << 20)
#define DOCKER_MAX   (16u << 20)
#define ITEMS_MAX    100000

static const JsonField archive_item_fields[] = {
        JSON_STRING(ArchiveItem, name, "name", JSON_REQUIRED),
        JSON_STRING(ArchiveItem, link, "link"),
        JSON_I64(ArchiveItem, offset, "offset"),
        JSON_I64(ArchiveItem, size, "size"),
        {},
};
static const JsonType archive_item_type = { sizeof(ArchiveItem), archive_item_fields };

static const JsonField docker_fields[] = {
        JSON_STRING(DockerImage, config, "Config", JSON_REQUIRED),
        JSON_STRINGS(DockerImage, layers, "Layers"),
        JSON_STRINGS(DockerImage, tags, "RepoTags"),
        {},
};
static const JsonType docker_type = { sizeof(DockerImage), docker_fields };

static const JsonField cache_step_fields[] = {
        JSON_STRING(CacheStep, key, "key", JSON_REQUIRED),
        JSON_STRING(CacheStep, created, "created", JSON_REQUIRED),
        JSON_STRING(CacheStep, diff_id, "diffId"),
        JSON_I64(CacheStep, layer, "layer"),
        {},
};
static const JsonType cache_step_type = { sizeof(CacheStep), cache_step_fields };

static const JsonField cache_list_fields[] = {
        JSON_INT(CacheList, version, "version", JSON_REQUIRED),
        JSON_ARRAY(CacheList, steps, CacheStep, "steps", &cache_step_type, JSON_ALWAYS),
        {},
};
const JsonType cache_list_type = { sizeof(CacheList), cache_list_fields };

static const JsonField description_fields[] = {
        JSON_POINTER(Description, index, OciIndex, "index", &oci_index_type),
        JSON_POINTER(Description, manifest, OciManifest, "manifest", &oci_manifest_type),
        JSON_POINTER(Description, image, OciImage, "image", &oci_image_type),
        JSON_ARRAY(Description, items, ArchiveItem, "items", &archive_item_type),
        JSON_ARRAY(Description, images, DockerImage, "images", &docker_type),
        JSON_ARRAY(Description, steps, CacheStep, "steps", &cache_step_type),
        {},
};
const JsonType description_type = { sizeof(Description), description_fields };

void description_clear(Description *d) {
        json_clear(&description_type, d);
}

/* ------------------------------------------------------------------ in the helper */

static int read_text(int fd, size_t max, char **ret, size_t *ret_size, Err *err) {
        struct stat st;
        autofree char *text = NULL;
        ssize_t n;

        if (fstat(fd, &st) < 0)
                return fail(err, errno, "cannot read the document");
        if (st.st_size < 0 || (uint64_t) st.st_size > max)
                return refuse(err, EFBIG, "a document of %lld bytes is too long",
                              (long long) st.st_size);
        text = malloc((size_t) st.st_size + 1);
        n = text ? fd_read_all(fd, text, (size_t) st.st_size) : -ENOMEM;
        if (n < 0)
                return fail(err, (int) n, "cannot read the document");
        text[n] = 0;
        *ret = take_ptr(text);
        *ret_size = (size_t) n;
        return 0;
}

static ssize_t read_archive(void *context, void *buffer, size_t n, Err *err) {
        ssize_t got = fd_read_all(*(int *) context, buffer, n);

        return got < 0 ? fail(err, (int) got, "cannot read the archive") : got;
}

static int skip_archive(void *context, int64_t n, Err *err) {
        return lseek(*(int *) context, n, SEEK_CUR) < 0
                       ? fail(err, errno, "cannot read the archive")
                       : 0;
}

static int add_item(Description *ret, const TarEntry *e, Err *err) {
        ArchiveItem *item = json_grow(&ret->items, &ret->n_items, sizeof *item);

        if (!item)
                return fail(err, ENOMEM, "cannot list the archive");
        item->name = strdup(e->name);
        item->link = e->type == TAR_SYMLINK || e->type == TAR_HARDLINK ? strdup(e->link) : NULL;
        item->offset = e->contents;
        item->size = e->size;
        if (!item->name)
                return fail(err, ENOMEM, "cannot list the archive");
        if (inroot_clean(item->name) < 0)
                return refuse(err, EBADMSG, "'%s' leads out of the archive", e->name);
        /* Docker's old archives link a layer to another image's: "../HEX/layer.tar". */
        if (item->link && e->type == TAR_SYMLINK) {
                char *slash = strrchr(item->name, '/');
                const char *rest = str_after(item->link, "../");
                const char *up =
                        slash ? memrchr(item->name, '/', (size_t) (slash - item->name)) : NULL;
                char *joined = str_format("%.*s%s", up ? (int) (up - item->name + 1) : 0,
                                          item->name, rest ? rest : item->link);

                free(item->link);
                item->link = joined;
        }
        if (item->link && inroot_clean(item->link) < 0)
                free(take_ptr(item->link));
        return 0;
}

static int scan(int archive, Description *ret, Err *err) {
        __attribute__((__cleanup__(TarReader_auto))) TarReader *reader = NULL;
        const TarEntry *entry;
        int r;

        r = tar_reader_new(read_archive, &archive, &reader, err);
        if (r < 0)
                return r;
        tar_reader_set_skip(reader, skip_archive);
        while ((r = tar_next(reader, &entry, err)) > 0) {
                if (entry->type == TAR_DIRECTORY)
                        continue;
                if (ret->n_items >= ITEMS_MAX)
                        return refuse(err, EBADMSG, "the archive has more than %d files",
                                      ITEMS_MAX);
                r = add_item(ret, entry, err);
                if (r < 0)
                        return r;
        }
        return r;
}

typedef struct DockerList {
        DockerImage *images;
        size_t n_images;
} DockerList;

static const JsonField docker_list_fields[] = {
        JSON_ARRAY(DockerList, images, DockerImage, "images", &docker_type),
        {},
};
static const JsonType docker_list_type = { sizeof(DockerList), docker_list_fields };

int describe_read_docker(const char *text, size_t size, Description *ret, Err *err) {
        autostr object = {};
        DockerList list = {};
        int r;

        /* The table reader wants an object around the list. */
        str_put(&object, "{\"images\":");
        str_put_bytes(&object, text, size);
        str_put_char(&object, '}');
        if (object.failed)
                return fail(err, ENOMEM, "cannot read manifest.json");
        r = json_parse(&docker_list_type, object.text, object.length, "manifest.json", &list, err);
        ret->images = list.images;
        ret->n_images = list.n_images;
        for (size_t i = 0; i < list.n_images && r >= 0; i++) {
                DockerImage *image = &list.images[i];

                r = inroot_clean(image->config);
                strv_foreach(layer, image->layers)
                        if (r >= 0)
                                r = inroot_clean(*layer);
                if (r < 0)
                        r = refuse(err, EBADMSG,
                                   "manifest.json names files outside of the archive");
        }
        return r;
}

/* A cache of another version has nothing for us. */
static int read_cache(const char *text, size_t size, size_t n_layers, Description *ret, Err *err) {
        CacheList list = {};
        int r = json_parse(&cache_list_type, text, size, "build cache", &list, err);

        if (r >= 0 && list.version == CACHE_LIST_VERSION) {
                ret->steps = take_ptr(list.steps);
                ret->n_steps = list.n_steps;
                list.n_steps = 0;
        }
        json_clear(&cache_list_type, &list);
        for (size_t i = 0; r >= 0 && i < ret->n_steps; i++) {
                const CacheStep *step = &ret->steps[i];
                int64_t created;

                if (!digest_is_valid(step->key) ||
                    clock_parse_rfc3339(step->created, &created) < 0 ||
                    (step->diff_id && (!digest_is_valid(step->diff_id) || step->layer < 0 ||
                                       (uint64_t) step->layer >= n_layers)))
                        r = refuse(err, EBADMSG, "step %zu of the build cache is damaged", i);
        }
        return r;
}

int describe_read(const char *kind, int fd, const char *media_type, size_t n_layers,
                  Description *ret, Err *err) {
        OciDocument document = {};
        autofree char *text = NULL;
        size_t size;
        int r;

        if (str_equal(kind, "archive"))
                return scan(fd, ret, err);
        r = read_text(fd, str_equal(kind, "docker") ? DOCKER_MAX : DOCUMENT_MAX, &text, &size, err);
        if (r < 0)
                return r;
        if (str_equal(kind, "docker"))
                return describe_read_docker(text, size, ret, err);
        if (str_equal(kind, "cache"))
                return read_cache(text, size, n_layers, ret, err);
        if (str_equal(kind, "document")) {
                r = document_read(text, size, media_type, &document, err);
                ret->index = document.index;
                ret->manifest = document.manifest;
                return r;
        }
        ret->image = calloc(1, sizeof *ret->image);
        if (!ret->image)
                return fail(err, ENOMEM, "cannot read the config");
        return document_read_config(text, size, media_type, n_layers, ret->image, err);
}

/* ------------------------------------------------------------------ in isola */

static int describe(const char *kind, int fd, const char *media_type, size_t n_layers,
                    Description *ret, Err *err) {
        HelperRequest request = { .verb = (char *) "describe",
                                  .dest = (char *) kind,
                                  .owner = (char *) media_type,
                                  .max_bytes = (int64_t) n_layers };
        const SandboxJob job = { .archive = fd, .request = &request, .description = ret };

        return sandbox_run(&job, NULL, err);
}

static int describe_text(const char *kind, const char *text, size_t size, const char *media_type,
                         size_t n_layers, Description *ret, Err *err) {
        autoclose int memory = memfd_create("isola-document", MFD_CLOEXEC);
        int r = memory < 0 ? -errno : fd_write_all(memory, text, size);

        if (r >= 0 && lseek(memory, 0, SEEK_SET) < 0)
                r = -errno;
        return r < 0 ? fail(err, r, "cannot hand over a document")
                     : describe(kind, memory, media_type, n_layers, ret, err);
}

int describe_document(const char *text, size_t size, const char *media_type, Description *ret,
                      Err *err) {
        return describe_text("document", text, size, media_type, 0, ret, err);
}

int describe_config(const char *text, size_t size, const char *media_type, size_t n_layers,
                    Description *ret, Err *err) {
        return describe_text("config", text, size, media_type, n_layers, ret, err);
}

int describe_cache(const char *text, size_t size, size_t n_layers, Description *ret, Err *err) {
        return describe_text("cache", text, size, NULL, n_layers, ret, err);
}

int describe_docker(const char *text, size_t size, Description *ret, Err *err) {
        return describe_text("docker", text, size, NULL, 0, ret, err);
}

int describe_archive(int archive, Description *ret, Err *err) {
        return lseek(archive, 0, SEEK_SET) < 0 ? fail(err, errno, "cannot read the archive")
                                               : describe("archive", archive, NULL, 0, ret, err);
}
