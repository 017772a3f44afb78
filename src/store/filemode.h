/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Modes as chmod(1) takes them
 *
 * "755", "u=rwX,go=rX", "g+s": octal up to 7777, or clauses of [ugoa]*[-+=][rwxXst]* divided by
 * commas, as COPY --chmod has them.  Without u, g, o or a, all three are meant; there is no umask.
 */

#include <stdbool.h>
#include <sys/types.h>

/* @mode: the file's present one; -EINVAL for a text that is none. */
int file_mode_apply(const char *text, mode_t mode, bool directory, mode_t *ret);
