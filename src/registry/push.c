/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <string.h>

#include "base/digest.h"
#include "base/file.h"
#include "base/str.h"
#include "oci/image.h"
#include "registry/ops.h"

#define CHUNK_SIZE   (64ll << 20) /* one PATCH; what is lost at most when a connection breaks */
#define DOCUMENT_MAX (4u << 20)

/* The registry itself: mirrors are not written to. */
static size_t origin(const OpRun *run) {
        return run->client->setup->n_endpoints - 1;
}

static int ask(OpRun *run, ClientRequest *q, HttpResponse *ret, Err *err) {
        int r = client_ask(run->client, origin(run), run->http, q, ret, err);

        return r < 0 ? err_prefix(err, r, "cannot ask the registry '%s'",
                                  run->client->setup->registry)
                     : 0;
}

static char *push_scope(const NetOp *op) {
        if (op->from)
                return str_format("repository:%s:pull,push repository:%s:pull", op->repository,
                                  op->from);
        return op_scope(op->repository, "pull,push");
}

/* An upload under way. */
typedef struct Upload {
        OpRun *run;
        const char *scope;
        char *location;
        int64_t at; /* bytes that the registry has */
} Upload;

static int take_location(Upload *u, const HttpResponse *response, Err *err) {
        const char *location = http_header(response, "location");
        char *url = location ? client_location(response, location) : NULL;

        if (!url)
                return refuse(err, EBADMSG, "the registry '%s' does not say where to send a blob",
                              u->run->client->setup->registry);
        free(u->location);
        u->location = url;
        return 0;
}

static int begin(Upload *u, bool *ret_mounted, Err *err) {
        const NetOp *op = u->run->op;
        autofree char *from = op->from ? http_escape(op->from) : NULL, *path = NULL;
        ClientRequest q = { .method = "POST", .scope = u->scope, .body = "", .has_body = true };
        HttpResponse response = {};
        int r;

        path = from ? str_format("%s/blobs/uploads/?mount=%s&from=%s", op->repository, op->digest,
                                 from)
                    : str_format("%s/blobs/uploads/", op->repository);
        if (!path)
                return fail(err, ENOMEM, "cannot send a blob");
        q.path = path;
        r = ask(u->run, &q, &response, err);
        if (r >= 0 && response.status == 201)
                *ret_mounted = true;
        else if (r >= 0 && response.status == 202)
                r = take_location(u, &response, err);
        else if (r >= 0)
                r = client_refused(u->run->client, &response, "sending a blob", err);
        http_response_clear(&response);
        return r;
}

static void tell_sent(void *context, int64_t bytes) {
        Upload *u = context;

        u->run->progress(u->run->context, u->at + bytes);
}

/* Asks how much arrived: "Range: 0-1023". */
static int ask_where(Upload *u, Err *err) {
        ClientRequest q = { .method = "GET", .url = u->location, .scope = u->scope };
        HttpResponse response = {};
        const char *range, *dash;
        int r = ask(u->run, &q, &response, err);

        if (r < 0)
                return r;
        range = http_header(&response, "range");
        dash = range ? strchr(range, '-') : NULL;
        if (response.status == 204 || response.status == 200 || response.status == 202) {
                u->at = dash ? strtoll(dash + 1, NULL, 10) + 1 : 0;
                if (u->at == 1) /* "0-0" is also how an empty upload is told */
                        u->at = 0;
                r = http_header(&response, "location") ? take_location(u, &response, err) : 0;
        } else {
                r = client_refused(u->run->client, &response, "sending a blob", err);
        }
        http_response_clear(&response);
        return r;
}

static int send_chunk(Upload *u, int64_t size, Err *err) {
        const NetOp *op = u->run->op;
        autofree char *range = str_format("Content-Range: %lld-%lld", (long long) u->at,
                                          (long long) (u->at + size - 1));
        char *headers[] = { (char *) "Content-Type: application/octet-stream", range, NULL };
        ClientRequest q = { .method = "PATCH",
                            .url = u->location,
                            .scope = u->scope,
                            .headers = headers,
                            .body_fd = u->run->fd,
                            .body_offset = op->offset + u->at,
                            .body_size = size,
                            .has_body = true,
                            .sent = tell_sent,
                            .context = u,
                            .once = true };
        HttpResponse response = {};
        int r;

        if (!range)
                return fail(err, ENOMEM, "cannot send a blob");
        r = ask(u->run, &q, &response, err);
        if (r >= 0 &&
            (response.status == 202 || response.status == 201 || response.status == 204)) {
                u->at += size;
                r = take_location(u, &response, err);
        } else if (r >= 0) {
                r = client_refused(u->run->client, &response, "sending a blob", err);
                if (client_status_may_mend(response.status) || response.status == 416)
                        r = -EAGAIN;
        }
        http_response_clear(&response);
        return r;
}

static int send_chunks(Upload *u, Err *err) {
        int64_t total = u->run->op->size;
        int attempt = 0;

        while (u->at < total) {
                int64_t left = total - u->at;
                autoerr why = {};
                int r = send_chunk(u, left < CHUNK_SIZE ? left : CHUNK_SIZE, &why);

                if (r >= 0) {
                        attempt = 0;
                        continue;
                }
                if (!client_may_mend(r) || attempt >= u->run->client->setup->retries) {
                        (void) refuse(err, r, "%s", why.message);
                        if (why.hint)
                                (void) err_hint(err, r, "%s", why.hint);
                        return r;
                }
                client_wait(attempt++, 0);
                r = ask_where(u, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int finish(Upload *u, Err *err) {
        autofree char *url = str_format("%s%cdigest=%s", u->location,
                                        strchr(u->location, '?') ? '&' : '?', u->run->op->digest);
        ClientRequest q = {
                .method = "PUT", .url = url, .scope = u->scope, .body = "", .has_body = true
        };
        HttpResponse response = {};
        int r;

        if (!url)
                return fail(err, ENOMEM, "cannot send a blob");
        r = ask(u->run, &q, &response, err);
        if (r >= 0 && response.status != 201 && response.status != 204)
                r = client_refused(u->run->client, &response, "sending a blob", err);
        http_response_clear(&response);
        return r;
}

int op_put_blob(OpRun *run, Err *err) {
        autofree char *scope = push_scope(run->op);
        Upload u = { .run = run, .scope = scope };
        int r;

        if (!scope)
                return fail(err, ENOMEM, "cannot send a blob");
        r = op_exists(run, NULL);
        if (r >= 0 && run->reply->found)
                return 0;
        run->reply->found = false;
        r = begin(&u, &run->reply->found, err);
        if (r >= 0 && !run->reply->found) {
                r = send_chunks(&u, err);
                if (r >= 0)
                        r = finish(&u, err);
                run->reply->bytes = u.at;
        }
        free(u.location);
        return r;
}

static int read_file(int fd, int64_t size, char **ret, Err *err) {
        autofree char *text = size >= 0 && size <= DOCUMENT_MAX ? malloc((size_t) size + 1) : NULL;
        ssize_t n;

        if (!text)
                return refuse(err, EFBIG, "a manifest of %lld bytes is too long", (long long) size);
        if (lseek(fd, 0, SEEK_SET) < 0)
                return fail(err, errno, "cannot read the manifest");
        n = fd_read_all(fd, text, (size_t) size);
        if (n != size)
                return fail(err, n < 0 ? (int) n : -EIO, "cannot read the manifest");
        text[size] = 0;
        *ret = take_ptr(text);
        return 0;
}

static int put_document(OpRun *run, const char *reference, const char *media_type, const char *text,
                        size_t size, HttpResponse *ret, Err *err) {
        const NetOp *op = run->op;
        autofree char *path = str_format("%s/manifests/%s", op->repository, reference);
        autofree char *scope = op_scope(op->repository, "pull,push");
        autofree char *type = str_format("Content-Type: %s", media_type);
        autofree char *what = str_format("manifest '%s:%s'", op->repository, reference);
        char *headers[] = { type, NULL };
        ClientRequest q = { .method = "PUT",
                            .path = path,
                            .scope = scope,
                            .headers = headers,
                            .body = text,
                            .body_size = (int64_t) size,
                            .has_body = true };
        int r;

        if (!path || !scope || !type || !what)
                return fail(err, ENOMEM, "cannot send a manifest");
        r = ask(run, &q, ret, err);
        if (r >= 0 && ret->status != 201 && ret->status != 200)
                r = client_refused(run->client, ret, what, err);
        return r;
}

/* distribution-spec "Referrers Tag Schema": sha256:HEX is the tag sha256-HEX. */
static char *referrers_tag(const char *digest) {
        char *tag = strdup(digest);

        if (tag && strchr(tag, ':'))
                *strchr(tag, ':') = '-';
        return tag;
}

static int add_referrer(OpRun *run, const OciManifest *m, const char *digest, size_t size,
                        OciIndex *index, Err *err) {
        OciDescriptor *d;

        for (size_t i = 0; i < index->n_manifests; i++)
                if (str_equal(index->manifests[i].digest, digest))
                        return 0;
        d = json_grow(&index->manifests, &index->n_manifests, sizeof *d);
        if (!d)
                return fail(err, ENOMEM, "cannot list a referrer");
        d->media_type = strdup(run->op->media_type);
        d->digest = strdup(digest);
        d->size = (int64_t) size;
        d->artifact_type = strdup(m->artifact_type ? m->artifact_type : m->config.media_type);
        if (!d->media_type || !d->digest || !d->artifact_type ||
            strv_copy(m->annotations, &d->annotations) < 0)
                return fail(err, ENOMEM, "cannot list a referrer");
        return 1;
}

/* Reads, changes and writes the index that lists what refers to @m's subject. */
static int keep_referrers(OpRun *run, const OciManifest *m, const char *text, size_t size,
                          Err *err) {
        autofree char *tag = referrers_tag(m->subject->digest), *path = NULL, *scope = NULL;
        char *headers[] = { (char *) "Accept: " OCI_MEDIA_INDEX, NULL };
        char digest[DIGEST_LENGTH + 1];
        HttpResponse response = {};
        autofree char *written = NULL;
        OciIndex index = {};
        int r;

        path = tag ? str_format("%s/manifests/%s", run->op->repository, tag) : NULL;
        scope = op_scope(run->op->repository, "pull,push");
        if (!path || !scope)
                return fail(err, ENOMEM, "cannot list a referrer");
        r = ask(run,
                &(ClientRequest){ .method = "GET",
                                  .path = path,
                                  .scope = scope,
                                  .headers = headers,
                                  .max_body = DOCUMENT_MAX },
                &response, err);
        if (r >= 0 && response.status == 200)
                r = json_parse(&oci_index_type, response.body, response.body_size, tag, &index,
                               err);
        http_response_clear(&response);
        if (r < 0)
                return r;
        digest_of(text, size, digest);
        r = add_referrer(run, m, digest, size, &index, err);
        if (r > 0) {
                index.schema_version = 2;
                if (!index.media_type)
                        index.media_type = strdup(OCI_MEDIA_INDEX);
                written = json_text(&oci_index_type, &index);
                r = written ? put_document(run, tag, OCI_MEDIA_INDEX, written, strlen(written),
                                           &response, err)
                            : fail(err, ENOMEM, "cannot list a referrer");
                http_response_clear(&response);
        }
        json_clear(&oci_index_type, &index);
        return r;
}

int op_put_manifest(OpRun *run, Err *err) {
        const NetOp *op = run->op;
        HttpResponse response = {};
        autofree char *text = NULL;
        OciManifest manifest = {};
        const char *digest;
        int r;

        r = read_file(run->fd, op->size, &text, err);
        if (r >= 0)
                r = put_document(run, op->reference, op->media_type, text, (size_t) op->size,
                                 &response, err);
        if (r >= 0) {
                digest = http_header(&response, "docker-content-digest");
                run->reply->digest = digest ? strdup(digest) : NULL;
                /* A registry that keeps referrers by itself says so. */
                if (!http_header(&response, "oci-subject") &&
                    json_parse(&oci_manifest_type, text, (size_t) op->size, "manifest", &manifest,
                               NULL) >= 0) {
                        if (manifest.subject)
                                r = keep_referrers(run, &manifest, text, (size_t) op->size, err);
                        json_clear(&oci_manifest_type, &manifest);
                }
        }
        http_response_clear(&response);
        return r;
}

int op_delete(OpRun *run, Err *err) {
        const NetOp *op = run->op;
        autofree char *path = str_format("%s/manifests/%s", op->repository, op->reference);
        autofree char *scope = op_scope(op->repository, "delete");
        ClientRequest q = { .method = "DELETE", .path = path, .scope = scope };
        HttpResponse response = {};
        int r;

        if (!path || !scope)
                return fail(err, ENOMEM, "cannot ask the registry");
        r = ask(run, &q, &response, err);
        if (r >= 0 && response.status != 202 && response.status != 200 && response.status != 204)
                r = client_refused(run->client, &response, "removing a manifest", err);
        http_response_clear(&response);
        return r;
}
