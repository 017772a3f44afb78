/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "builder/display_internal.h"

void display_step_clear(DisplayStep *step) {
        free(step->label);
        free(step->text);
        free(step->error);
        str_clear(&step->tail);
        *step = (DisplayStep){};
}

Display *display_new(BuildProgress kind, int fd, size_t total) {
        const char *no_colours = getenv("NO_COLOR");
        Display *d = calloc(1, sizeof *d);

        if (!d)
                return NULL;
        d->kind = kind;
        d->fd = fd;
        d->total = total;
        d->began_ms = clock_monotonic_ms();
        d->outcome = "";
        d->colours = str_empty(no_colours); /* no-color.org */
        return d;
}

Display *display_free(Display *d) {
        if (!d)
                return NULL;
        for (size_t i = 0; i < d->n_steps; i++)
                display_step_clear(&d->steps[i]);
        display_step_clear(&d->failed);
        free(d->steps);
        free(d->drawn);
        free(d);
        return NULL;
}

static DisplayStep *find(const Display *d, size_t lane) {
        for (size_t i = 0; i < d->n_steps; i++)
                if (d->steps[i].lane == lane)
                        return &d->steps[i];
        return NULL;
}

/* An instruction's first line. */
static char *first_line(const char *text) {
        autofree char *line = strndup(text, strcspn(text, "\n"));

        return line ? str_printable(line) : NULL;
}

void display_begin(Display *d, size_t lane, const char *label, const char *text) {
        DisplayStep *step = json_grow(&d->steps, &d->n_steps, sizeof *step);

        if (!step)
                return;
        step->lane = lane;
        step->label = str_printable(label);
        step->text = first_line(text);
        step->began_ns = clock_now_ns();
        step->began_ms = clock_monotonic_ms();
        if (d->kind == PROGRESS_JSON)
                json_step(d, step, false);
        else
                terminal_draw(d, NULL);
}

void display_cached(Display *d, size_t lane) {
        DisplayStep *step = find(d, lane);

        if (step)
                step->cached = true;
}

/* Keeps the end of it. */
static void add_tail(Str *tail, const char *bytes, size_t n) {
        if (n > TAIL_MAX) {
                bytes += n - TAIL_MAX;
                n = TAIL_MAX;
        }
        if (tail->length + n > 2 * TAIL_MAX) {
                size_t from = tail->length - TAIL_MAX;

                memmove(tail->text, tail->text + from, TAIL_MAX);
                tail->length = TAIL_MAX;
        }
        str_put_bytes(tail, bytes, n);
}

void display_output(Display *d, size_t lane, bool error, const char *bytes, size_t n) {
        DisplayStep *step = find(d, lane);

        if (!step)
                return;
        if (d->kind == PROGRESS_JSON)
                json_output(d, step, error, bytes, n);
        add_tail(&step->tail, bytes, n);
}

void display_end(Display *d, size_t lane, const char *error) {
        DisplayStep *step = find(d, lane), ended;
        autofree char *line = NULL;

        if (!step)
                return;
        step->ended_ms = clock_monotonic_ms();
        step->error = error ? strdup(error) : NULL;
        if (d->kind == PROGRESS_JSON)
                json_step(d, step, true);
        else
                line = terminal_step(d, step);
        ended = *step;
        memmove(step, step + 1, (size_t) (&d->steps[--d->n_steps] - step) * sizeof *step);
        d->done += !error;
        if (d->kind == PROGRESS_TERMINAL)
                terminal_draw(d, line);
        if (error && !d->failed.label)
                d->failed = ended;
        else
                display_step_clear(&ended);
}

void display_line(Display *d, const char *line, size_t n) {
        autofree char *text = str_format("%.*s\n", (int) n, line);
        autofree char *safe = text ? str_printable_lines(text) : NULL;

        if (!safe)
                return;
        if (d->kind == PROGRESS_TERMINAL)
                terminal_draw(d, safe);
        else
                (void) fd_write_all(STDERR_FILENO, safe, strlen(safe));
}

void display_tick(Display *d) {
        if (d->kind == PROGRESS_TERMINAL)
                terminal_draw(d, NULL);
}

void display_finish(Display *d, bool failed) {
        autofree char *output = NULL;

        if (d->kind != PROGRESS_TERMINAL)
                return;
        d->outcome = failed ? " FAILED" : " FINISHED";
        terminal_draw(d, NULL);
        if (failed && d->failed.label)
                output = terminal_failure(d, &d->failed);
        (void) fd_write_all(d->fd, "\n", 1);
        if (output)
                (void) fd_write_all(d->fd, output, strlen(output));
        d->n_drawn = 0;
}
