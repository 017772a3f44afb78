/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Points in time (nanoseconds since 1970, UTC) and spans of time, in words and back. */

#include <stdint.h>

int64_t clock_now_ns(void);
/* CLOCK_MONOTONIC in milliseconds. */
int64_t clock_monotonic_ms(void);

/* "2026-11-22T14:30:00.123456789Z" (RFC 3339 with nanoseconds, as Docker writes); NULL without
 * memory. */
char *clock_rfc3339(int64_t ns);
#define CLOCK_RFC3339_LENGTH 30
/* The same into a buffer with room for the NUL; years 0 to 9999. */
void clock_put_rfc3339(int64_t ns, char out[CLOCK_RFC3339_LENGTH + 1]);
/* Reads RFC 3339 with any fraction and zone, also a date or a time without zone (UTC); -EINVAL. */
int clock_parse_rfc3339(const char *text, int64_t *ret_ns);

/**
 * clock_parse_when() - read a point in time as `--since` and `--until` take it
 * @text:	RFC 3339, Unix seconds with fraction, or a span back from now ("10m", "1h30m")
 */
int clock_parse_when(const char *text, int64_t *ret_ns);

/* Reads a span: "1.5s", "300ms", "1h30m", "7d"; a bare number counts @unit_ns each; -EINVAL,
 * -ERANGE. */
int span_parse(const char *text, int64_t unit_ns, int64_t *ret_ns);

/* "Less than a second", "5 seconds", "About a minute", "3 hours" as Docker words a span; owned by
 * caller. */
char *span_words(int64_t ns);

/* "10ms", "1500us": exact, in the largest unit that is, as span_parse() reads it; owned by caller.
 */
char *span_exact(int64_t ns);
