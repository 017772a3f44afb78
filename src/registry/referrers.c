/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What refers to a manifest: signatures, attestations, and other artifacts with a subject
 *
 * A registry either lists them itself (distribution-spec, "Listing Referrers") or does not know of
 * them; then whoever pushes or deletes one keeps an index of them under a tag that is made of the
 * subject's digest ("Referrers Tag Schema").
 */

#include <string.h>

#include "base/digest.h"
#include "base/file.h"
#include "base/str.h"
#include "oci/image.h"
#include "registry/challenge.h"
#include "registry/ops.h"
#include "registry/referrers.h"

#define PAGE_MAX  (4u << 20)
#define PAGES_MAX 1000

/* What a manifest or an index says of itself as a referrer. */
typedef struct Referrer {
        char *artifact_type;
        OciDescriptor *config, *subject;
        char **annotations;
} Referrer;

static const JsonField config_fields[] = {
        JSON_STRING(OciDescriptor, media_type, "mediaType"),
        {},
};
static const JsonType config_type = { sizeof(OciDescriptor), config_fields };
static const JsonField referrer_fields[] = {
        JSON_STRING(Referrer, artifact_type, "artifactType"),
        JSON_POINTER(Referrer, config, OciDescriptor, "config", &config_type),
        JSON_POINTER(Referrer, subject, OciDescriptor, "subject", &oci_descriptor_type),
        JSON_PAIRS(Referrer, annotations, "annotations"),
        {},
};
static const JsonType referrer_type = { sizeof(Referrer), referrer_fields };

static void referrer_clear(Referrer *referrer) {
        json_clear(&referrer_type, referrer);
}
#define autoreferrer __attribute__((__cleanup__(referrer_clear))) Referrer

static void index_clear(OciIndex *index) {
        json_clear(&oci_index_type, index);
}
#define autoindex __attribute__((__cleanup__(index_clear))) OciIndex

/* sha256:HEX is the tag sha256-HEX. */
static char *referrers_tag(const char *digest) {
        char *tag = strdup(digest);

        if (tag && strchr(tag, ':'))
                *strchr(tag, ':') = '-';
        return tag;
}

static bool is_wanted(const OciDescriptor *d, const char *artifact_type) {
        return str_empty(artifact_type) || str_equal(d->artifact_type, artifact_type);
}

/* Moves what is of the type to @into, once each. */
static int take_page(const char *text, size_t size, const char *artifact_type, OciIndex *into,
                     Err *err) {
        autoindex page = {};
        int r = json_parse(&oci_index_type, text, size, "referrers", &page, err);

        for (size_t i = 0; i < page.n_manifests && r >= 0; i++) {
                OciDescriptor *d = &page.manifests[i], *place;
                bool there = false;

                for (size_t k = 0; k < into->n_manifests; k++)
                        there |= str_equal(into->manifests[k].digest, d->digest);
                if (there || !is_wanted(d, artifact_type))
                        continue;
                place = json_grow(&into->manifests, &into->n_manifests, sizeof *place);
                if (!place)
                        return fail(err, ENOMEM, "cannot list what refers to it");
                *place = *d;
                *d = (OciDescriptor){};
        }
        return r;
}

/* One page, from @path or @url; 1 if it is there, @ret_next the page after it. */
static int ask_page(OpRun *run, const char *path, const char *url, const char *artifact_type,
                    OciIndex *into, char **ret_next, Err *err) {
        size_t last = run->client->setup->n_endpoints - 1;
        autofree char *scope = op_pull_scope(run, last), *link = NULL;
        char *headers[] = { (char *) "Accept: " OCI_MEDIA_INDEX, NULL };
        ClientRequest q = { .method = "GET",
                            .path = path,
                            .url = url,
                            .scope = scope,
                            .headers = headers,
                            .max_body = PAGE_MAX };
        HttpResponse response = {};
        const char *header;
        int r;

        if (!scope)
                return fail(err, ENOMEM, "cannot ask the registry");
        r = client_ask(run->client, last, run->http, &q, &response, err);
        if (r < 0)
                return op_cannot_ask(run, r, err);
        if (response.status == 200) {
                r = take_page(response.body, response.body_size, artifact_type, into, err);
                header = http_header(&response, "link");
                link = header ? link_next(header) : NULL;
                *ret_next = link ? client_location(&response, link) : NULL;
                r = r < 0 ? r : 1;
        } else if (response.status != 404) {
                r = client_refused(run->client, &response, "referrers", err);
        }
        http_response_clear(&response);
        return r;
}

/* The registry's own list, all pages: 1 if it keeps one. */
static int ask_registry(OpRun *run, const char *digest, const char *artifact_type, OciIndex *into,
                        Err *err) {
        autofree char *escaped = artifact_type ? http_escape(artifact_type) : NULL, *path = NULL;
        autofree char *url = NULL;

        path = str_format("%s/referrers/%s%s%s", run->op->repository, digest,
                          escaped ? "?artifactType=" : "", escaped ? escaped : "");
        if (!path || (artifact_type && !escaped))
                return fail(err, ENOMEM, "cannot ask the registry");
        for (int pages = 0; pages < PAGES_MAX; pages++) {
                char *next = NULL;
                int r = ask_page(run, path, url, artifact_type, into, &next, err);

                free(url);
                url = next;
                if (r <= 0 || !url)
                        return r;
        }
        return refuse(err, EBADMSG, "the registry's list of referrers does not end");
}

/* The index under the tag: 1 if there is one. */
static int ask_tag(OpRun *run, const char *digest, const char *artifact_type, OciIndex *into,
                   Err *err) {
        autofree char *tag = referrers_tag(digest), *path = NULL, *next = NULL;

        path = tag ? str_format("%s/manifests/%s", run->op->repository, tag) : NULL;
        return path ? ask_page(run, path, NULL, artifact_type, into, &next, err)
                    : fail(err, ENOMEM, "cannot ask the registry");
}

int op_referrers(OpRun *run, Err *err) {
        const char *type = run->op->text;
        autofree char *text = NULL;
        autoindex all = { .schema_version = 2 };
        int r = ask_registry(run, run->op->digest, type, &all, err);

        if (r == 0)
                r = ask_tag(run, run->op->digest, type, &all, err);
        if (r < 0)
                return r;
        all.media_type = strdup(OCI_MEDIA_INDEX);
        text = all.media_type ? json_text(&oci_index_type, &all) : NULL;
        r = text ? fd_write_all(run->fd, text, strlen(text)) : -ENOMEM;
        if (r < 0)
                return fail(err, r, "cannot keep the registry's list");
        run->reply->bytes = (int64_t) strlen(text);
        run->reply->found = all.n_manifests > 0;
        return 0;
}

/* ------------------------------------------------------------------ keeping the tag */

static int put_index(OpRun *run, const char *digest, OciIndex *index, Err *err) {
        autofree char *tag = referrers_tag(digest), *text = NULL;
        HttpResponse response = {};
        int r;

        index->schema_version = 2;
        if (!index->media_type)
                index->media_type = strdup(OCI_MEDIA_INDEX);
        text = json_text(&oci_index_type, index);
        if (!tag || !text)
                return fail(err, ENOMEM, "cannot list a referrer");
        r = op_put_document(run, tag, OCI_MEDIA_INDEX, text, strlen(text), &response, err);
        http_response_clear(&response);
        return r;
}

static int add(OciIndex *index, const Referrer *referrer, const char *media_type,
               const char *digest, size_t size) {
        const char *type = !str_empty(referrer->artifact_type) ? referrer->artifact_type
                           : referrer->config                  ? referrer->config->media_type
                                                               : NULL;
        OciDescriptor *d;

        for (size_t i = 0; i < index->n_manifests; i++)
                if (str_equal(index->manifests[i].digest, digest))
                        return 0;
        d = json_grow(&index->manifests, &index->n_manifests, sizeof *d);
        if (!d)
                return -ENOMEM;
        d->media_type = strdup(media_type);
        d->digest = strdup(digest);
        d->size = (int64_t) size;
        return d->media_type && d->digest && str_set(&d->artifact_type, type) >= 0 &&
                               strv_copy(referrer->annotations, &d->annotations) >= 0
                       ? 1
                       : -ENOMEM;
}

int referrers_note(OpRun *run, const char *media_type, const char *text, size_t size, Err *err) {
        char digest[DIGEST_LENGTH + 1];
        autoreferrer referrer = {};
        autoindex index = {};
        int r;

        if (json_parse(&referrer_type, text, size, "manifest", &referrer, NULL) < 0 ||
            !referrer.subject || !digest_is_valid(referrer.subject->digest))
                return 0;
        digest_of(text, size, digest);
        r = ask_tag(run, referrer.subject->digest, NULL, &index, err);
        if (r < 0)
                return r;
        r = add(&index, &referrer, media_type, digest, size);
        if (r < 0)
                return fail(err, r, "cannot list a referrer");
        return r ? put_index(run, referrer.subject->digest, &index, err) : 0;
}

static int ask_delete(OpRun *run, const char *reference, Err *err) {
        size_t last = run->client->setup->n_endpoints - 1;
        autofree char *path = str_format("%s/manifests/%s", run->op->repository, reference);
        autofree char *scope = op_scope(run->op->repository, "pull,push,delete");
        autofree char *what = str_format("removing '%s'", reference);
        ClientRequest q = { .method = "DELETE", .path = path, .scope = scope };
        HttpResponse response = {};
        int r;

        if (!path || !scope || !what)
                return fail(err, ENOMEM, "cannot ask the registry");
        r = client_ask(run->client, last, run->http, &q, &response, err);
        if (r < 0)
                return op_cannot_ask(run, r, err);
        if (response.status == 400 || response.status == 405)
                r = refuse(err, EOPNOTSUPP, "the registry '%s' does not remove %s",
                           run->client->setup->registry,
                           strchr(reference, ':') ? "anything" : "tags");
        else if (response.status != 202 && response.status != 200 && response.status != 204)
                r = client_refused(run->client, &response, what, err);
        http_response_clear(&response);
        return r;
}

/* Takes what was removed off the list under its subject's tag, which goes with its last entry. */
static int forget(OpRun *run, const Referrer *referrer, const char *digest, Err *err) {
        OciIndex none = {};
        autoindex index = {};
        size_t kept = 0;
        int r = ask_registry(run, referrer->subject->digest, NULL, &none, err);

        json_clear(&oci_index_type, &none);
        if (r != 0)
                return r < 0 ? r : 0;
        r = ask_tag(run, referrer->subject->digest, NULL, &index, err);
        if (r <= 0)
                return r;
        for (size_t i = 0; i < index.n_manifests; i++) {
                if (str_equal(index.manifests[i].digest, digest))
                        json_clear(&oci_descriptor_type, &index.manifests[i]);
                else
                        index.manifests[kept++] = index.manifests[i];
        }
        if (kept == index.n_manifests)
                return 0;
        index.n_manifests = kept;
        return put_index(run, referrer->subject->digest, &index, err);
}

int op_delete(OpRun *run, Err *err) {
        const char *reference = run->op->reference;
        size_t last = run->client->setup->n_endpoints - 1;
        autofree char *path = str_format("%s/manifests/%s", run->op->repository, reference);
        autofree char *scope = op_pull_scope(run, last);
        char *headers[] = { (char *) "Accept: " OCI_MEDIA_MANIFEST ", " OCI_MEDIA_INDEX
                                     ", " DOCKER_MEDIA_MANIFEST ", " DOCKER_MEDIA_INDEX,
                            NULL };
        ClientRequest q = { .method = "GET",
                            .path = path,
                            .scope = scope,
                            .headers = headers,
                            .max_body = PAGE_MAX };
        HttpResponse response = {};
        autoreferrer referrer = {};
        int r;

        if (!path || !scope)
                return fail(err, ENOMEM, "cannot ask the registry");
        r = client_ask(run->client, last, run->http, &q, &response, err);
        if (r < 0)
                return op_cannot_ask(run, r, err);
        if (response.status != 200)
                r = client_refused(run->client, &response, "manifest", err);
        else
                (void) json_parse(&referrer_type, response.body, response.body_size, "manifest",
                                  &referrer, NULL);
        http_response_clear(&response);
        if (r >= 0)
                r = ask_delete(run, reference, err);
        if (r >= 0 && digest_is_valid(reference) && referrer.subject &&
            digest_is_valid(referrer.subject->digest))
                r = forget(run, &referrer, reference, err);
        return r;
}
