/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* "linux/arm64/v8", as --platform and the TARGET variables have it. */

#include "base/err.h"

typedef struct Platform {
        char *architecture; /* in Go's words */
        char *variant;      /* or NULL */
} Platform;

/* @text: "[os/]architecture[/variant]", NULL for this machine's; the system must be linux. */
int platform_parse(const char *text, Platform *ret, Err *err);
void platform_clear(Platform *p);
/* "linux/arm64/v8"; owned by the caller; NULL without memory. */
char *platform_text(const Platform *p);
/* Whether an image for @architecture and @variant (which may be NULL) is one for @p. */
int platform_fits(const Platform *p, const char *architecture, const char *variant);
