/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Environment and labels: -e, --env-file, --label, --label-file. */

#include "base/err.h"

/*
 * Adds files first, then what was given by itself.  An entry without '=' takes the value from this
 * command's own environment; where there is none it stays without, which unsets the image's.
 */
int env_read(const char *const *files, const char *const *given, char ***ret, Err *err);

/* Same for labels: without '=' the value is empty. */
int labels_read(const char *const *files, const char *const *given, char ***ret, Err *err);
