/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The user's terminal, and the keys that leave it
 *
 * A command that is connected to a container's terminal puts its own into raw
 * mode, so that every key reaches the program inside, and must put it back on
 * every way out: TermMode is given back by term_restore().
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "base/err.h"

#define DETACH_KEYS_DEFAULT "ctrl-p,ctrl-q"
#define DETACH_KEYS_MAX     16

typedef struct TermMode {
        int fd; /* borrowed; -EBADF when there is nothing to put back */
        struct termios saved;
} TermMode;

#define TERM_MODE_NONE ((TermMode){ .fd = -EBADF })
#define autoterm       __attribute__((__cleanup__(term_restore))) TermMode

/* Raw mode; @mode remembers what to put back.  0 also if fd is no terminal. */
int term_make_raw(int fd, TermMode *mode);
void term_restore(TermMode *mode);

/* Gives the terminal @to the size of @from; 0 also where one of them is none. */
int term_copy_size(int from, int to);

/* Follows the keys that are typed and knows when the last ones say "detach". */
typedef struct DetachKeys {
        char keys[DETACH_KEYS_MAX];
        size_t n;       /* 0: none, nothing detaches */
        size_t matched; /* how many of them were typed last, and are held back */
} DetachKeys;

/**
 * detach_keys_parse() - read what --detach-keys takes
 * @text:	"ctrl-p,ctrl-q": single characters or ctrl- and one of a-z @ [ \ ] ^ _;
 *		"" switches them off; NULL is the default
 */
int detach_keys_parse(const char *text, DetachKeys *ret, Err *err);

/**
 * detach_keys_filter() - hold back what may be the beginning of the keys
 * @input:	@size typed bytes
 * @output:	room for @size + DETACH_KEYS_MAX bytes: what is to be passed on
 * @ret_size:	how many those are
 *
 * Return: true if the keys are complete; what was typed behind them is dropped.
 */
bool detach_keys_filter(DetachKeys *keys, const char *input, size_t size, char *output,
                        size_t *ret_size);
