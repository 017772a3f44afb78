/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Blobs: gone on with where they break off, from the endpoints in their order. */

#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "registry/ops.h"

#define PROGRESS_MIN (1ll << 20) /* what got so far was no vain try */

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

/* What may not be distributed is elsewhere (image-spec, "urls"): asked for by https alone, by
 * somebody who has no credentials and trusts the machine's authorities. */
static int fetch_foreign(BlobFetch *f, const char *url, Err *err) {
        const NetEndpoint anywhere = { .verify = true };
        OpRun *run = f->run;
        int r = 0;

        if (!str_after(url, "https://"))
                return refuse(err, EPROTONOSUPPORT, "'%s' is no https URL", url);
        for (int attempt = 0; attempt <= run->client->setup->retries; attempt++) {
                autofree char *range = str_format("Range: bytes=%lld-", (long long) f->at);
                char *headers[] = { f->at > 0 ? range : NULL, NULL };
                const HttpRequest q = { .endpoint = &anywhere,
                                        .method = "GET",
                                        .url = url,
                                        .headers = headers,
                                        .sink = take_bytes,
                                        .context = f,
                                        .max_body = 4096 };

                if (!range)
                        return fail(err, ENOMEM, "cannot fetch '%s'", url);
                err_clear(err);
                f->began = false;
                f->skip = 0;
                r = http_perform(run->http, &q, &f->response, err);
                if (r >= 0 && (f->response.status == 200 || f->response.status == 206))
                        r = f->at == f->size ? 0 : short_blob(f, err);
                else if (r >= 0)
                        r = refuse(err, client_status_may_mend(f->response.status) ? EAGAIN : EIO,
                                   "'%s' answers with status %d", url, f->response.status);
                http_response_clear(&f->response);
                if (r >= 0 || !client_may_mend(r))
                        return r;
                client_wait(attempt, 0);
        }
        return r;
}

int op_blob(OpRun *run, Err *err) {
        BlobFetch f = { .run = run, .at = run->op->offset, .size = run->op->size };
        autoerr foreign = {};
        int r = 0;

        strv_foreach(url, run->op->urls) {
                err_clear(&foreign);
                r = f.at < f.size ? fetch_foreign(&f, *url, &foreign) : r;
                if (r == -EPIPE)
                        return r;
        }
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
        if (r < 0 && foreign.code < 0) {
                err_clear(err);
                return refuse(err, r, "blob %.19s: %s", run->op->digest, foreign.message);
        }
        return r < 0 ? op_cannot_ask(run, r, err) : 0;
}
