/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The build context: the directory that COPY and ADD take their files from
 *
 * Only what a step asks for is read.  What a source selects is a list of
 * entries in bytewise order, each a plain path below the context: symbolic
 * links on the way to a source are followed inside the context and never out of
 * it, links below a source are copied as links.
 *
 * A selection has a digest of everything that the copy will depend on: names
 * below the destination, types, modes, link targets and contents, but no times
 * and owners, which say where a checkout was made and not what it holds.  The
 * digests of files are kept from build to build (filehash.h).
 */

#include <stdbool.h>

#include "base/digest.h"
#include "base/home.h"
#include "store/ignore.h"
#include "store/tree.h"

typedef struct Context Context;

/**
 * context_read_ignore() - read what is to be left out of a context
 * @path:	the context's directory
 * @file:	the Dockerfile's path if it is not the context's own; or NULL
 * @ret:	NULL if there is no such file
 *
 * That is <Dockerfile>.dockerignore, else .dockerignore, else .containerignore.
 */
int context_read_ignore(const char *path, const char *file, Ignore **ret, Err *err);
/* The same of a directory that somebody else filled: no link leads out of it.  @file is a path in
 * it. */
int context_read_inner_ignore(const char *path, const char *file, Ignore **ret, Err *err);

/**
 * context_open() - open the directory @path as a context
 * @home:	where the digests of its files are remembered
 * @ignore:	what to leave out; taken over, also on failure; may be NULL
 */
int context_open(const Home *home, const char *path, Ignore *ignore, Context **ret, Err *err);
/* Also remembers what was hashed. */
Context *context_free(Context *context);
DEFINE_AUTOPTR(Context, context_free)

/* Absolute, without symbolic links. */
const char *context_path(const Context *context);
/* What is left out, or NULL; borrowed. */
const Ignore *context_ignore(const Context *context);
/* Open directory; borrowed. */
int context_dir(const Context *context);

typedef struct Selection {
        TreeItem *items;
        size_t n_items;
        size_t n_sources; /* that the patterns matched */
        char **files;     /* those of them that are no directories, as in items[].from */
        char digest[DIGEST_LENGTH + 1];
} Selection;

void selection_clear(Selection *selection);

/* What a COPY asks for. */
typedef struct ContextQuery {
        /* Paths and patterns (filepath.Match) relative to the context, expanded. */
        char *const *sources;
        bool into;    /* the destination is a directory: a file keeps its last name there */
        bool parents; /* --parents: and the directories above it, from a part "." on */
        const Ignore *exclude; /* --exclude: on the paths below the destination; or NULL */
} ContextQuery;

/**
 * context_select() - find what the sources of a COPY stand for
 *
 * @into is taken for given, too, once a source is a directory or there are several.  A pattern that
 * nothing matches stands for nothing.
 *
 * Return: 0; -ENOENT naming the source that is not there, with a hint if .dockerignore
 * leaves it out; -EPERM for one outside of the context.
 */
int context_select(Context *context, const ContextQuery *query, Selection *ret, Err *err);

/* Whether a file's first bytes (262 tell all) are those of what tree_unpack() may be able to
 * unpack. */
bool archive_begins(const unsigned char *head, size_t n);
