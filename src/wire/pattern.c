/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "wire/pattern.h"

#define FILE_MAX (64 << 20)

Pattern *pattern_free(Pattern *p) {
        if (p)
                free(p->bits);
        free(p);
        return NULL;
}

int pattern_parse(const char *text, size_t length, const char *file, Pattern **ret, Err *err) {
        autoptr(Pattern) p = calloc(1, sizeof *p);
        const char *end = text + length;
        int line = 1;

        if (!p || !(p->bits = calloc(length / 64 + 1, sizeof *p->bits)))
                return fail(err, ENOMEM, "cannot read the pattern '%s'", file);
        for (const char *c = text; c < end; c++) {
                if (*c == '#')
                        while (c + 1 < end && c[1] != '\n')
                                c++;
                else if (*c == '\n')
                        line++;
                else if (*c == '0' || *c == '1') {
                        if (*c == '1') {
                                p->bits[p->n / 64] |= 1ULL << (p->n % 64);
                                p->n_lost++;
                        }
                        p->n++;
                } else if (!*c || !strchr(" \t\r,", *c))
                        return err_hint(err,
                                        refuse(err, EINVAL, "%s:%d: a pattern is made of 0 and 1",
                                               file, line),
                                        "one digit for each packet: 0 arrives, 1 is lost");
        }
        if (p->n == 0)
                return refuse(err, EINVAL, "%s: there is no 0 or 1 in this pattern", file);
        *ret = take_ptr(p);
        return 0;
}

int pattern_read(const char *file, Pattern **ret, Err *err) {
        autofree char *text = NULL;
        size_t length;
        int r = file_read(AT_FDCWD, file, FILE_MAX, &text, &length);

        if (r < 0)
                return fail(err, r, "cannot read the pattern '%s'", file);
        return pattern_parse(text, length, file, ret, err);
}
