/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Platforms: "linux/arm/v7"
 *
 * Of an index the entry is taken whose variant fits best: the wanted one, then older ones that run
 * as well, then one without.  Attestations, which have no platform, never count.
 */

#include "base/auto.h"
#include "oci/image.h"

/* Reads "os/arch[/variant]", "arch" or "os"; aliases (x86_64, aarch64) become Go's words.  Cleared
 * with platform_clear().  -EINVAL. */
int platform_parse(const char *text, OciPlatform *ret, Err *err);
/* This machine's. */
int platform_here(OciPlatform *ret);
void platform_clear(OciPlatform *platform);
/* "linux/arm/v7"; new. */
char *platform_text(const OciPlatform *platform);

/* How well @have runs where @want is wanted: 0 not at all, else the more the better. */
int platform_match(const OciPlatform *want, const OciPlatform *have);

/**
 * platform_choose() - find the manifest for a platform
 * @name:	for the error, which lists what there is
 *
 * Return: its place in the index; -ENOENT.
 */
int platform_choose(const OciIndex *index, const OciPlatform *want, const char *name, Err *err);

/* False for attestations and what else is no image. */
bool platform_is_real(const OciDescriptor *d);
