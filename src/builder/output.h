/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * --output: where a build's result goes
 *
 *   type=image[,name=NAME]      into the store, which is what happens without --output
 *   type=local,dest=DIR         the files, as files; also just DIR
 *   type=tar,dest=FILE          the files, as one tar; "-" is standard output; also just "-"
 *   type=oci,dest=FILE          the image, as an archive of an OCI layout that `docker load` takes
 *   type=docker,dest=FILE       as well; without dest, docker is image
 *
 * Files go out through the sandboxed helper: what an image holds never decides
 * where something is written.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/home.h"

typedef enum OutputType { OUTPUT_IMAGE, OUTPUT_LOCAL, OUTPUT_TAR, OUTPUT_ARCHIVE } OutputType;

typedef struct Output {
        OutputType type;
        bool is_docker; /* it was called so */
        char *dest;
        char *name; /* one more name for the image, or NULL */
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
/* Whether standard output belongs to one. */
bool outputs_use_stdout(const Outputs *outputs);

/**
 * output_write() - write the files out
 * @lowers:	the image's layers, topmost first; NULL for an empty one
 * @latest:	no file of a tar is newer, see tar_write()
 */
int output_write(const Output *output, char *const *lowers, int64_t latest, Err *err);

/* Writes the image out, once it is in the store; @names: what it is called in the archive. */
int output_write_image(const Output *output, const Home *home, const char *id, char *const *names,
                       Err *err);
