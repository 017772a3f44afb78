/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * .dockerignore, and the wildcards of COPY and ADD
 *
 * Patterns are Go's filepath.Match ones (* ? [a-z] \c, none of which matches a
 * '/') plus ** for any depth, as github.com/moby/patternmatcher reads them.  A
 * path is left out if it or a directory above it matches; a later "!pattern"
 * takes it back in: the last match wins.
 */

#include <stdbool.h>

#include "base/auto.h"
#include "base/err.h"

typedef struct Ignore Ignore;

/* @place: how errors call the file.  -EINVAL for a pattern that is none. */
int ignore_parse(const char *text, const char *place, Ignore **ret, Err *err);
Ignore *ignore_free(Ignore *ignore);
DEFINE_AUTOPTR(Ignore, ignore_free)

/* @path: relative to the context, without "./"; @ignore may be NULL, then nothing is left out. */
bool ignore_matches(const Ignore *ignore, const char *path);
/* True if below a directory that is left out something may be taken back in. */
bool ignore_looks_below(const Ignore *ignore, const char *directory);

/* True if something may be taken back in somewhere. */
bool ignore_takes_back(const Ignore *ignore);
/* True if all that lies in the context itself is left out: "*" or "**" is one of the patterns. */
bool ignore_leaves_nothing(const Ignore *ignore);

/* filepath.Match(); a pattern that is none matches nothing. */
bool pattern_matches(const char *pattern, const char *path);
/* True for one that filepath.Match() would take: every '[' is closed, no '\' at the end. */
bool pattern_is_valid(const char *pattern);
/* True if it contains any of * ? [ \. */
bool pattern_has_wildcard(const char *pattern);

/* Lexical clean-up as Go's filepath.Clean(): no "//", "/./", "x/.."; never empty.  Owned by the
 * caller. */
char *path_clean(const char *path);
