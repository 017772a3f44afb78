/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What a registry asks for: the header WWW-Authenticate (RFC 7235 §4.1)
 *
 * One header may hold several challenges, and a quoted value commas.  Pure functions.
 */

#include <stddef.h>

typedef struct Challenge {
        char *scheme;                          /* lower case: "basic", "bearer" */
        char *realm, *service, *scope, *error; /* or NULL */
} Challenge;

/**
 * challenge_parse() - read one header's value
 * @list:	grows by what is found
 *
 * Return: 0; -EBADMSG for what is no challenge; -ENOMEM.
 */
int challenge_parse(const char *text, Challenge **list, size_t *n);
void challenge_list_free(Challenge *list, size_t n);

/* What is asked for, and of what a challenge asks for what is not in there: "repository:a:pull
 * repository:b:pull,push"; new. */
char *scope_join(const char *own, const char *asked);

/* The words of a header Warning that is meant for people, `299 - "words"` (distribution-spec,
 * "Warnings"); new; NULL for others. */
char *warning_words(const char *text);

/* The URL of the header Link whose rel is "next" (RFC 8288), new; NULL if there is none. */
char *link_next(const char *text);
