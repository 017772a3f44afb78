/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A build on a terminal (ECMA-48 control sequences; "synchronized update" is mode 2026). */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/clock.h"
#include "base/file.h"
#include "builder/display_internal.h"

#define OUTPUT_LINES  6 /* of each running step */
#define FAILURE_LINES 100
#define TIME_WIDTH    9

typedef struct Size {
        size_t columns, rows;
} Size;

static Size size_of(const Display *d) {
        struct winsize ws = {};

        if (ioctl(d->fd, TIOCGWINSZ, &ws) < 0 || ws.ws_col == 0 || ws.ws_row == 0)
                return (Size){ 80, 24 };
        return (Size){ ws.ws_col, ws.ws_row };
}

/* ------------------------------------------------------------------------- widths */

static unsigned code_point(const char *s, size_t n) {
        const unsigned char *u = (const unsigned char *) s;

        return n == 1   ? u[0]
               : n == 2 ? (u[0] & 0x1fu) << 6 | (u[1] & 0x3f)
               : n == 3 ? (u[0] & 0xfu) << 12 | (u[1] & 0x3fu) << 6 | (u[2] & 0x3f)
                        : (u[0] & 7u) << 18 | (u[1] & 0x3fu) << 12 | (u[2] & 0x3fu) << 6 |
                                  (u[3] & 0x3f);
}

/* How many columns a character takes: the blocks that are wide or combine as a whole (Unicode,
 * EastAsianWidth.txt), which is what terminals agree on. */
static size_t width_of(unsigned c) {
        static const struct {
                unsigned from, to;
                size_t width;
        } blocks[] = {
                { 0x300, 0x36f, 0 },     { 0x200b, 0x200f, 0 },   { 0xfe00, 0xfe0f, 0 },
                { 0x1100, 0x115f, 2 },   { 0x2e80, 0xa4cf, 2 },   { 0xac00, 0xd7a3, 2 },
                { 0xf900, 0xfaff, 2 },   { 0xfe30, 0xfe6f, 2 },   { 0xff00, 0xff60, 2 },
                { 0xffe0, 0xffe6, 2 },   { 0x1f300, 0x1f64f, 2 }, { 0x1f900, 0x1f9ff, 2 },
                { 0x20000, 0x3fffd, 2 },
        };

        for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
                if (c >= blocks[i].from && c <= blocks[i].to)
                        return blocks[i].width;
        return 1;
}

/* Puts what fits into @room columns; returns how many it took. */
static size_t put_fitting(Str *to, const char *text, size_t room) {
        size_t n = strlen(text), used = 0;

        for (size_t at = 0; at < n;) {
                size_t length = str_utf8_length(text + at, n - at), width;

                if (length == 0)
                        break;
                width = width_of(code_point(text + at, length));
                if (used + width > room)
                        break;
                str_put_bytes(to, text + at, length);
                used += width;
                at += length;
        }
        return used;
}

/* ------------------------------------------------------------------------- lines */

/* A line of the picture, and how many columns it takes. */
typedef struct Line {
        Str text;
        size_t width;
} Line;

static void colour(const Display *d, Str *to, const char *code) {
        if (d->colours)
                str_printf(to, "\033[%sm", code);
}

/* "  4.2s", right-aligned. */
static char *time_text(int64_t ms) {
        return str_format("%*" PRId64 ".%" PRId64 "s", TIME_WIDTH - 3, ms / 1000, ms % 1000 / 100);
}

/* @code: colour of the line. */
static void put_line(const Display *d, Line *line, const char *code, const char *text,
                     const char *time, size_t columns) {
        size_t end = time ? strlen(time) : 0, room = columns > 1 ? columns - 1 : 1;

        /* A terminal that is so narrow shows no times. */
        if (end + 10 > room)
                end = 0;
        colour(d, &line->text, code);
        line->width = put_fitting(&line->text, text, room - end);
        if (end > 0) {
                for (; line->width < room - end; line->width++)
                        str_put_char(&line->text, ' ');
                str_put(&line->text, time);
                line->width += end;
        }
        colour(d, &line->text, "0");
}

static char *step_title(const DisplayStep *step, const char *word) {
        return str_format(" => %s[%s] %s", word, step->label ? step->label : "",
                          step->text ? step->text : "");
}

char *terminal_step(const Display *d, const DisplayStep *step) {
        autofree char *title = step_title(step, step->error    ? "ERROR "
                                                : step->cached ? "CACHED "
                                                               : "");
        autofree char *time = time_text(step->ended_ms - step->began_ms);
        Line line = {};

        if (title)
                put_line(d, &line, step->error ? "31" : "34", title, time, size_of(d).columns);
        str_put_char(&line.text, '\n');
        return str_take(&line.text);
}

/*
 * Takes out what moves the cursor or colours: control sequences whole, and of a line that was
 * drawn over (carriage returns) all but the last state.
 */
static char *clean_line(const char *bytes, size_t n) {
        autofree char *line = NULL;
        autostr text = {};

        for (size_t i = 0; i < n; i++) {
                if (bytes[i] == '\033' && i + 1 < n && bytes[i + 1] == '[') {
                        i += 2;
                        while (i < n && (unsigned char) bytes[i] < 0x40)
                                i++;
                } else if (bytes[i] == '\r') {
                        if (i + 1 < n)
                                str_clear(&text);
                } else {
                        str_put_char(&text, bytes[i] == '\t' ? ' ' : bytes[i]);
                }
        }
        line = str_take(&text);
        return line ? str_printable(line) : NULL;
}

/* The last lines of a step's output: up to @most, oldest first. */
static size_t last_lines(const DisplayStep *step, size_t most, char **ret) {
        const char *text = step->tail.text;
        size_t end = step->tail.length, n = 0;

        while (end > 0 && text[end - 1] == '\n')
                end--;
        while (end > 0 && n < most) {
                const char *before = memrchr(text, '\n', end);
                size_t from = before ? (size_t) (before + 1 - text) : 0;

                ret[n] = clean_line(text + from, end - from);
                n += ret[n] != NULL;
                end = before ? from - 1 : 0;
        }
        for (size_t i = 0; i < n / 2; i++) {
                char *other = ret[i];

                ret[i] = ret[n - 1 - i];
                ret[n - 1 - i] = other;
        }
        return n;
}

char *terminal_failure(const Display *d, const DisplayStep *step) {
        char *lines[FAILURE_LINES];
        size_t n = last_lines(step, FAILURE_LINES, lines);
        autostr text = {};

        if (n == 0)
                return NULL;
        str_printf(&text, "------\n > [%s] %s:\n", step->label, step->text);
        for (size_t i = 0; i < n; i++) {
                str_printf(&text, "%s\n", lines[i]);
                free(lines[i]);
        }
        str_put(&text, "------\n");
        return str_take(&text);
}

/* ------------------------------------------------------------------------- the picture */

typedef struct Picture {
        Line *lines;
        size_t n, most;
        Size size;
} Picture;

static Line *add(Picture *p) {
        return p->n < p->most ? &p->lines[p->n++] : NULL;
}

static void add_output(const Display *d, const DisplayStep *step, size_t most, Picture *p) {
        char *lines[OUTPUT_LINES];
        size_t n = last_lines(step, most < OUTPUT_LINES ? most : OUTPUT_LINES, lines);

        for (size_t i = 0; i < n; i++) {
                autofree char *text = str_format(" => => # %s", lines[i]);
                Line *line = text ? add(p) : NULL;

                free(lines[i]);
                if (line)
                        put_line(d, line, "2", text, NULL, p->size.columns);
        }
}

static void add_running(const Display *d, const DisplayStep *step, int64_t now, Picture *p) {
        autofree char *title = step_title(step, "");
        autofree char *time = time_text(now - step->began_ms);
        Line *line = title ? add(p) : NULL;

        if (line)
                put_line(d, line, "0", title, time, p->size.columns);
}

/* Running steps, newest last, with as much of their output as there is room for; then how far all
 * is.  The whole is lower than the terminal, or what is above could not be reached to be drawn
 * over.
 */
static void compose(const Display *d, Picture *p) {
        size_t room = p->most - 1, shown = d->n_steps < room ? d->n_steps : room;
        size_t each = shown ? (room - shown) / shown : 0;
        int64_t now = clock_monotonic_ms();
        autofree char *time = time_text(now - d->began_ms);
        autofree char *text = str_format("[+] Building (%zu/%zu)%s", d->done, d->total, d->outcome);
        Line *line;

        for (size_t i = d->n_steps - shown; i < d->n_steps; i++) {
                add_running(d, &d->steps[i], now, p);
                add_output(d, &d->steps[i], each, p);
        }
        line = add(p);
        if (line && text)
                put_line(d, line, "1", text, time, p->size.columns);
}

/* Goes to where the picture begins: a terminal that became narrower has broken its lines. */
static void go_up(const Display *d, Str *to, size_t columns) {
        size_t rows = 0;

        for (size_t i = 0; i < d->n_drawn; i++)
                rows += d->drawn[i] > columns ? (d->drawn[i] + columns - 1) / columns : 1;
        str_put_char(to, '\r');
        if (rows > 1)
                str_printf(to, "\033[%zuA", rows - 1);
}

static void put_above(Str *to, const char *above) {
        while (above && *above) {
                size_t n = strcspn(above, "\n");

                str_put_bytes(to, above, n);
                str_put(to, "\033[K\r\n");
                above += n + (above[n] == '\n');
        }
}

static void remember(Display *d, const Picture *p) {
        size_t *drawn = realloc(d->drawn, (p->n + 1) * sizeof *drawn);

        d->n_drawn = 0;
        if (!drawn)
                return;
        d->drawn = drawn;
        for (size_t i = 0; i < p->n; i++)
                d->drawn[d->n_drawn++] = p->lines[i].width;
}

void terminal_draw(Display *d, const char *above) {
        Size size = size_of(d);
        Picture p = { .size = size, .most = size.rows > 2 ? size.rows - 1 : 1 };
        autostr out = {};

        p.lines = calloc(p.most, sizeof *p.lines);
        if (!p.lines)
                return;
        compose(d, &p);
        str_put(&out, "\033[?2026h");
        go_up(d, &out, size.columns);
        put_above(&out, above);
        for (size_t i = 0; i < p.n; i++) {
                str_put(&out, i > 0 ? "\r\n" : "");
                if (p.lines[i].text.text)
                        str_put(&out, p.lines[i].text.text);
                str_put(&out, "\033[K");
        }
        str_put(&out, "\033[J\033[?2026l");
        remember(d, &p);
        if (!out.failed)
                (void) fd_write_all(d->fd, out.text, out.length);
        for (size_t i = 0; i < p.n; i++)
                str_clear(&p.lines[i].text);
        free(p.lines);
}
