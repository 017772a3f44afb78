/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Files at URLs, fetched by the network process (remote.h). */

#include <stdint.h>

#include "base/err.h"

/**
 * url_fetch() - get what is at a URL
 * @url:	http or https
 * @file:	written from where it stands; stays the caller's
 * @max_bytes:	0 for no limit
 * @ret_modified: its Last-Modified in seconds since 1970, 0 if the server did not say
 */
int url_fetch(const char *url, int file, int64_t max_bytes, int64_t *ret_modified, Err *err);

/* Whether a word is a URL that url_fetch() takes. */
int url_is_http(const char *word);
