/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <string.h>

#include "base/nearest.h"

#define WORD_MAX 40 /* nothing longer is worth a proposal */

static size_t least(size_t a, size_t b) {
        return a < b ? a : b;
}

/* Edits (insert, delete, replace, swap neighbours) that turn a into b: Damerau's distance. */
static size_t distance(const char *a, const char *b) {
        size_t before[WORD_MAX + 1], above[WORD_MAX + 1], row[WORD_MAX + 1];
        size_t n = strlen(a), m = strlen(b);

        for (size_t j = 0; j <= m; j++)
                above[j] = j;
        for (size_t i = 1; i <= n; i++) {
                row[0] = i;
                for (size_t j = 1; j <= m; j++) {
                        size_t replace = above[j - 1] + (a[i - 1] != b[j - 1]);

                        row[j] = least(replace, least(above[j], row[j - 1]) + 1);
                        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                                row[j] = least(row[j], before[j - 2] + 1);
                }
                memcpy(before, above, sizeof before);
                memcpy(above, row, sizeof above);
        }
        return above[m];
}

const char *nearest_name(const char *word, const char *const *names) {
        size_t length = strlen(word), best = length / 3 + 1;
        const char *nearest = NULL;

        if (length > WORD_MAX)
                return NULL;
        for (; *names; names++) {
                size_t n = strlen(*names), d;

                if (n > WORD_MAX)
                        continue;
                d = distance(word, *names);
                /* A word that shares nothing with the name is no typo of it. */
                if (d < best + (nearest == NULL) && d < n && d < length) {
                        best = d;
                        nearest = *names;
                }
        }
        return nearest;
}
