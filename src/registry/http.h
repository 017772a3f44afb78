/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * One HTTP exchange (over libcurl)
 *
 * An Http is one connection's worth of a libcurl handle; each thread has its own, which keeps its
 * connections.  Redirects are followed, at most ten, never from https to http, and Authorization is
 * sent to nobody but the host that was asked.  Whatever status comes is an answer; errors are
 * connections that could not be made or did not last.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/err.h"
#include "registry/protocol.h"

typedef struct Http Http;

typedef struct HttpRequest {
        const NetEndpoint *endpoint; /* its certificates */
        const char *method, *url;
        char *const *headers; /* "Name: value" */
        bool no_redirects;

        /* What is sent: memory, or a piece of a file; a method that sends nothing has no size. */
        const void *body;
        int body_fd;
        int64_t body_offset, body_size;
        bool has_body;

        /*
         * Takes the contents of an answer with status 200 or 206; a negative errno ends the
         * exchange. Without it, and for every other answer, they are kept, up to @max_body bytes.
         */
        int (*sink)(void *context, int status, const void *bytes, size_t n);
        void *context;
        size_t max_body;
        /* Told now and then how much of the body went; may be NULL. */
        void (*sent)(void *context, int64_t bytes);
} HttpRequest;

typedef struct HttpResponse {
        int status;
        char **headers; /* of the last answer, names in lower case: "name: value" */
        char *body;     /* with a NUL behind it */
        size_t body_size;
        int64_t retry_after_s; /* 0: not said */
        char *url;             /* where redirects led */
} HttpResponse;

/* @system_ca: PEM text of all authorities the machine trusts; stays the caller's. */
Http *http_new(const char *system_ca, int64_t stall_ms);
Http *http_free(Http *http);
DEFINE_AUTOPTR(Http, http_free)
/* Whether the machine trusts any authority at all. */
bool http_knows_authorities(const Http *http);

/**
 * http_perform() - send a request, receive its answer
 *
 * Return: 0, whatever the status; -ECONNRESET, -ETIMEDOUT if it broke off, which trying again may
 * mend; -EHOSTUNREACH, -ECONNREFUSED; -EPROTO if the other side speaks no TLS; -EKEYREJECTED for a
 * certificate that is not to be trusted; -ELOOP for redirects without end; -EFBIG; the sink's own.
 */
int http_perform(Http *http, const HttpRequest *request, HttpResponse *ret, Err *err);
void http_response_clear(HttpResponse *response);

/* The value of a header (its name in lower case) inside the response, or NULL. */
const char *http_header(const HttpResponse *response, const char *name);
/* Percent-encodes what a query's value cannot hold; new. */
char *http_escape(const char *text);
