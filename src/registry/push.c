/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "registry/ops.h"
#include "registry/referrers.h"

#define CHUNK_SIZE   (64ll << 20) /* one PATCH; what is lost at most when a connection breaks */
#define DOCUMENT_MAX (4u << 20)

/* The registry itself: mirrors are not written to. */
static size_t origin(const OpRun *run) {
        return run->client->setup->n_endpoints - 1;
}

static int ask(OpRun *run, ClientRequest *q, HttpResponse *ret, Err *err) {
        int r = client_ask(run->client, origin(run), run->http, q, ret, err);

        return r < 0 ? op_cannot_ask(run, r, err) : 0;
}

static char *mount_scope(const NetOp *op) {
        return str_format("repository:%s:pull,push repository:%s:pull", op->repository, op->from);
}

/* An upload under way. */
typedef struct Upload {
        OpRun *run;
        const char *scope;
        char *location;
        int64_t at;    /* bytes that the registry has */
        int64_t chunk; /* sent at once */
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

/* A registry may want large pieces (distribution-spec, "OCI-Chunk-Min-Length"). */
static void take_chunk_size(Upload *u, const HttpResponse *response) {
        const char *least = http_header(response, "oci-chunk-min-length");
        int64_t size;

        u->chunk = CHUNK_SIZE;
        if (least && parse_i64(least, &size) == 0 && size > u->chunk)
                u->chunk = size;
}

/* @mount: a repository that may have it, or NULL. */
static int begin(Upload *u, const char *mount, bool *ret_mounted, Err *err) {
        const NetOp *op = u->run->op;
        autofree char *from = mount ? http_escape(mount) : NULL, *path = NULL;
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
        if (r >= 0 && response.status == 201) {
                *ret_mounted = true;
        } else if (r >= 0 && response.status == 202) {
                take_chunk_size(u, &response);
                r = take_location(u, &response, err);
        } else if (r >= 0) {
                r = client_refused(u->run->client, &response, "sending a blob", err);
        }
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
                if (response.status == 416 && http_header(&response, "location"))
                        (void) take_location(u, &response, NULL);
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
                int r = send_chunk(u, left < u->chunk ? left : u->chunk, &why);

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

/* Nobody waits for an upload that is not wanted, nor for an answer. */
static void cancel(Upload *u) {
        ClientRequest q = {
                .method = "DELETE", .url = u->location, .scope = u->scope, .once = true
        };
        HttpResponse response = {};

        (void) ask(u->run, &q, &response, NULL);
        http_response_clear(&response);
}

/* Whether it need not be sent: reply->found.  An upload may have begun on the way. */
static int find(Upload *u) {
        NetReply *reply = u->run->reply;
        const char *from = u->run->op->from;

        if (op_exists(u->run, NULL) >= 0 && reply->found)
                return 0;
        reply->found = false;
        return from ? begin(u, from, &reply->found, NULL) : -ENOENT;
}

/* With a scope that allows reading where it may be mounted from. */
static char *find_scope(const NetOp *op) {
        return op->from ? mount_scope(op) : op_scope(op->repository, "pull,push");
}

int op_find_blob(OpRun *run, Err *err) {
        autofree char *scope = find_scope(run->op);
        Upload u = { .run = run, .scope = scope };

        if (!scope)
                return fail(err, ENOMEM, "cannot send a blob");
        (void) find(&u);
        if (u.location)
                cancel(&u);
        free(u.location);
        return 0;
}

int op_put_blob(OpRun *run, Err *err) {
        autofree char *scope = op_scope(run->op->repository, "pull,push");
        autofree char *both = find_scope(run->op);
        Upload u = { .run = run, .scope = both };
        int r;

        if (!scope || !both)
                return fail(err, ENOMEM, "cannot send a blob");
        r = find(&u);
        /* Who may not read there, or a registry that does not mount: it is sent. */
        if (r < 0) {
                u.scope = scope;
                r = begin(&u, NULL, &run->reply->found, err);
        }
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

int op_put_document(OpRun *run, const char *reference, const char *media_type, const char *text,
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

int op_put_manifest(OpRun *run, Err *err) {
        const NetOp *op = run->op;
        HttpResponse response = {};
        autofree char *text = NULL;
        const char *digest;
        int r;

        r = read_file(run->fd, op->size, &text, err);
        if (r >= 0)
                r = op_put_document(run, op->reference, op->media_type, text, (size_t) op->size,
                                    &response, err);
        if (r >= 0) {
                digest = http_header(&response, "docker-content-digest");
                run->reply->digest = digest ? strdup(digest) : NULL;
                /* A registry that keeps referrers by itself says so. */
                if (!http_header(&response, "oci-subject"))
                        r = referrers_note(run, op->media_type, text, (size_t) op->size, err);
        }
        http_response_clear(&response);
        return r;
}
