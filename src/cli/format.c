/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/format.h"
#include "cli/table.h"
#include "cli/template.h"

static int no_memory(Err *err) {
        return fail(err, ENOMEM, "cannot lay out the result");
}

/* Prints text whose line breaks and tabs are ours; the rest of it may be anybody's. */
static void print_text(const char *text) {
        autofree char *safe = isatty(STDOUT_FILENO) ? str_printable_lines(text) : NULL;

        fputs(safe ? safe : text, stdout);
}

void format_print_json(const char *json) {
        autofree char *safe = isatty(STDOUT_FILENO) ? str_printable_json(json) : NULL;

        puts(safe ? safe : json);
}

/* ---- default table and JSON ---- */

static const char *cell(json_t *row, const Column *column) {
        const char *text = json_string_value(json_object_get(row, column->field));

        return text ? text : "";
}

static int add_table_line(char ***lines, const Column *columns, json_t *row) {
        autostr line = {};
        bool first = true;

        for (const Column *c = columns; c->title; c++) {
                if (c->optional)
                        continue;
                if (!first)
                        str_put_char(&line, '\t');
                table_put(&line, row ? cell(row, c) : c->title);
                first = false;
        }
        return strv_take(lines, str_take(&line));
}

static int print_lines(char *const *lines, Err *err) {
        autofree char *text = NULL;
        autostr out = {};

        table_layout(lines, &out);
        text = str_take(&out);
        if (!text)
                return no_memory(err);
        print_text(text);
        return 0;
}

static int print_table(const Column *columns, json_t *rows, Err *err) {
        autostrv lines = NULL;

        if (add_table_line(&lines, columns, NULL) < 0)
                return no_memory(err);
        for (size_t i = 0; i < json_array_size(rows); i++)
                if (add_table_line(&lines, columns, json_array_get(rows, i)) < 0)
                        return no_memory(err);
        return print_lines(lines, err);
}

/* Docker's rows have their members sorted. */
static json_t *sorted(json_t *row) {
        autofree const char **keys = template_keys(row);
        json_t *copy = json_object();

        for (const char **key = keys; key && *key; key++)
                json_object_set(copy, *key, json_object_get(row, *key));
        if (json_object_get(row, ".Label"))
                json_object_set(copy, ".Label", json_object_get(row, ".Label"));
        return copy;
}

static int print_json(json_t *value, Err *err) {
        autofree char *text = template_json(value);

        if (!text)
                return no_memory(err);
        format_print_json(text);
        return 0;
}

static int print_json_rows(json_t *rows, Err *err) {
        int r = 0;

        for (size_t i = 0; i < json_array_size(rows) && r == 0; i++) {
                json_t *row = sorted(json_array_get(rows, i));

                r = row ? print_json(row, err) : no_memory(err);
                json_decref(row);
        }
        return r;
}

/* ---- templates ---- */

/* Outside of actions, the two characters \t and \n mean what they say, as with Docker. */
static char *unescape(const char *format) {
        autostr s = {};
        bool action = false;

        for (; *format; format++) {
                action = strncmp(format, "{{", 2) == 0   ? true
                         : strncmp(format, "}}", 2) == 0 ? false
                                                         : action;
                if (!action && format[0] == '\\' && (format[1] == 't' || format[1] == 'n'))
                        str_put_char(&s, *++format == 't' ? '\t' : '\n');
                else
                        str_put_char(&s, *format);
        }
        return str_take(&s);
}

int template_render(const char *text, json_t *value, char **ret, Err *err) {
        autoptr(Template) t = NULL;
        autostr out = {};
        int r;

        r = template_parse(text, &t, err);
        if (r >= 0)
                r = template_run(t, value, &out, err);
        if (r < 0)
                return r;
        *ret = str_take(&out);
        return *ret ? 0 : no_memory(err);
}

/* The row that makes a table's heading: each field is its column's title. */
static json_t *heading(const Column *columns) {
        json_t *row = json_object();

        for (const Column *c = columns; c->title; c++)
                json_object_set_new(row, c->field, json_string(c->title));
        json_object_set_new(row, ".Label", json_true());
        return row;
}

/* A mistyped field is worth a list of those there are. */
static int hint_at_fields(json_t *row, int code, Err *err) {
        autofree const char **keys = template_keys(row);
        autofree char *names = keys ? strv_join((char *const *) keys, " ") : NULL;

        if (!names || !err || !err->message || !strstr(err->message, "no entry for key"))
                return code;
        return err_hint(err, code, "fields are: %s", names);
}

static int render_rows(const Template *t, json_t *rows, char ***lines, Err *err) {
        int r = 0;

        for (size_t i = 0; i < json_array_size(rows) && r >= 0; i++) {
                json_t *row = sorted(json_array_get(rows, i));
                autostr out = {};

                r = row ? template_run(t, row, &out, err) : no_memory(err);
                if (r < 0)
                        hint_at_fields(row, r, err);
                else if (strv_take(lines, str_take(&out)) < 0)
                        r = no_memory(err);
                json_decref(row);
        }
        return r;
}

static int add_heading(const Template *t, const Column *columns, char ***lines, Err *err) {
        json_t *row = heading(columns);
        autostr out = {};
        int r;

        r = row ? template_run(t, row, &out, err) : no_memory(err);
        if (r < 0)
                hint_at_fields(row, r, err);
        else if (strv_take(lines, str_take(&out)) < 0)
                r = no_memory(err);
        json_decref(row);
        return r;
}

static int print_template(const Column *columns, json_t *rows, const char *format, Err *err) {
        const char *in_table = str_after(format, "table ");
        autofree char *text = unescape(in_table ? in_table + strspn(in_table, " ") : format);
        autoptr(Template) t = NULL;
        autostrv lines = NULL;
        int r;

        if (!text)
                return no_memory(err);
        r = template_parse(text, &t, err);
        if (r >= 0 && in_table)
                r = add_heading(t, columns, &lines, err);
        if (r >= 0)
                r = render_rows(t, rows, &lines, err);
        if (r < 0)
                return err_prefix(err, r, "cannot use this --format");

        if (in_table)
                return print_lines(lines, err);
        strv_foreach(line, lines) {
                print_text(*line);
                putchar('\n');
        }
        return 0;
}

int format_rows(const Column *columns, json_t *rows, const char *format, Err *err) {
        if (!format || str_equal(format, "table"))
                return print_table(columns, rows, err);
        if (str_equal(format, "json"))
                return print_json_rows(rows, err);
        return print_template(columns, rows, format, err);
}

/* ---- documents ---- */

static int print_document(const Template *t, json_t *document, Err *err) {
        autofree char *text = NULL;
        autostr out = {};
        int r;

        r = template_run(t, document, &out, err);
        if (r < 0)
                return err_prefix(err, hint_at_fields(document, r, err),
                                  "cannot use this --format");
        text = str_take(&out);
        if (!text)
                return no_memory(err);
        print_text(text);
        putchar('\n');
        return 0;
}

int format_documents(json_t *documents, const char *format, Err *err) {
        autoptr(Template) t = NULL;
        int r = 0;

        if (!format) {
                autofree char *text = json_dumps(documents, JSON_INDENT(4));

                if (!text)
                        return no_memory(err);
                format_print_json(text);
                return 0;
        }
        if (!str_equal(format, "json")) {
                r = template_parse(format, &t, err);
                if (r < 0)
                        return err_prefix(err, r, "cannot use this --format");
        }
        for (size_t i = 0; i < json_array_size(documents) && r >= 0; i++)
                r = t ? print_document(t, json_array_get(documents, i), err)
                      : print_json(json_array_get(documents, i), err);
        return r;
}
