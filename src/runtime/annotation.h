/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What annotations of a bundle mean to the runtime
 *
 * Most only say something about a container.  Those of crun that change what it is
 * are carried out as crun does, or refused by name where the container would be
 * another without; what is merely left undone is a warning.
 */

#include "base/err.h"
#include "oci/spec.h"

/* Where hooks write, by the annotations run.oci.hooks.stdout and .stderr; -EBADF: to be kept for
 * an error. */
typedef struct HookOutput {
        int out, error;
} HookOutput;

/* Whether an annotation is there and says yes. */
bool annotation_is_true(const OciSpec *spec, const char *name);

/* Return: 0; -EOPNOTSUPP for one that cannot be carried out. */
int annotations_check(const OciSpec *spec, Err *err);

/* Opens the files, which are made if need be and added to; closed by hook_output_close(). */
int annotations_open_output(const OciSpec *spec, HookOutput *ret, Err *err);
void hook_output_close(HookOutput *output);
#define autohookoutput __attribute__((__cleanup__(hook_output_close))) HookOutput
