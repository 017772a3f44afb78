/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * --output: where a build's result goes
 *
 *   type=image[,name=NAME]      into the store, which is what happens without --output
 *   type=local,dest=DIR         the files, as files; also just DIR
 *   type=tar,dest=FILE          the files, as one tar; "-" is standard output; also just "-"
 *
 * Files go out through the sandboxed helper: what an image holds never decides
 * where something is written.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

typedef enum OutputType { OUTPUT_IMAGE, OUTPUT_LOCAL, OUTPUT_TAR } OutputType;

typedef struct Output {
        OutputType type;
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
/* Whether an image is wanted in the store: there is no output, or one of that type. */
bool outputs_want_image(const Outputs *outputs);
/* Whether standard output belongs to one. */
bool outputs_use_stdout(const Outputs *outputs);

/**
 * output_write() - write the files out
 * @lowers:	the image's layers, topmost first; NULL for an empty one
 * @latest:	no file of a tar is newer, see tar_write()
 */
int output_write(const Output *output, char *const *lowers, int64_t latest, Err *err);
