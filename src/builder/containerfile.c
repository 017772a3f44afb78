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
        int line;        /* of what was read last, from 1 */
        char **comments; /* that stand above what comes next; freed by who reads on */
} Reader;

/* A physical line, or a part of one: not NUL-terminated. */
typedef struct Line {
        const char *text;
        size_t length;
} Line;

static bool is_blank(char c) {
        return c == ' ' || c == '\t' || c == '\v' || c == '\f' || c == '\r';
}

/* With its line break, if it has one. */
static bool next_raw_line(Reader *reader, Line *ret) {
        const char *newline;

        if (reader->next >= reader->end)
                return false;

        newline = memchr(reader->next, '\n', (size_t) (reader->end - reader->next));
        ret->text = reader->next;
        reader->next = newline ? newline + 1 : reader->end;
        ret->length = (size_t) (reader->next - ret->text);
        reader->line++;
        return true;
}

static Line without_break(Line line) {
        if (line.length > 0 && line.text[line.length - 1] == '\n')
                line.length--;
        if (line.length > 0 && line.text[line.length - 1] == '\r')
                line.length--;
        return line;
}

static bool next_line(Reader *reader, Line *ret) {
        if (!next_raw_line(reader, ret))
                return false;
        *ret = without_break(*ret);
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

/* Splits "# key = value"; the key is made of letters and digits.  @mark: "#", or "//" of other
 * languages' files. */
static bool parse_directive(Line line, const char *mark, Line *ret_key, Line *ret_value) {
        size_t n = strlen(mark);
        Line key, value;

        if (line.length < n || memcmp(line.text, mark, n) != 0)
                return false;
        key = trimmed((Line){ line.text + n, line.length - n });
        n = 0;
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

/*
 * Finds the syntax as BuildKit's DetectSyntax() does, which knows files of other languages: below
 * a "#!" line, after "//", or as the first member of a JSON document.
 */
static int detect_syntax(Reader reader, Err *err) {
        static const char *const marks[] = { "#", "//" };
        static const char json[] = "{\"syntax\":";
        Reader first = reader;
        Line line, key, value;

        if (next_line(&first, &line) && line.length > 2 && memcmp(line.text, "#!", 2) == 0)
                reader = first;
        for (size_t i = 0; i < 2; i++)
                for (Reader ahead = reader;
                     next_line(&ahead, &line) && parse_directive(line, marks[i], &key, &value);)
                        if (line_is(key, "syntax"))
                                return check_syntax(value, err);
        line = (Line){ reader.next, (size_t) (reader.end - reader.next) };
        if (line.length > sizeof json && memcmp(line.text, json, sizeof json - 1) == 0)
                return check_syntax(without_break(line), err);
        return 0;
}

static int keep(Line value, char **ret, Err *err) {
        *ret = strndup(value.text, value.length);
        return *ret ? 0 : fail(err, ENOMEM, "cannot read");
}

static int take_escape(Line value, Containerfile *file, Err *err) {
        if (value.length != 1 || (*value.text != '\\' && *value.text != '`'))
                return refuse(err, EINVAL, "invalid escape '%.*s': must be ` or \\",
                              (int) value.length, value.text);
        file->escape = *value.text;
        return 0;
}

/* Reads the block of directives at the top; leaves the reader at the first line that is none. */
static int read_directives(Reader *reader, Containerfile *file, Err *err) {
        bool escape_seen = false;
        int r;

        for (;;) {
                Reader ahead = *reader;
                Line line, key, value;
                bool syntax, escape, seen;

                if (!next_line(&ahead, &line) || !parse_directive(line, "#", &key, &value))
                        return 0;
                syntax = line_is(key, "syntax");
                escape = line_is(key, "escape");
                if (!syntax && !escape && !line_is(key, "check"))
                        return 0;
                *reader = ahead;
                seen = syntax ? file->syntax != NULL : escape ? escape_seen : file->check != NULL;
                if (seen)
                        return refuse(err, EINVAL, "only one '%.*s' parser directive can be used",
                                      (int) key.length, key.text);
                escape_seen |= escape;
                r = escape   ? take_escape(value, file, err)
                    : syntax ? keep(value, &file->syntax, err)
                             : keep(value, &file->check, err);
                if (r < 0)
                        return r;
        }
}

/* Notes a comment for what comes below it, also below empty lines; an empty one parts the two. */
static int note_comment(Reader *reader, Line line) {
        Line text = line.length > 0 ? trimmed((Line){ line.text + 1, line.length - 1 }) : line;

        if (line.length == 0)
                return 0;
        if (text.length == 0) {
                reader->comments = strv_free(reader->comments);
                return 0;
        }
        return strv_take(&reader->comments, strndup(text.text, text.length));
}

/* Adds what @line says and every line that it is continued on. */
static int read_instruction(Reader *reader, Line line, char escape, Str *text, bool *ret_empty,
                            Err *err) {
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
                        *ret_empty |= trimmed(line).length == 0;
                } while (is_comment(line) || trimmed(line).length == 0);
        }
}

/* Without the tabs that `<<-` allows before the end mark. */
static bool ends_heredoc(Line line, const Heredoc *heredoc) {
        line = without_break(line);
        while (heredoc->chomp && line.length > 0 && *line.text == '\t')
                line = (Line){ line.text + 1, line.length - 1 };
        return line.length == strlen(heredoc->name) &&
               memcmp(line.text, heredoc->name, line.length) == 0;
}

static int read_heredoc_body(Reader *reader, Heredoc *heredoc, Err *err) {
        autostr content = {};
        Line line;
        int r;

        while (next_raw_line(reader, &line)) {
                if (ends_heredoc(line, heredoc)) {
                        heredoc->content = str_take(&content);
                        return heredoc->content ? 0 : fail(err, ENOMEM, "cannot read");
                }
                r = check_line(line, err);
                if (r < 0)
                        return r;
                str_put_bytes(&content, line.text, line.length);
        }
        return refuse(err, EINVAL, "the here-document '%s' is not ended by a line '%s'",
                      heredoc->name, heredoc->name);
}

/* The bodies stand below the instruction, in the order in which it names them. */
static int read_heredocs(Reader *reader, Instruction *instruction, Err *err) {
        autostr trigger = {};
        int r;

        for (size_t i = 0; i < instruction->n_heredocs; i++) {
                r = read_heredoc_body(reader, &instruction->heredocs[i], err);
                if (r < 0)
                        return r;
        }
        if (instruction->kind != INSTRUCTION_ONBUILD || instruction->n_heredocs == 0)
                return 0;

        str_put(&trigger, instruction->args[0]);
        for (size_t i = 0; i < instruction->n_heredocs; i++)
                str_printf(&trigger, "\n%s%s", instruction->heredocs[i].content,
                           instruction->heredocs[i].name);
        free(instruction->args[0]);
        instruction->args[0] = str_take(&trigger);
        return instruction->args[0] ? 0 : fail(err, ENOMEM, "cannot read");
}

static int add_instruction(Reader *reader, Containerfile *file, Line line, Err *err) {
        autostr text = {};
        Instruction *instruction;
        int r, begins = reader->line;
        bool empty_lines = false;

        r = read_instruction(reader, line, file->escape, &text, &empty_lines, err);
        if (r < 0)
                return r;
        if (text.failed)
                return fail(err, ENOMEM, "cannot read");
        if (!text.text || trimmed((Line){ text.text, text.length }).length == 0)
                return 0;

        instruction = json_grow(&file->instructions, &file->n, sizeof *instruction);
        if (!instruction)
                return fail(err, ENOMEM, "cannot read");
        instruction->line = begins;
        instruction->empty_lines = empty_lines;
        instruction->comments = take_ptr(reader->comments);
        r = instruction_parse(text.text, file->escape, instruction, err);
        if (r >= 0)
                r = read_heredocs(reader, instruction, err);
        instruction->last_line = reader->line;
        return r;
}

static int read_instructions(Reader *reader, Containerfile *file, int *ret_line, Err *err) {
        Line line;
        int r;

        while (next_line(reader, &line)) {
                *ret_line = reader->line;
                line = without_indent(line);
                if (line.length == 0 || *line.text == '#')
                        r = note_comment(reader, line) < 0 ? fail(err, ENOMEM, "cannot read") : 0;
                else
                        r = add_instruction(reader, file, line, err);
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

static Containerfile *new_file(const char *place) {
        autoptr(Containerfile) file = calloc(1, sizeof *file);

        if (!file || !(file->place = strdup(place)))
                return NULL;
        file->escape = '\\';
        return take_ptr(file);
}

int containerfile_parse(const char *text, size_t size, const char *place, Containerfile **ret,
                        Err *err) {
        autoptr(Containerfile) file = new_file(place);
        Reader reader = { .next = text, .end = text + size };
        int r, line = 1;

        if (!file)
                return fail(err, ENOMEM, "cannot read '%s'", place);
        if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
                reader.next += 3;

        r = detect_syntax(reader, err);
        if (r < 0)
                return err_prefix(err, r, "%s:1", place);
        r = read_directives(&reader, file, err);
        if (r < 0)
                return err_prefix(err, r, "%s:%d", place, reader.line);
        r = read_instructions(&reader, file, &line, err);
        strv_free(reader.comments);
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

int containerfile_parse_trigger(const char *text, Containerfile **ret, Err *err) {
        autoptr(Containerfile) file = new_file("ONBUILD");
        Reader reader = { .next = text, .end = text + strlen(text) };
        int r, line = 1;

        if (!file)
                return fail(err, ENOMEM, "cannot read a trigger");
        r = read_instructions(&reader, file, &line, err);
        strv_free(reader.comments);
        if (r < 0)
                return r;
        if (file->n != 1)
                return refuse(err, EINVAL, "the trigger '%s' is not one instruction", text);
        *ret = take_ptr(file);
        return 0;
}

Containerfile *containerfile_free(Containerfile *file) {
        if (!file)
                return NULL;
        for (size_t i = 0; i < file->n; i++)
                instruction_clear(&file->instructions[i]);
        free(file->instructions);
        free(file->syntax);
        free(file->check);
        free(file->place);
        free(file);
        return NULL;
}
