/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * How commands print lists and documents
 *
 * `--format` takes "json" (one object a line), "table TEMPLATE", "table", or a
 * Go template over the objects: {{.Field}}, {{.A.B}}, {{json .}}, {{range}},
 * {{if}}/{{else}}/{{end}}, {{with}}, {{index .Map "key"}}, {{join .List ","}},
 * split upper lower title pad truncate len slice print printf println, eq ne lt
 * le gt ge and or not, pipes, variables, comments, {{- trimming -}}.  What
 * text/template would refuse is refused with the place in the template.
 */

#include <stdbool.h>

#include "base/err.h"

struct json_t;

typedef struct Column {
        const char *title; /* "CONTAINER ID" */
        const char *field; /* "ID": the object's member, also the template's {{.ID}} */
        bool optional;     /* only in the default table if the command asks */
} Column;

/*
 * Prints rows.  @rows: a JSON array of flat objects with string members; a member ".Label" holds an
 * object that the template's {{.Label "key"}} looks into, and is not shown otherwise.  @format:
 * the user's --format or NULL for the default table; a table's columns are three blanks apart.
 * Control characters never reach a terminal.
 */
int format_rows(const Column *columns, struct json_t *rows, const char *format, Err *err);

/*
 * Prints documents as inspect does: a JSON array with 4 blanks of indent, with "json" one object a
 * line, or the template for each.
 */
int format_documents(struct json_t *documents, const char *format, Err *err);

/* Prints a JSON text and a line break; what a terminal would obey is escaped if one reads it. */
void format_print_json(const char *json);

/* Evaluates one template over one value; the text is owned by the caller. */
int template_render(const char *text, struct json_t *value, char **ret, Err *err);
