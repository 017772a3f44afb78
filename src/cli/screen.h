/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Tables that are drawn again and again
 *
 * On a terminal they have its whole screen, which is as it was when they leave it; elsewhere one
 * follows the other, with an empty line between.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/term.h"

typedef struct Screen {
        bool taken;
        TermMode mode;
} Screen;
#define SCREEN_NONE ((Screen){ .mode = TERM_MODE_NONE })

/* Takes the terminal, if standard input and output are one. */
int screen_take(Screen *s);
void screen_leave(Screen *s);
#define autoscreen __attribute__((__cleanup__(screen_leave))) Screen

/**
 * screen_show() - draw
 * @n_upper:	lines of an upper table, which leaves half of a small screen to what follows; or 0
 * @nth:	time, from 0
 *
 * What does not fit is left out: lines at the end of either part, the end of long lines.
 */
int screen_show(const Screen *s, const char *text, size_t n_upper, int nth);
/* Waits @ms; true if somebody wants it to end before: by a signal (interrupt.h), or by the keys q
 * and ctrl-c. */
bool screen_wait(const Screen *s, int signals, int64_t ms);
