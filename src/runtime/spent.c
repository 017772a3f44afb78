/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <assert.h>
#include <stdlib.h>

#include "kernel/process.h"
#include "runtime/spent.h"

static int compare(const void *a, const void *b) {
        return *(const int *) a - *(const int *) b;
}

void spent_close(Spent *s) {
        qsort(s->fds, s->n, sizeof *s->fds, compare);
        for (size_t i = 0, next; i < s->n; i = next) {
                for (next = i + 1; next < s->n && s->fds[next] == s->fds[next - 1] + 1; next++)
                        ;
                process_close_range((unsigned) s->fds[i], (unsigned) s->fds[next - 1]);
        }
        s->n = 0;
}

void spent_ease(Spent *s) {
        if (s->n > SPENT_MAX - SPENT_STEP)
                spent_close(s);
}

int spend(Spent *s, int fd) {
        assert(s->n < SPENT_MAX);
        if (fd >= 0)
                s->fds[s->n++] = fd;
        return fd;
}
