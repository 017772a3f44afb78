/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <limits.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/digest.h"
#include "base/str.h"
#include "oci/document.h"

#define MEDIA_SCHEMA1 "application/vnd.docker.distribution.manifest.v1"

/* What a document says of itself before anything is believed. */
typedef struct Outline {
        int schema_version;
        char *media_type;
        OciDescriptor *manifests, *layers, *config;
        size_t n_manifests, n_layers;
} Outline;

static const JsonField some_fields[] = { {} };
static const JsonType anything = { sizeof(OciDescriptor), some_fields };
static const JsonField outline_fields[] = {
        JSON_INT(Outline, schema_version, "schemaVersion"),
        JSON_STRING(Outline, media_type, "mediaType"),
        JSON_ARRAY(Outline, manifests, OciDescriptor, "manifests", &anything),
        JSON_ARRAY(Outline, layers, OciDescriptor, "layers", &anything),
        JSON_POINTER(Outline, config, OciDescriptor, "config", &anything),
        {},
};
static const JsonType outline_type = { sizeof(Outline), outline_fields };

static bool is_type(const char *type, const char *const *known) {
        size_t n = type ? strcspn(type, "; ") : 0;

        for (; n && *known; known++)
                if (strlen(*known) == n && strncmp(*known, type, n) == 0)
                        return true;
        return false;
}

bool media_type_is_index(const char *type) {
        return is_type(type, (const char *[]){ OCI_MEDIA_INDEX, DOCKER_MEDIA_INDEX, NULL });
}

bool media_type_is_manifest(const char *type) {
        return is_type(type, (const char *[]){ OCI_MEDIA_MANIFEST, DOCKER_MEDIA_MANIFEST, NULL });
}

bool media_type_is_config(const char *type) {
        return is_type(type, (const char *[]){ OCI_MEDIA_CONFIG, DOCKER_MEDIA_CONFIG, NULL });
}

bool media_type_is_foreign(const char *type) {
        return str_after(type, "application/vnd.docker.image.rootfs.foreign.diff.tar") ||
               str_after(type, "application/vnd.oci.image.layer.nondistributable.v1.tar");
}

bool media_type_is_layer(const char *type) {
        return str_after(type, OCI_MEDIA_LAYER) ||
               str_after(type, "application/vnd.docker.image.rootfs.diff.tar") ||
               media_type_is_foreign(type);
}

void document_clear(OciDocument *document) {
        if (document->index)
                json_clear(&oci_index_type, document->index);
        if (document->manifest)
                json_clear(&oci_manifest_type, document->manifest);
        if (document->image)
                json_clear(&oci_image_type, document->image);
        free(document->index);
        free(document->manifest);
        free(document->image);
        *document = (OciDocument){};
}

int descriptor_data(const OciDescriptor *d, char **ret, Err *err) {
        size_t n = strlen(d->data), padding = 0;
        autofree unsigned char *bytes = malloc(n + 4);
        char found[DIGEST_LENGTH + 1];
        int length;

        if (!bytes)
                return fail(err, ENOMEM, "cannot read the data of a descriptor");
        while (padding < 2 && padding < n && d->data[n - 1 - padding] == '=')
                padding++;
        length = n % 4 == 0 && n <= INT_MAX
                         ? EVP_DecodeBlock(bytes, (const unsigned char *) d->data, (int) n)
                         : -1;
        if (length < 0 || length - (int64_t) padding != d->size)
                return refuse(err, EBADMSG, "the data of a descriptor are not %lld bytes in base64",
                              (long long) d->size);
        bytes[d->size] = 0;
        digest_of(bytes, (size_t) d->size, found);
        if (!str_equal(found, d->digest))
                return refuse(err, EBADMSG, "the data of a descriptor have the digest %s, not %s",
                              found, d->digest);
        *ret = (char *) take_ptr(bytes);
        return 0;
}

static int check_data(const OciDescriptor *d, Err *err) {
        autofree char *text = NULL;

        return d->data ? descriptor_data(d, &text, err) : 0;
}

static int check_descriptor(const OciDescriptor *d, const char *what, Err *err) {
        if (d->size < 0)
                return refuse(err, EBADMSG, "%s has a negative size", what);
        if (!digest_is_valid(d->digest))
                return refuse(err, EBADMSG, "%s has the digest '%s', which isola cannot check",
                              what, d->digest);
        if (!*d->media_type)
                return refuse(err, EBADMSG, "%s has no media type", what);
        return check_data(d, err);
}

static int check_index(const OciIndex *index, Err *err) {
        int r = 0;

        for (size_t i = 0; i < index->n_manifests && r >= 0; i++)
                r = check_descriptor(&index->manifests[i], "a manifest in the index", err);
        return r;
}

static int check_manifest(const OciManifest *m, Err *err) {
        int r = check_descriptor(&m->config, "the config", err);

        if (r >= 0 && m->n_layers > OCI_LAYERS_MAX)
                return refuse(err, EBADMSG, "%zu layers are more than %d", m->n_layers,
                              OCI_LAYERS_MAX);
        for (size_t i = 0; i < m->n_layers && r >= 0; i++)
                r = check_descriptor(&m->layers[i], "a layer", err);
        if (r >= 0 && m->subject)
                r = check_descriptor(m->subject, "the subject", err);
        return r;
}

/* Whether it is an index; everything that can be said two ways is refused. */
static int decide(const Outline *o, const char *media_type, bool *ret_index, Err *err) {
        bool like_index = o->manifests, like_manifest = o->layers || o->config;
        const char *type = str_empty(o->media_type) ? media_type : o->media_type;

        if (str_after(str_empty(type) ? "" : type, MEDIA_SCHEMA1) || o->schema_version == 1)
                return err_hint(err,
                                refuse(err, ENOTSUP,
                                       "it is in Docker's first image format, which nobody reads "
                                       "any more"),
                                "have it pushed again by a Docker of this decade");
        if (like_index && like_manifest)
                return refuse(err, EBADMSG, "it is a manifest and an index at once");
        if (!str_empty(o->media_type) && !str_empty(media_type) &&
            (media_type_is_index(media_type) || media_type_is_manifest(media_type)) &&
            strncmp(o->media_type, media_type, strcspn(media_type, "; ")) != 0)
                return refuse(err, EBADMSG, "it came as '%s' but says it is '%s'", media_type,
                              o->media_type);
        if (media_type_is_index(type) ? like_manifest : media_type_is_manifest(type) && like_index)
                return refuse(err, EBADMSG, "it is not the '%s' that it says it is", type);
        /* An index may be empty. */
        like_index |= !like_manifest && media_type_is_index(type);
        if (!like_index && !like_manifest)
                return refuse(err, EBADMSG, "it is neither a manifest nor an index");
        *ret_index = like_index;
        return 0;
}

static int read_kind(const char *text, size_t size, const char *media_type, bool *ret_index,
                     Err *err) {
        Outline outline = {};
        int r = json_parse(&outline_type, text, size, "manifest", &outline, err);

        if (r < 0)
                return r;
        r = decide(&outline, media_type, ret_index, err);
        json_clear(&outline_type, &outline);
        return r;
}

int document_read(const char *text, size_t size, const char *media_type, OciDocument *ret,
                  Err *err) {
        bool is_index;
        int r = read_kind(text, size, media_type, &is_index, err);

        if (r < 0)
                return r;
        *ret = (OciDocument){};
        if (is_index) {
                ret->index = calloc(1, sizeof *ret->index);
                r = ret->index ? json_parse(&oci_index_type, text, size, "index", ret->index, err)
                               : fail(err, ENOMEM, "cannot read the index");
                if (r >= 0)
                        r = check_index(ret->index, err);
        } else {
                ret->manifest = calloc(1, sizeof *ret->manifest);
                r = ret->manifest ? json_parse(&oci_manifest_type, text, size, "manifest",
                                               ret->manifest, err)
                                  : fail(err, ENOMEM, "cannot read the manifest");
                if (r >= 0)
                        r = check_manifest(ret->manifest, err);
        }
        if (r < 0)
                document_clear(ret);
        return r;
}

static int check_config(const OciImage *image, size_t n_layers, Err *err) {
        size_t n = strv_length(image->rootfs.diff_ids);

        if (!str_equal(image->rootfs.type, "layers"))
                return refuse(err, EBADMSG, "its root file system is of the unknown type '%s'",
                              image->rootfs.type);
        if (n != n_layers)
                return refuse(err, EBADMSG, "its config speaks of %zu layers, its manifest of %zu",
                              n, n_layers);
        strv_foreach(diff_id, image->rootfs.diff_ids)
                if (!digest_is_valid(*diff_id))
                        return refuse(err, EBADMSG, "'%s' is no digest that isola can check",
                                      *diff_id);
        return 0;
}

int document_read_config(const char *text, size_t size, const char *media_type, size_t n_layers,
                         OciImage *ret, Err *err) {
        int r;

        if (!str_empty(media_type) && !media_type_is_config(media_type))
                return refuse(err, ENOTSUP, "it is no image but an artifact of the type '%s'",
                              media_type);
        r = json_parse(&oci_image_type, text, size, "config", ret, err);
        if (r < 0)
                return r;
        r = check_config(ret, n_layers, err);
        if (r < 0)
                json_clear(&oci_image_type, ret);
        return r;
}
