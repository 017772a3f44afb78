/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * From a Dockerfile to an image
 *
 * Each stage is carried out instruction by instruction on a StageState.  An
 * instruction that changes files works on a layer draft: COPY, ADD and WORKDIR
 * have the image helper write into it (store/tree.h), RUN runs a container with
 * the draft as its upper directory.  The draft is then committed as the layer;
 * no tar is made.  Whatever fails, the draft is dropped, and an image is only
 * named after everything it consists of is there.
 *
 * The time of creation is SOURCE_DATE_EPOCH where it is set.  Otherwise it is
 * the time of the first build that came to this result: an unchanged rebuild
 * gives the same image.
 */

#include <stdbool.h>

#include "base/home.h"
#include "engine/container.h"
#include "store/image.h"

typedef enum BuildPull {
        PULL_MISSING, /* images that are not here */
        PULL_ALWAYS,
        PULL_NEVER,
} BuildPull;

typedef enum BuildProgress {
        PROGRESS_PLAIN,    /* lines, as they arise */
        PROGRESS_TERMINAL, /* see display.h */
        PROGRESS_JSON,
        PROGRESS_QUIET,
} BuildProgress;

typedef struct BuildRequest {
        const char *context;          /* directory or archive; "-" for one on standard input, or a
                                         Dockerfile without a context */
        const char *file;             /* Dockerfile, "-" for standard input; NULL: context's own */
        const char *const *names;     /* references to give the image; NULL for none */
        const char *const *arguments; /* "NAME=value", or "NAME" for the environment's */
        const char *const *labels;    /* "name=value" */
        const char *const *annotations; /* see annotation.h */
        const char *const *contexts;    /* "name=directory" or "name=docker-image://reference" */
        const char *const *secrets;     /* as --secret has them, see secret.h */
        const char *const *agents;      /* --ssh */
        const char *const *outputs;     /* --output, see output.h */
        const char *const *cache_from, *const *cache_to; /* see cache_place.h */
        const char *const *uncached;  /* stages that the cache knows nothing of; NULL for none */
        const char *const *allow;     /* "security.insecure" */
        const char *const *platforms; /* what is built for, "os/arch,…"; NULL: this machine */
        const HostConfig *host;       /* of RUN: extra hosts, limits, size of /dev/shm; or NULL */
        const char *target;           /* stage; NULL for the last */
        const char *network;          /* of RUN: "default", "none", "host"; NULL: default */
        BuildPull pull;
        bool no_cache, squash;
        BuildProgress progress;
        int progress_fd; /* where a display is shown */
} BuildRequest;

/* An image, or one for each platform and an index of them. */
typedef struct BuildResult {
        Image **images; /* NULL if only files were asked for by --output */
        size_t n;
        size_t chosen;                  /* the one that the names mean here */
        ImageIndex index;               /* of several images; else its digest is "" */
        char **names;                   /* "repository:tag"s that were given */
        char pushed[DIGEST_LENGTH + 1]; /* what it is called in a registry; "" if it was not sent */
} BuildResult;

void build_result_clear(BuildResult *result);
#define autobuildresult __attribute__((__cleanup__(build_result_clear))) BuildResult
/* What the result can be called by: the image's id, or the index's digest. */
const char *build_result_digest(const BuildResult *result);

/* Return: 0; negative errno with a sentence that begins with file and line where one is at fault.
 */
int build_image(const Home *home, const BuildRequest *request, BuildResult *ret, Err *err);

/**
 * build_check() - look for what is allowed but seldom meant, and build nothing
 * @json:	the report as JSON
 * @ret:	what is to be printed; owned by the caller
 * Return: how many warnings there are; negative errno.
 */
int build_check(const Home *home, const BuildRequest *request, bool json, char **ret, Err *err);

/* The parsed Dockerfile as JSON, for --print-ast; owned by the caller. */
int build_print(const Home *home, const BuildRequest *request, char **ret, Err *err);
