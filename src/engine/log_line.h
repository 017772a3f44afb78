/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * One line of a container's log
 *
 * Docker's json-file: {"log":"text\n","stream":"stdout","time":"…"}.  The text
 * is escaped as Go's encoding/json does it, with Docker's few exceptions, so
 * that tools which read Docker's files read ours: a byte that is not UTF-8
 * becomes U+FFFD, and < > & are escaped.
 *
 * Both directions are written by hand: the monitor has no room for a JSON
 * library, and a reader of a hundred thousand lines has no time for one.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_ESCAPE_MAX 6 /* bytes that one byte of text can become */

/* Bytes that @size bytes of text take when escaped. */
size_t log_escaped_size(const void *text, size_t size);

/**
 * log_escape() - escape as much text as there is room for
 * @text:	advanced to what was not escaped
 * @end:	end of the text
 * @out:	where to
 * @room:	at least LOG_ESCAPE_MAX, or nothing is done
 *
 * Return: bytes written.
 */
size_t log_escape(const char **text, const char *end, char *out, size_t room);

/* How many of the last bytes begin a UTF-8 character that goes on: a cut belongs before them. */
size_t log_unfinished_character(const void *text, size_t size);

typedef struct LogLine {
        char *text; /* points into the line that was parsed; not terminated */
        size_t size;
        int stream; /* 1 or 2 */
        int64_t time_ns;
        char *attributes; /* JSON object as written, or NULL; not terminated */
        size_t attributes_size;
} LogLine;

/* Only the time of a line; -EINVAL if it has none. */
int log_line_time(const char *line, size_t size, int64_t *ret_ns);

/**
 * log_line_parse() - take a line apart
 * @line:	without its end of line; overwritten by the text it holds
 * @ret:	points into @line
 *
 * Members may come in any order, unknown ones are skipped.
 *
 * Return: 0; -EINVAL if it is no log line, such as one that a full disk cut.
 */
int log_line_parse(char *line, size_t size, LogLine *ret);

/* Writes attributes as `logs --details` shows them, "a=b,c=d"; returns bytes, cut at max. */
size_t log_line_details(const LogLine *line, char *out, size_t max);
