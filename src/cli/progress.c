/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <string.h>
#include <sys/ioctl.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/size.h"
#include "base/str.h"
#include "cli/progress.h"

#define ID_SHOWN  12
#define BAR_MAX   40
#define BAR_MIN   10
#define BESIDES   34 /* what a line has besides its bar, at most, and the column that stays free */
#define REDRAW_MS 100
#define RATE_MS   3000 /* how long ago a rate begins */

void progress_init(Progress *progress, FILE *out, bool quiet) {
        *progress =
                (Progress){ .out = out,
                            .quiet = quiet,
                            .terminal = isatty(fileno(out)) && !str_equal(getenv("TERM"), "dumb"),
                            .exists = "Already exists" };
}

static void end_set(Progress *p) {
        free(p->told);
        p->told = NULL;
        if (p->drawing)
                log_release(false);
        p->drawing = false;
}

void progress_clear(Progress *progress) {
        end_set(progress);
        free(progress->lengths);
        progress->lengths = NULL;
        progress->n_lines = progress->room = 0;
}

void progress_say(Progress *progress, const char *text) {
        if (progress->quiet)
                return;
        fprintf(progress->out, "%s\n", text);
        fflush(progress->out);
}

static void say(void *context, const char *what) {
        progress_say(context, what);
}

static const char *short_id(const Blob *b) {
        return *b->digest ? digest_hex(b->digest) : "????????????";
}

typedef struct Window {
        size_t rows, columns;
} Window;

static Window window_of(const Progress *p) {
        struct winsize size = {};
        bool known = ioctl(fileno(p->out), TIOCGWINSZ, &size) == 0;

        return (Window){ known && size.ws_row ? size.ws_row : 24,
                         known && size.ws_col ? size.ws_col : 80 };
}

/* "34MB", or "12.3MB/34MB"; a percentage where there is little room. */
static void put_amount(Str *line, const Blob *b, int64_t done, size_t bar) {
        autofree char *have = size_words((uint64_t) done), *all = size_words((uint64_t) b->size);

        if (bar)
                str_printf(line, "] %s/%s", have ? have : "?", all ? all : "?");
        else
                str_printf(line, "%lld%%", (long long) (b->size > 0 ? done * 100 / b->size : 100));
}

/* One blob under way: what of it has come, then what of it is unpacked. */
static void put_blob(Str *line, const Blob *b, size_t columns) {
        bool unpacking = b->diff_id && b->size > 0 && b->arrived == b->size;
        int64_t done = unpacking ? b->unpacked_bytes : b->arrived;
        const char *word = unpacking ? "Extracting " : "";
        size_t besides = BESIDES + strlen(word);
        size_t bar = columns > besides + BAR_MIN ? columns - besides : 0;
        int64_t full;

        str_printf(line, "%.*s: ", ID_SHOWN, short_id(b));
        if (b->waiting) {
                str_put(line, "Waiting for another transfer of it");
                return;
        }
        str_put(line, word);
        if (bar > BAR_MAX)
                bar = BAR_MAX;
        full = b->size > 0 ? done * (int64_t) bar / b->size : (int64_t) bar;
        if (bar)
                str_put_char(line, '[');
        for (int64_t i = 0; i < (int64_t) bar; i++)
                str_put_char(line, i < full ? '=' : i == full ? '>' : ' ');
        put_amount(line, b, done, bar);
}

static int64_t measure(Progress *p, int64_t arrived, int64_t now) {
        if (now - p->next_ms >= RATE_MS) {
                p->mark_ms = p->next_ms;
                p->mark_bytes = p->next_bytes;
                p->next_ms = now;
                p->next_bytes = arrived;
        }
        return now > p->mark_ms ? (arrived - p->mark_bytes) * 1000 / (now - p->mark_ms) : 0;
}

static void put_span(Str *line, int64_t s) {
        if (s >= 3600)
                str_printf(line, "%lldh%02lldm", (long long) (s / 3600), (long long) (s / 60 % 60));
        else if (s >= 60)
                str_printf(line, "%lldm%02llds", (long long) (s / 60), (long long) (s % 60));
        else
                str_printf(line, "%llds", (long long) s);
}

/* "3 of 7, 12.3MB/s, 4s left" of all that is still to come. */
static void put_total(Progress *p, const Blob *blobs, size_t n, int64_t now, Str *line) {
        int64_t have = 0, all = 0, rate;
        autofree char *words = NULL;
        size_t done = 0;

        for (size_t i = 0; i < n; i++) {
                done += blobs[i].finished;
                have += blobs[i].there ? 0 : blobs[i].arrived;
                all += blobs[i].there ? 0 : blobs[i].size;
        }
        rate = measure(p, have, now);
        words = size_words(rate > 0 ? (uint64_t) rate : 0);
        str_printf(line, "%zu of %zu, %s/s", done, n, words ? words : "?");
        if (rate > 0 && have < all) {
                str_put(line, ", ");
                put_span(line, (all - have + rate - 1) / rate);
                str_put(line, " left");
        }
}

static const char *end_of(const Progress *p, const Blob *b) {
        return b->there ? p->exists : p->verb;
}

/* Back to where what is drawn over begins; a terminal that became narrower has broken its lines. */
static void rewind_lines(Progress *p, const Window *w, Str *out) {
        size_t rows = 0;

        for (size_t i = 0; i < p->n_lines; i++)
                rows += p->lengths[i] > w->columns ? (p->lengths[i] - 1) / w->columns + 1 : 1;
        if (rows)
                str_printf(out, "\033[%zuA", rows);
        str_put(out, "\r\033[J");
        p->n_lines = 0;
}

/* A line that is drawn over, cut so that it does not break. */
static void put_line(Progress *p, const Window *w, const Str *line, Str *out) {
        size_t length = line->length < w->columns ? line->length : w->columns - 1;

        if (p->n_lines == p->room) {
                size_t *grown = reallocarray(p->lengths, p->room + 16, sizeof *grown);

                if (!grown)
                        return;
                p->lengths = grown;
                p->room += 16;
        }
        str_put_bytes(out, line->text ? line->text : "", length);
        str_put_char(out, '\n');
        p->lengths[p->n_lines++] = length;
}

static void put_finished(Progress *p, const Blob *blobs, size_t n, Str *out) {
        for (size_t i = 0; i < n && p->told; i++)
                if (blobs[i].finished && !p->told[i]) {
                        p->told[i] = true;
                        str_printf(out, "%.*s: %s\n", ID_SHOWN, short_id(&blobs[i]),
                                   end_of(p, &blobs[i]));
                }
}

static void put_live(Progress *p, const Blob *blobs, size_t n, int64_t now, const Window *w,
                     Str *out) {
        autostr total = {};

        /* A row for the total, and one that the cursor is in. */
        for (size_t i = 0; i < n && p->n_lines + 2 < w->rows; i++) {
                autostr line = {};

                if (blobs[i].finished || !(blobs[i].arrived || blobs[i].waiting))
                        continue;
                put_blob(&line, &blobs[i], w->columns);
                put_line(p, w, &line, out);
        }
        put_total(p, blobs, n, now, &total);
        put_line(p, w, &total, out);
}

/* @live: with what is under way below. */
static void draw(Progress *p, const Blob *blobs, size_t n, int64_t now, bool live) {
        const Window w = window_of(p);
        autostr out = {};

        if (p->terminal)
                rewind_lines(p, &w, &out);
        put_finished(p, blobs, n, &out);
        if (p->terminal && live)
                put_live(p, blobs, n, now, &w, &out);
        if (out.failed || !out.length)
                return;
        fwrite(out.text, 1, out.length, p->out);
        fflush(p->out);
}

/* A new set of blobs begins when none of the last one is left. */
static void begin(Progress *p, const Blob *blobs, size_t n, int64_t now) {
        int64_t there = 0;

        if (p->told)
                return;
        p->told = calloc(n + 1, sizeof *p->told);
        for (size_t i = 0; i < n; i++)
                there += blobs[i].there ? 0 : blobs[i].arrived; /* of an earlier try */
        p->mark_ms = p->next_ms = now;
        p->mark_bytes = p->next_bytes = there;
        if (p->terminal) {
                p->drawing = true;
                log_hold();
        }
}

static void show(void *context, const Blob *blobs, size_t n) {
        Progress *p = context;
        int64_t now = clock_monotonic_ms();

        if (p->quiet)
                return;
        begin(p, blobs, n, now);
        if (p->terminal && now - p->drawn_ms < REDRAW_MS)
                return;
        draw(p, blobs, n, now, true);
        p->drawn_ms = now;
}

static void finish(void *context, const Blob *blobs, size_t n) {
        Progress *p = context;
        int64_t now = clock_monotonic_ms();

        if (p->quiet)
                return;
        begin(p, blobs, n, now);
        draw(p, blobs, n, now, false);
        end_set(p);
}

void progress_watch(Progress *progress, Watcher *ret, const char *verb) {
        progress->verb = verb;
        *ret = (Watcher){ .begins = say, .blobs = show, .done = finish, .context = progress };
}
