/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <string.h>

#include "base/str.h"
#include "oci/platform.h"
#include "transfer/document.h"

#define NESTED_MAX 4

void document_free(Document *document) {
        free(document->text);
        free(document->media_type);
        description_clear(&document->said);
        *document = (Document){};
}

static int keep(Document *document, char *text, size_t size, const char *media_type) {
        document->text = text;
        document->size = size;
        document->media_type = strdup(media_type ? media_type : "");
        digest_of(text, size, document->digest);
        return document->media_type ? 0 : -ENOMEM;
}

int document_take(Document *document, char *text, size_t size, const char *media_type, Err *err) {
        const char *inside;
        int r = keep(document, text, size, media_type);

        if (r < 0)
                return fail(err, r, "cannot read a manifest");
        r = describe_document(text, size, media_type, &document->said, err);
        if (r < 0)
                return r;
        /* Some registries say "application/json", or nothing. */
        inside = document->said.index      ? document->said.index->media_type
                 : document->said.manifest ? document->said.manifest->media_type
                                           : NULL;
        if (!inside)
                inside = document->said.index ? OCI_MEDIA_INDEX : OCI_MEDIA_MANIFEST;
        if (media_type_is_index(document->media_type) ||
            media_type_is_manifest(document->media_type))
                return 0;
        return str_set(&document->media_type, inside) < 0
                       ? fail(err, ENOMEM, "cannot read a manifest")
                       : 0;
}

int document_check(const Document *document, const char *digest, int64_t size, const char *what,
                   Err *err) {
        if (size >= 0 && (int64_t) document->size != size)
                return refuse(err, EBADMSG, "the %s has %zu bytes, not %lld", what, document->size,
                              (long long) size);
        if (!str_equal(document->digest, digest))
                return refuse(err, EBADMSG, "the digest of the %s that came is %s, not %s", what,
                              document->digest, digest);
        return 0;
}

int document_fetch(Remote *remote, const char *repository, const char *reference, Document *ret,
                   Err *err) {
        NetOp op = { .kind = (char *) "document",
                     .repository = (char *) repository,
                     .reference = (char *) reference };
        autofree char *type = NULL;
        char found[DIGEST_LENGTH + 1], *text = NULL;
        size_t size;
        int r;

        r = remote_text(remote, &op, &text, &size, &type, err);
        if (r < 0)
                return r;
        /* Before anybody reads it. */
        digest_of(text, size, found);
        if (digest_is_valid(reference) && !str_equal(found, reference)) {
                free(text);
                return refuse(err, EBADMSG, "the digest of the manifest that came is %s, not %s",
                              found, reference);
        }
        r = document_take(ret, text, size, type, err);
        return r < 0 ? err_prefix(err, r, "manifest '%s' of '%s'", reference, repository) : 0;
}

int document_fetch_config(Remote *remote, const char *repository, const OciDescriptor *d,
                          size_t n_layers, Document *ret, Err *err) {
        NetOp op = { .kind = (char *) "config",
                     .repository = (char *) repository,
                     .digest = d->digest };
        char *text = NULL;
        size_t size = (size_t) d->size;
        int r;

        /* What the manifest brings along was checked when that was read. */
        r = d->data ? descriptor_data(d, &text, err)
                    : remote_text(remote, &op, &text, &size, NULL, err);
        if (r < 0)
                return r;
        r = keep(ret, text, size, d->media_type);
        if (r < 0)
                return fail(err, r, "cannot read a config");
        r = document_check(ret, d->digest, d->size, "config", err);
        return r < 0 ? r : describe_config(text, size, d->media_type, n_layers, &ret->said, err);
}

static int choose(const OciIndex *index, const OciPlatform *want, const char *name, DocumentGet get,
                  void *context, int depth, Document *ret, Err *err);

/* What an entry names, or of an index what fits in there. */
static int enter(const OciDescriptor *d, const OciPlatform *want, const char *name, DocumentGet get,
                 void *context, int depth, Document *ret, Err *err) {
        autodocument found = {};
        int r = get(context, d, &found, err);

        if (r < 0)
                return r;
        if (found.said.index)
                return choose(found.said.index, want, name, get, context, depth + 1, ret, err);
        *ret = found;
        found = (Document){};
        return 0;
}

/* An entry that says its platform comes first; then indexes that say none are looked into. */
static int choose(const OciIndex *index, const OciPlatform *want, const char *name, DocumentGet get,
                  void *context, int depth, Document *ret, Err *err) {
        autoerr nothing = {};
        int r;

        if (depth > NESTED_MAX)
                return refuse(err, EBADMSG, "indexes are nested deeper than %d", NESTED_MAX);
        r = platform_choose(index, want, name, &nothing);
        if (r >= 0)
                return enter(&index->manifests[r], want, name, get, context, depth, ret, err);
        for (size_t i = 0; i < index->n_manifests && r == -ENOENT; i++) {
                const OciDescriptor *d = &index->manifests[i];

                if (!media_type_is_index(d->media_type) || d->platform)
                        continue;
                err_clear(&nothing);
                r = enter(d, want, name, get, context, depth, ret, &nothing);
        }
        if (r < 0 && err) {
                err_clear(err);
                *err = nothing;
                nothing = (Err){};
        }
        return r;
}

int document_choose(const OciIndex *index, const OciPlatform *want, const char *name,
                    DocumentGet get, void *context, Document *ret, Err *err) {
        return choose(index, want, name, get, context, 0, ret, err);
}
