/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What passes between isola and its network process isola-registry
 *
 * The process finds one socket (SOCK_SEQPACKET) at NET_SOCKET.  The first message
 * brings a memory file with a NetSetup: one registry, how to reach it and who we are there.  Then
 * come NetOps, each with one descriptor; several are under way at once.  Every op is answered by a
 * last NetReply ("done" or "error") with its id, before which there may be some of the kind
 * "progress".  All are JSON.
 *
 * The descriptor is what the op writes to or reads from: a memory file for documents and lists, a
 * pipe for a blob that comes, a file for a blob that goes.  The process is never given a descriptor
 * of a file that it could change after somebody has checked it.
 */

#include "base/json.h"

#define NET_SOCKET      3
#define NET_MESSAGE_MAX (128u << 10)
#define NET_SETUP_MAX   (16u << 20)
/* One place where the registry's contents can be had; tried in their order.  The last is the
 * registry itself, which alone is written to and asked for lists. */
typedef struct NetEndpoint {
        char *base;     /* "https://host[:port]" */
        char *prefix;   /* put before the repository's name; "" or "path/" */
        int drop;       /* so many bytes of the repository's name are left out there */
        bool verify;    /* the server's certificate */
        bool plain_too; /* by http if it does not speak https */
        bool mirror;    /* is only read from, and gets no credentials but its own */
        char *ca, *cert,
                *key;        /* PEM texts, or NULL; the system's authorities count as well as @ca */
        char *user, *secret; /* or NULL */
        char *identity_token, *registry_token;
} NetEndpoint;

typedef struct NetSetup {
        char *registry; /* how the user calls it */
        NetEndpoint *endpoints;
        size_t n_endpoints;
        int64_t stall_ms; /* give up on a connection on which nothing comes for so long */
        int retries;
        int parallel;
} NetSetup;

typedef struct NetOp {
        int id;
        char *kind;       /* see isola_registry.c */
        char *repository; /* without the registry */
        char *reference;  /* tag or digest */
        char *digest;
        char *media_type;
        char *from;  /* repository to mount a blob from */
        char **urls; /* of a blob that may not be distributed */
        char *text;  /* of a search */
        int64_t size, offset;
        int limit;
} NetOp;

typedef struct NetReply {
        int id;
        char *kind; /* "done", "error", "progress" */
        int code;   /* of an error */
        char *message, *hint;
        char *media_type, *digest; /* of a document, as the registry calls it: not to be trusted */
        char *warning;             /* the registry's own words */
        char *modified;            /* Last-Modified of a "url" */
        int64_t bytes;             /* written to the descriptor, or read from it */
        bool found;                /* the answer of "exists"; a blob that need not be sent */
} NetReply;

/* What "tags", "catalog" and "search" write to their descriptor. */
typedef struct NetListItem {
        char *name, *description;
        int64_t stars;
        bool official;
} NetListItem;

typedef struct NetList {
        NetListItem *items;
        size_t n_items;
} NetList;

extern const JsonType net_setup_type, net_op_type, net_reply_type, net_list_type;
