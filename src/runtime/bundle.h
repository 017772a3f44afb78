/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A bundle: a directory with config.json and a root file system (runtime-spec "bundle.md")
 *
 * It is read once.  What the container was made from is kept beside its state,
 * because later changes to config.json must have no effect.
 */

#include "oci/spec.h"

typedef struct Bundle {
        char *path;   /* of the directory, absolute, without symbolic links */
        char *config; /* the text of config.json */
        size_t size;
        OciSpec *spec; /* root_path is absolute */
} Bundle;

/**
 * bundle_load() - read a bundle
 * @path:	of the directory; NULL: the current one
 * @config:	name of the configuration in it, or an absolute path; NULL: "config.json"
 *
 * Return: 0; -ENOENT if there is none; -EINVAL with the place of what is wrong in it.
 */
int bundle_load(const char *path, const char *config, Bundle **ret, Err *err);
Bundle *bundle_free(Bundle *bundle);
DEFINE_AUTOPTR(Bundle, bundle_free)

/* Reads the configuration that was kept below @dir; the spec is complete as above. */
int bundle_load_kept(int dir, const char *bundle, OciSpec **ret, Err *err);
