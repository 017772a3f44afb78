/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A display from inside; for the files that show it. */

#include <stdint.h>

#include "base/str.h"
#include "builder/display.h"

#define TAIL_MAX (64u << 10) /* of a step's output that is kept */

typedef struct DisplayStep {
        size_t lane;
        char *label, *text; /* one line each, printable */
        int64_t began_ns;   /* wall clock */
        int64_t began_ms, ended_ms;
        bool cached;
        char *error;
        Str tail; /* the end of its output */
} DisplayStep;

struct Display {
        BuildProgress kind;
        int fd;
        DisplayStep *steps; /* that run now */
        size_t n_steps;
        DisplayStep failed; /* the first that did; label NULL: none */
        size_t total, done;
        int64_t began_ms;
        const char *outcome; /* " FINISHED" in the last picture; else "" */

        /* On a terminal: */
        bool colours;
        size_t *drawn; /* how wide each line is that can be drawn over; the cursor is in the last */
        size_t n_drawn;
};

void display_step_clear(DisplayStep *step);

/* @above: lines that stay, each with its newline. */
void terminal_draw(Display *display, const char *above);
/* The line of a step that has ended; new. */
char *terminal_step(const Display *display, const DisplayStep *step);
/* The output of a step that failed, with lines around it; new. */
char *terminal_failure(const Display *display, const DisplayStep *step);

void json_step(const Display *display, const DisplayStep *step, bool ended);
void json_output(const Display *display, const DisplayStep *step, bool error, const char *bytes,
                 size_t n);
