/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Descriptors that are done with, closed together: those in a row take one system call. */

#include <stddef.h>

#define SPENT_MAX  64
#define SPENT_STEP 8 /* at most so many between two calls of spent_ease() */

typedef struct Spent {
        int fds[SPENT_MAX];
        size_t n;
} Spent;

/* Takes @fd, which stays open up to spent_ease() or spent_close(), and returns it; an error is only
 * returned. */
int spend(Spent *s, int fd);
/* Closes them if they have become many; before each step. */
void spent_ease(Spent *s);
void spent_close(Spent *s);
