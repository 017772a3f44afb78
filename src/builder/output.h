/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * --output: where a build's result goes
 *
 *   type=image[,name=NAME][,push=true]
 *                              into the store, which is what happens without --output, and to the
 *                              registry of each of its names
 *   type=registry[,name=NAME]  the same with push=true
 *   type=local,dest=DIR        the files, as files; also just DIR
 *   type=tar,dest=FILE         the files, as one tar; "-" is standard output; also just "-"
 *   type=oci,dest=FILE         the image, as an archive of an OCI layout that `docker load` takes
 *   type=docker,dest=FILE      as well; without dest, docker is image
 *
 * What is pushed and archives take compression=uncompressed|gzip|zstd and compression-level=N, for
 * layers that were built here.
 *
 * Files go out through the sandboxed helper: what an image holds never decides
 * where something is written.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/home.h"
#include "oci/image.h"
#include "transfer/pack.h"

typedef enum OutputType { OUTPUT_IMAGE, OUTPUT_LOCAL, OUTPUT_TAR, OUTPUT_ARCHIVE } OutputType;

typedef struct Output {
        OutputType type;
        bool is_docker; /* it was called so */
        char *dest;
        char *name; /* more names for the image, with commas; or NULL */
        bool push;
        bool compression_said;
        PackOptions how;
} Output;

typedef struct Outputs {
        Output *list;
        size_t n_list;
} Outputs;

/* @words: of --output, or NULL. */
int outputs_parse(const char *const *words, Outputs *ret, Err *err);
void outputs_clear(Outputs *outputs);
/* Whether an image is wanted in the store: there is no output, or one of that type or an archive of
 * it. */
bool outputs_want_image(const Outputs *outputs);
/* Whether one is sent to registries. */
bool outputs_push(const Outputs *outputs);
/* Whether standard output belongs to one. */
bool outputs_use_stdout(const Outputs *outputs);

/* Refuses what cannot be written for several platforms at once. */
int outputs_check_platforms(const Outputs *outputs, Err *err);

/**
 * output_write() - write the files out
 * @lowers:	the image's layers, topmost first; NULL for an empty one
 * @latest:	no file of a tar is newer, see tar_write()
 * @platform:	if it is one of several, whose files go into a directory each; or NULL
 */
int output_write(const Output *output, char *const *lowers, int64_t latest,
                 const OciPlatform *platform, Err *err);

typedef struct OutputImage {
        const char *id;           /* an image's, or an index's digest */
        char *const *names;       /* what it is called in the archive */
        char *const *annotations; /* of the entry in an archive's index.json; or NULL */
        bool whole;               /* it is an index */
} OutputImage;

/* Sends an image to the registry of a name; @ret_digest: what it is called there. */
int output_push(const Output *output, const Home *home, const OutputImage *image, const char *name,
                char ret_digest[DIGEST_LENGTH + 1], Err *err);

/* Writes an image out, once it is in the store. */
int output_write_image(const Output *output, const Home *home, const OutputImage *image, Err *err);
