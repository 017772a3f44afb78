/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What can be asked of a registry, one function for each kind of NetOp
 *
 * Each works with the op's descriptor as protocol.h says, and fills in the reply's members.
 */

#include "registry/client.h"

typedef struct OpRun {
        Client *client;
        Http *http;
        const NetOp *op;
        int fd;
        NetReply *reply;
        void (*progress)(void *context, int64_t bytes);
        void *context;
} OpRun;

/* "document": a manifest or index by tag or digest; "config": a small blob; both to a memory file.
 */
int op_document(OpRun *run, Err *err);
int op_config(OpRun *run, Err *err);
/* "blob": the bytes of a blob from @offset on, to a pipe; from @urls first, where there are any. */
int op_blob(OpRun *run, Err *err);
/* "url": what is at @text, no registry's, to a file; at most @size bytes. */
int op_url(OpRun *run, Err *err);
/* "exists": whether a blob or, with a reference, a manifest is there. */
int op_exists(OpRun *run, Err *err);

/* "find-blob": whether a blob is there, or can be mounted from another repository. */
int op_find_blob(OpRun *run, Err *err);
/* "put-blob": mounted from another repository if it can be, else sent in pieces. */
int op_put_blob(OpRun *run, Err *err);
/* "put-manifest": by tag or digest; keeps the referrers' tag where the registry does not. */
int op_put_manifest(OpRun *run, Err *err);
/* "delete": a manifest by tag or digest; the referrers' tag loses it. */
int op_delete(OpRun *run, Err *err);

/* "tags", "catalog", "search": all pages, up to @limit items if that is not 0. */
int op_tags(OpRun *run, Err *err);
int op_catalog(OpRun *run, Err *err);
int op_search(OpRun *run, Err *err);
/* "referrers": an index of all that refers to a digest; of artifact type @text, if given. */
int op_referrers(OpRun *run, Err *err);
/* "ping": whether we are let in. */
int op_ping(OpRun *run, Err *err);

/* "repository:NAME:pull" and the like; new. */
char *op_scope(const char *repository, const char *actions);
/* PUTs a manifest; @ret is the registry's answer. */
int op_put_document(OpRun *run, const char *reference, const char *media_type, const char *text,
                    size_t size, HttpResponse *ret, Err *err);
/* Says that the registry cannot be asked, why (in @err), and what can be done. */
int op_cannot_ask(const OpRun *run, int r, Err *err);
/* The scope to read the op's repository, as it is called at the endpoint; new. */
char *op_pull_scope(const OpRun *run, size_t endpoint);
