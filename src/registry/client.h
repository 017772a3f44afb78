/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Asking a registry (distribution-spec 1.1)
 *
 * A Client is one registry, with the mirrors that stand before it; threads share it, each with its
 * own Http.  client_ask() proves who we are, waits and tries again where that may help (connections
 * that break off, 408, 429 with its Retry-After, 5xx), and gives back any other answer.
 *
 * Where plain http is allowed, it is found out once whether https is spoken.
 */

#include "registry/http.h"
#include "registry/token.h"

typedef struct Client {
        NetSetup *setup;
        Identity *identities; /* one for each endpoint */
        pthread_mutex_t lock;
        char **warnings; /* that registries gave, each once */
        size_t told;     /* so many of them were taken */
} Client;

int client_init(Client *client, NetSetup *setup);
/* The registry's own words that nobody has taken yet, new; NULL if there are none. */
char *client_take_warning(Client *client);

typedef struct ClientRequest {
        const char *method;
        const char *path;  /* below "/v2/<prefix>": "library/busybox/manifests/latest"; with a slash
                            first below the host itself */
        const char *url;   /* or where a Location led, whole */
        const char *scope; /* "repository:a/b:pull" */
        char *const *headers; /* besides Authorization */
        const void *body;
        int body_fd;
        int64_t body_offset, body_size;
        bool has_body;
        int (*sink)(void *context, int status, const void *bytes, size_t n);
        void (*sent)(void *context, int64_t bytes);
        void *context;
        size_t max_body;
        bool once; /* do not try again: the caller knows how to go on */
} ClientRequest;

int client_ask(Client *client, size_t endpoint, Http *http, const ClientRequest *request,
               HttpResponse *ret, Err *err);

/* Puts an answer that was not hoped for into words: "the registry 'x' …". */
int client_refused(const Client *client, const HttpResponse *response, const char *what, Err *err);

/* Joins a Location with the URL that it was answered from; new, NULL for one that is no http(s). */
char *client_location(const HttpResponse *response, const char *location);

/* Waits for the @attempt-th time (from 0): longer each time, or as long as was asked. */
void client_wait(int attempt, int64_t retry_after_s);
/* Whether trying again may mend it. */
bool client_may_mend(int r);
bool client_status_may_mend(int status);
