/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "registry/ops.h"

#define DOCUMENT_MAX (4u << 20) /* distribution-spec, "Pushing Manifests" */
#define PROGRESS_MIN (1ll << 20)

static const char accept_documents[] = "Accept: application/vnd.oci.image.index.v1+json, "
                                       "application/vnd.docker.distribution.manifest.list.v2+json, "
                                       "application/vnd.oci.image.manifest.v1+json, "
                                       "application/vnd.docker.distribution.manifest.v2+json";

char *op_scope(const char *repository, const char *actions) {
        return str_format("repository:%s:%s", repository, actions);
}

char *op_pull_scope(const OpRun *run, size_t endpoint) {
        const NetEndpoint *e = &run->client->setup->endpoints[endpoint];

        return str_format("repository:%s%s:pull", e->prefix, run->op->repository + e->drop);
}

/* A mirror that does not have it, or cannot be asked, is passed over. */
static bool is_last(const OpRun *run, size_t endpoint) {
        return endpoint + 1 == run->client->setup->n_endpoints;
}

static void note_warning(OpRun *run, const HttpResponse *response) {
        const char *warning = http_header(response, "warning");

        if (warning && str_after(warning, "299 ") && !run->reply->warning)
                run->reply->warning = strdup(warning + 4);
}

static int cannot_ask(const OpRun *run, int r, Err *err) {
        const char *registry = run->client->setup->registry;

        (void) err_prefix(err, r, "cannot ask the registry '%s'", registry);
        if (err && err->hint)
                return r;
        if (r == -EKEYREJECTED)
                return err_hint(err, r,
                                "%sput its authority's certificate into "
                                "/etc/containers/certs.d/%s/ca.crt, or give --cacert FILE",
                                http_knows_authorities(run->http)
                                        ? ""
                                        : "this machine trusts no authority at all (package "
                                          "ca-certificates): install it, or ",
                                registry);
        if (r == -EPROTO)
                return err_hint(err, r,
                                "it may speak plain http: --tls-verify=false, or 'insecure = yes' "
                                "for it in isola.conf(5)");
        return r;
}

/* GETs a document from the first endpoint that has it. */
static int get_small(OpRun *run, const char *path, const char *accept, const char *what,
                     HttpResponse *ret, Err *err) {
        char *headers[] = { (char *) accept, NULL };

        for (size_t i = 0;; i++) {
                autofree char *scope = op_pull_scope(run, i);
                ClientRequest q = { .method = "GET",
                                    .path = path,
                                    .scope = scope,
                                    .headers = headers,
                                    .max_body = DOCUMENT_MAX };
                int r = scope ? client_ask(run->client, i, run->http, &q, ret, err)
                              : fail(err, ENOMEM, "cannot ask");

                if (r >= 0 && ret->status == 200) {
                        note_warning(run, ret);
                        return 0;
                }
                if (is_last(run, i)) {
                        r = r < 0 ? cannot_ask(run, r, err)
                                  : client_refused(run->client, ret, what, err);
                        http_response_clear(ret);
                        return r;
                }
                err_clear(err);
                http_response_clear(ret);
        }
}

static int keep_document(OpRun *run, const HttpResponse *response, Err *err) {
        const char *type = http_header(response, "content-type");
        const char *digest = http_header(response, "docker-content-digest");
        int r = fd_write_all(run->fd, response->body, response->body_size);

        if (r < 0)
                return fail(err, r, "cannot keep what the registry answered");
        run->reply->bytes = (int64_t) response->body_size;
        run->reply->media_type = type ? strndup(type, strcspn(type, "; ")) : NULL;
        run->reply->digest = digest ? strdup(digest) : NULL;
        return 0;
}

int op_document(OpRun *run, Err *err) {
        const NetOp *op = run->op;
        autofree char *path = str_format("%s/manifests/%s", op->repository, op->reference);
        autofree char *what = str_format("manifest for '%s%c%s'", op->repository,
                                         strchr(op->reference, ':') ? '@' : ':', op->reference);
        HttpResponse response = {};
        int r;

        if (!path || !what)
                return fail(err, ENOMEM, "cannot ask the registry");
        r = get_small(run, path, accept_documents, what, &response, err);
        if (r < 0)
                return r;
        r = keep_document(run, &response, err);
        http_response_clear(&response);
        return r;
}

int op_config(OpRun *run, Err *err) {
        const NetOp *op = run->op;
        autofree char *path = str_format("%s/blobs/%s", op->repository, op->digest);
        HttpResponse response = {};
        int r;

        if (!path)
                return fail(err, ENOMEM, "cannot ask the registry");
        r = get_small(run, path, "Accept: */*", "config of the image", &response, err);
        if (r < 0)
                return r;
        r = keep_document(run, &response, err);
        http_response_clear(&response);
        return r;
}

/* A blob on its way: bytes before @at are written. */
typedef struct BlobFetch {
        OpRun *run;
        HttpResponse response;
        int64_t at, size;
        int64_t skip; /* the server began before @at */
        bool began;   /* this answer's first bytes were looked at */
} BlobFetch;

/* Where a 206 begins: "bytes 100-199/200"; -1 if it does not say. */
static int64_t range_start(const HttpResponse *response) {
        const char *range = http_header(response, "content-range");
        const char *number = range ? str_after(range, "bytes ") : NULL;

        return number ? strtoll(number, NULL, 10) : -1;
}

static int take_bytes(void *context, int status, const void *bytes, size_t n) {
        BlobFetch *f = context;
        int r;

        if (!f->began) {
                int64_t start = status == 206 ? range_start(&f->response) : 0;

                if (start < 0 || start > f->at)
                        return -EBADMSG;
                f->skip = f->at - start;
                f->began = true;
        }
        if ((int64_t) n <= f->skip) {
                f->skip -= (int64_t) n;
                return 0;
        }
        bytes = (const char *) bytes + f->skip;
        n -= (size_t) f->skip;
        f->skip = 0;
        if ((int64_t) n > f->size - f->at)
                return -EOVERFLOW;
        r = fd_write_all(f->run->fd, bytes, n);
        if (r < 0)
                return r;
        f->at += (int64_t) n;
        return 0;
}

static int fetch_once(BlobFetch *f, size_t endpoint, const char *path, const char *scope,
                      Err *err) {
        autofree char *range =
                f->at > 0 ? str_format("Range: bytes=%lld-", (long long) f->at) : NULL;
        char *headers[] = { range, NULL };
        ClientRequest q = { .method = "GET",
                            .path = path,
                            .scope = scope,
                            .headers = headers,
                            .sink = take_bytes,
                            .context = f,
                            .once = true };

        if (f->at > 0 && !range)
                return fail(err, ENOMEM, "cannot ask the registry");
        f->began = false;
        f->skip = 0;
        return client_ask(f->run->client, endpoint, f->run->http, &q, &f->response, err);
}

static int short_blob(const BlobFetch *f, Err *err) {
        return refuse(err, ECONNRESET, "the connection ended after %lld of %lld bytes",
                      (long long) f->at, (long long) f->size);
}

/* Until it is whole, or the endpoint cannot be made to give the rest. */
static int fetch_from(BlobFetch *f, size_t endpoint, Err *err) {
        const NetOp *op = f->run->op;
        autofree char *path = str_format("%s/blobs/%s", op->repository, op->digest);
        autofree char *scope = op_pull_scope(f->run, endpoint);
        autofree char *what = str_format("blob %.19s", op->digest);
        int attempt = 0;

        if (!path || !scope || !what)
                return fail(err, ENOMEM, "cannot ask the registry");
        for (;;) {
                int64_t before = f->at, wait_s;
                autoerr why = {};
                int r = fetch_once(f, endpoint, path, scope, &why);
                bool answered = r >= 0, good;

                good = answered && (f->response.status == 200 || f->response.status == 206);
                if (good && f->at == f->size)
                        return 0;
                if (good)
                        r = short_blob(f, &why);
                else if (answered)
                        r = client_refused(f->run->client, &f->response, what, &why);
                if (f->at - before >= PROGRESS_MIN)
                        attempt = 0;
                if ((answered && !good ? !client_status_may_mend(f->response.status)
                                       : !client_may_mend(r)) ||
                    attempt >= f->run->client->setup->retries) {
                        (void) refuse(err, r, "%s", why.message);
                        if (why.hint)
                                (void) err_hint(err, r, "%s", why.hint);
                        return r;
                }
                wait_s = answered ? f->response.retry_after_s : 0;
                http_response_clear(&f->response);
                client_wait(attempt++, wait_s);
        }
}

int op_blob(OpRun *run, Err *err) {
        BlobFetch f = { .run = run, .at = run->op->offset, .size = run->op->size };
        int r = 0;

        for (size_t i = 0; i < run->client->setup->n_endpoints && f.at < f.size; i++) {
                err_clear(err);
                r = fetch_from(&f, i, err);
                http_response_clear(&f.response);
                if (r == -EPIPE) /* nobody wants it any more */
                        return r;
        }
        run->reply->bytes = f.at - run->op->offset;
        if (r == -EOVERFLOW) {
                err_clear(err);
                return refuse(err, EBADMSG,
                              "blob %.19s is longer than the %lld bytes it should have",
                              run->op->digest, (long long) run->op->size);
        }
        return r < 0 ? cannot_ask(run, r, err) : 0;
}

int op_exists(OpRun *run, Err *err) {
        const NetOp *op = run->op;
        bool blob = op->digest != NULL;
        autofree char *path = str_format("%s/%s/%s", op->repository, blob ? "blobs" : "manifests",
                                         blob ? op->digest : op->reference);
        size_t last = run->client->setup->n_endpoints - 1;
        autofree char *scope = op_pull_scope(run, last);
        char *headers[] = { (char *) (blob ? "Accept: */*" : accept_documents), NULL };
        ClientRequest q = { .method = "HEAD", .path = path, .scope = scope, .headers = headers };
        HttpResponse response = {};
        const char *digest;
        int r;

        if (!path || !scope)
                return fail(err, ENOMEM, "cannot ask the registry");
        r = client_ask(run->client, last, run->http, &q, &response, err);
        if (r < 0)
                return cannot_ask(run, r, err);
        run->reply->found = response.status == 200;
        digest = http_header(&response, "docker-content-digest");
        if (digest)
                run->reply->digest = strdup(digest);
        if (response.status != 200 && response.status != 404)
                r = client_refused(run->client, &response, blob ? "blob" : "manifest", err);
        http_response_clear(&response);
        return r;
}

int op_ping(OpRun *run, Err *err) {
        size_t last = run->client->setup->n_endpoints - 1;
        ClientRequest q = { .method = "GET", .path = "", .scope = "" };
        HttpResponse response = {};
        int r = client_ask(run->client, last, run->http, &q, &response, err);

        if (r < 0)
                return cannot_ask(run, r, err);
        if (response.status == 401 || response.status == 403)
                r = refuse(err, EACCES, "the registry '%s' does not know that name and password",
                           run->client->setup->registry);
        else if (response.status != 200)
                r = client_refused(run->client, &response, "its greeting", err);
        http_response_clear(&response);
        return r;
}
