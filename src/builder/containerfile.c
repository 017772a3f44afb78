/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/str.h"
#include "builder/containerfile.h"

#define LINE_LENGTH_MAX 65535 /* bufio.Scanner's, which BuildKit reads with */

/* Where the parser is in the text. */
typedef struct Reader {
        const char *next, *end;
        int line; /* of what was read last, from 1 */
} Reader;

/* A physical line, or a part of one: not NUL-terminated. */
typedef struct Line {
        const char *text;
        size_t length;
} Line;

static bool is_blank(char c) {
        return c == ' ' || c == '\t' || c == '\v' || c == '\f' || c == '\r';
}

static bool next_line(Reader *reader, Line *ret) {
        const char *newline;

        if (reader->next >= reader->end)
                return false;

        newline = memchr(reader->next, '\n', (size_t) (reader->end - reader->next));
        ret->text = reader->next;
        ret->length = (size_t) ((newline ? newline : reader->end) - reader->next);
        reader->next = newline ? newline + 1 : reader->end;
        if (ret->length > 0 && ret->text[ret->length - 1] == '\r')
                ret->length--;
        reader->line++;
        return true;
}

static Line without_indent(Line line) {
        while (line.length > 0 && is_blank(*line.text)) {
                line.text++;
                line.length--;
        }
        return line;
}

static Line trimmed(Line line) {
        line = without_indent(line);
        while (line.length > 0 && is_blank(line.text[line.length - 1]))
                line.length--;
        return line;
}

static bool is_comment(Line line) {
        line = without_indent(line);
        return line.length > 0 && *line.text == '#';
}

/*
 * A line goes on if it ends in the escape character, white space after it
 * allowed; two of them are no continuation: ([^\\])\\[ \t]*$|^\\[ \t]*$
 */
static bool cut_continuation(Line *line, char escape) {
        size_t n = line->length;

        while (n > 0 && (line->text[n - 1] == ' ' || line->text[n - 1] == '\t'))
                n--;
        if (n == 0 || line->text[n - 1] != escape)
                return false;
        if (n > 1 && line->text[n - 2] == escape)
                return false;
        line->length = n - 1;
        return true;
}

static int check_line(Line line, Err *err) {
        if (line.length > LINE_LENGTH_MAX)
                return refuse(err, EINVAL, "the line is longer than %d bytes", LINE_LENGTH_MAX);
        if (memchr(line.text, 0, line.length))
                return refuse(err, EINVAL, "the line contains a NUL byte: this is no Dockerfile");
        return 0;
}

/* Splits "# key = value"; the key is made of letters and digits. */
static bool parse_directive(Line line, Line *ret_key, Line *ret_value) {
        Line key, value;
        size_t n = 0;

        if (line.length == 0 || *line.text != '#')
                return false;
        key = trimmed((Line){ line.text + 1, line.length - 1 });
        while (n < key.length && ((key.text[n] | 32) >= 'a' && (key.text[n] | 32) <= 'z'))
                n++;
        while (n > 0 && n < key.length && key.text[n] >= '0' && key.text[n] <= '9')
                n++;
        if (n == 0)
                return false;
        value = without_indent((Line){ key.text + n, key.length - n });
        if (value.length == 0 || *value.text != '=')
                return false;
        value = trimmed((Line){ value.text + 1, value.length - 1 });
        if (value.length == 0)
                return false;

        *ret_key = (Line){ key.text, n };
        *ret_value = value;
        return true;
}

static bool line_is(Line line, const char *word) {
        return line.length == strlen(word) && strncasecmp(line.text, word, line.length) == 0;
}

/*
 * The syntax directive names an image that translates the file.  Ours is built in and knows
 * docker/dockerfile:1; foreign code is never fetched for it.
 */
static int check_syntax(Line value, Err *err) {
        static const char *const built_in[] = { "docker/dockerfile",
                                                "docker.io/docker/dockerfile" };

        for (size_t i = 0; i < sizeof built_in / sizeof *built_in; i++) {
                size_t n = strlen(built_in[i]);

                if (value.length >= n && memcmp(value.text, built_in[i], n) == 0 &&
                    (value.length == n || value.text[n] == ':' || value.text[n] == '@'))
                        return 0;
        }
        refuse(err, EOPNOTSUPP, "syntax '%.*s' is not built in", (int) value.length, value.text);
        return err_hint(err, -EOPNOTSUPP,
                        "isola runs no foreign frontends; only docker/dockerfile");
}

/* Reads the block of directives at the top; leaves the reader at the first line that is none. */
static int read_directives(Reader *reader, Containerfile *file, Err *err) {
        enum { SYNTAX = 1, ESCAPE = 2, CHECK = 4 };
        int seen = 0, r;

        for (;;) {
                Reader ahead = *reader;
                Line line, key, value;
                int which;

                if (!next_line(&ahead, &line) || !parse_directive(line, &key, &value))
                        return 0;
                which = line_is(key, "syntax")   ? SYNTAX
                        : line_is(key, "escape") ? ESCAPE
                        : line_is(key, "check")  ? CHECK
                                                 : 0;
                if (!which)
                        return 0;
                *reader = ahead;
                if (seen & which)
                        return refuse(err, EINVAL, "only one '%.*s' parser directive can be used",
                                      (int) key.length, key.text);
                seen |= which;

                if (which == SYNTAX) {
                        r = check_syntax(value, err);
                        if (r < 0)
                                return r;
                }
                if (which == ESCAPE) {
                        if (value.length != 1 || (*value.text != '\\' && *value.text != '`'))
                                return refuse(err, EINVAL, "invalid escape '%.*s': must be ` or \\",
                                              (int) value.length, value.text);
                        file->escape = *value.text;
                }
        }
}

/* Adds what @line says and every line that it is continued on. */
static int read_instruction(Reader *reader, Line line, char escape, Str *text, Err *err) {
        bool goes_on = true;
        int r;

        for (;;) {
                r = check_line(line, err);
                if (r < 0)
                        return r;
                goes_on = cut_continuation(&line, escape);
                str_put_bytes(text, line.text, line.length);
                if (!goes_on)
                        return 0;

                /* Comments and empty lines do not end a continued instruction. */
                do {
                        if (!next_line(reader, &line))
                                return 0;
                } while (is_comment(line) || trimmed(line).length == 0);
        }
}

static int read_instructions(Reader *reader, Containerfile *file, int *ret_line, Err *err) {
        Line line;

        while (next_line(reader, &line)) {
                autostr text = {};
                Instruction *instruction;
                int r;

                *ret_line = reader->line;
                line = without_indent(line);
                if (line.length == 0 || *line.text == '#')
                        continue;

                r = read_instruction(reader, line, file->escape, &text, err);
                if (r < 0)
                        return r;
                if (text.failed)
                        return fail(err, ENOMEM, "cannot read");
                if (!text.text || trimmed((Line){ text.text, text.length }).length == 0)
                        continue;

                instruction = json_grow(&file->instructions, &file->n, sizeof *instruction);
                if (!instruction)
                        return fail(err, ENOMEM, "cannot read");
                instruction->line = *ret_line;
                r = instruction_parse(text.text, file->escape, instruction, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* FROM comes first; only ARG may stand before it. */
static int check_order(const Containerfile *file, int *ret_line, Err *err) {
        *ret_line = 1;
        for (size_t i = 0; i < file->n; i++) {
                *ret_line = file->instructions[i].line;
                if (file->instructions[i].kind == INSTRUCTION_FROM)
                        return 0;
                if (file->instructions[i].kind != INSTRUCTION_ARG)
                        return refuse(err, EINVAL, "no build stage yet: '%s' stands before FROM",
                                      file->instructions[i].name);
        }
        return refuse(err, EINVAL, "there is no FROM instruction");
}

int containerfile_parse(const char *text, size_t size, const char *place, Containerfile **ret,
                        Err *err) {
        autoptr(Containerfile) file = calloc(1, sizeof *file);
        Reader reader = { text, text + size, 0 };
        int r, line;

        if (!file || !(file->place = strdup(place)))
                return fail(err, ENOMEM, "cannot read '%s'", place);
        file->escape = '\\';
        if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
                reader.next += 3;

        r = read_directives(&reader, file, err);
        if (r < 0)
                return err_prefix(err, r, "%s:%d", place, reader.line);
        r = read_instructions(&reader, file, &line, err);
        if (r < 0)
                return err_prefix(err, r, "%s:%d", place, line);
        if (file->n == 0)
                return refuse(err, EINVAL, "%s: the file is empty: there is nothing to build",
                              place);
        r = check_order(file, &line, err);
        if (r < 0)
                return err_prefix(err, r, "%s:%d", place, line);

        *ret = take_ptr(file);
        return 0;
}

Containerfile *containerfile_free(Containerfile *file) {
        if (!file)
                return NULL;
        for (size_t i = 0; i < file->n; i++)
                instruction_clear(&file->instructions[i]);
        free(file->instructions);
        free(file->place);
        free(file);
        return NULL;
}
