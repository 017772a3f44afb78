/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <string.h>

#include "base/digest.h"
#include "base/file.h"
#include "base/str.h"
#include "registry/ops.h"

#define DOCUMENT_MAX (4u << 20) /* distribution-spec, "Pushing Manifests" */

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

int op_cannot_ask(const OpRun *run, int r, Err *err) {
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
        if (r == -ENOKEY)
                return err_hint(err, r,
                                "put client.cert and client.key into "
                                "/etc/containers/certs.d/%s, or give --cert-dir DIR",
                                registry);
        if (r == -EPROTO)
                return err_hint(err, r,
                                "it may speak plain http: --tls-verify=false, or 'insecure = yes' "
                                "for it in isola.conf(5)");
        return r;
}

/* A registry's word for what it sends is only held against what came; a mirror that sends something
 * else is passed over. */
static int check_digest(const OpRun *run, const HttpResponse *response, Err *err) {
        const char *said = http_header(response, "docker-content-digest");
        const char *asked = run->op->digest ? run->op->digest : run->op->reference;
        char found[DIGEST_LENGTH + 1];

        digest_of(response->body, response->body_size, found);
        if (digest_is_valid(asked) && !str_equal(asked, found))
                return refuse(err, EBADMSG, "the digest of what came is %s, not %s", found, asked);
        if (said && digest_is_valid(said) && !str_equal(said, found))
                return refuse(err, EBADMSG, "it calls what came %s, but its digest is %s", said,
                              found);
        return 0;
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
                        r = check_digest(run, ret, err);
                        if (r >= 0)
                                return 0;
                }
                if (is_last(run, i)) {
                        r = r < 0 ? op_cannot_ask(run, r, err)
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
                return op_cannot_ask(run, r, err);
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
                return op_cannot_ask(run, r, err);
        if (response.status == 401 || response.status == 403)
                r = refuse(err, EACCES, "the registry '%s' does not know that name and password",
                           run->client->setup->registry);
        else if (response.status != 200)
                r = client_refused(run->client, &response, "its greeting", err);
        http_response_clear(&response);
        return r;
}
