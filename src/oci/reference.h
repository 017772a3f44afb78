/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * References: how people name images
 *
 * "debian", "debian:12", "localhost:5000/team/web:v1", "name@sha256:…"; the
 * grammar is that of github.com/distribution/reference.  A name without a tag
 * means ":latest".  Names are kept short, as Docker shows them: "docker.io/library/debian" is
 * "debian".
 */

#include <stdbool.h>

#include "base/auto.h"
#include "base/err.h"

typedef struct Reference {
        char *name;   /* repository, with its registry if one was given */
        char *tag;    /* never NULL unless digest is set */
        char *digest; /* or NULL */
} Reference;

/* -EINVAL with a sentence saying what is wrong with it (upper case, empty tag, …). */
int reference_parse(const char *text, Reference **ret, Err *err);
/* Whether it names no registry: "debian", "team/app:v1". */
bool reference_is_short(const char *text);
/*
 * Where a name is to be had: "debian" is "library/debian" at "docker.io".  Both new; 0 or -ENOMEM.
 */
int reference_split(const Reference *r, char **ret_registry, char **ret_repository);
/* "name:tag" or "name@digest"; owned by the caller. */
char *reference_text(const Reference *r);
Reference *reference_free(Reference *r);
DEFINE_AUTOPTR(Reference, reference_free)
