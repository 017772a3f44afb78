/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Proving who we are at one endpoint
 *
 * A registry answers 401 and says in WWW-Authenticate how it wants to be asked: with a name and
 * password (basic), or with a token (bearer) that somebody else gives out for one scope
 * ("repository: a/b:pull").  Tokens are kept until shortly before they end, for all threads.
 * Without credentials the token is asked for anonymously.
 *
 * Credentials go to the endpoint that they are for and to the place that it names for tokens, never
 * over plain http if the endpoint itself speaks https.
 */

#include <pthread.h>

#include "registry/http.h"

typedef struct Token {
        char *scope, *text;
        int64_t ends_ms; /* clock_monotonic_ms() */
} Token;

typedef struct Identity {
        const NetEndpoint *endpoint;
        pthread_mutex_t lock, choosing;
        bool basic; /* the endpoint asked for a name and password */
        Token *tokens;
        size_t n_tokens;
} Identity;

void identity_init(Identity *identity, const NetEndpoint *endpoint);

/* The value of "Authorization: " for a scope as far as it is known, new; NULL if nothing is. */
char *identity_header(Identity *identity, const char *scope);

/**
 * identity_answer() - do what a 401 asks for
 * @response:	the 401
 * @scope:	what we are about to do
 *
 * Return: 1 if asking again may work; 0 if there is nothing that could be done; negative errno.
 */
int identity_answer(Identity *identity, Http *http, const HttpResponse *response, const char *scope,
                    Err *err);
/* Whether a 401 says that who we are is known, but that the scope was too small (RFC 6750 §3.1). */
bool identity_lacks_scope(const HttpResponse *response);
/* Forgets the token of a scope, which the registry does not take any more. */
void identity_forget(Identity *identity, const char *scope);
