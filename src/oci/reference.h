/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * References: how people name images
 *
 * "debian", "debian:12", "localhost:5000/team/web:v1", "name@sha256:…"; the
 * grammar is that of github.com/distribution/reference.  A name without a tag
 * means ":latest".  Local names are kept as typed, without "docker.io/library/".
 */

#include "base/auto.h"
#include "base/err.h"

typedef struct Reference {
        char *name;   /* repository, with its registry if one was given */
        char *tag;    /* never NULL unless digest is set */
        char *digest; /* or NULL */
} Reference;

/* -EINVAL with a sentence saying what is wrong with it (upper case, empty tag, …). */
int reference_parse(const char *text, Reference **ret, Err *err);
/* "name:tag" or "name@digest"; owned by the caller. */
char *reference_text(const Reference *r);
Reference *reference_free(Reference *r);
DEFINE_AUTOPTR(Reference, reference_free)
