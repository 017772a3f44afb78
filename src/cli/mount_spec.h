/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* -v, --mount and --tmpfs: what is mounted where. */

#include "engine/container.h"

/*
 * Reads one -v: [SOURCE:]TARGET[:OPTIONS].  A source with a slash in front, or that begins with
 * ".", is a path and becomes a bind mount; another one is a volume's name; none is a new volume.
 */
int mount_volume(const char *text, Container *c, Err *err);

/* Reads one --mount: type=bind,source=/a,target=/b,readonly and so on, in CSV. */
int mount_entry(const char *text, Container *c, Err *err);

/* Reads one --tmpfs: TARGET[:OPTIONS]. */
int mount_tmpfs(const char *text, Container *c, Err *err);
