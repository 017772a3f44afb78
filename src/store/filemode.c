/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/filemode.h"

#define MODE_MAX 07777

/* The bits that a clause is about, as letters name them. */
static mode_t who_bits(const char **text) {
        mode_t bits = 0;

        for (;; (*text)++) {
                if (**text == 'u')
                        bits |= 04700;
                else if (**text == 'g')
                        bits |= 02070;
                else if (**text == 'o')
                        bits |= 01007;
                else if (**text == 'a')
                        bits |= MODE_MAX;
                else
                        return bits ? bits : MODE_MAX;
        }
}

/* The permissions that letters name, for everybody. */
static mode_t permission_bits(const char **text, mode_t mode, bool directory) {
        mode_t bits = 0;

        for (;; (*text)++) {
                if (**text == 'r')
                        bits |= 0444;
                else if (**text == 'w')
                        bits |= 0222;
                else if (**text == 'x')
                        bits |= 0111;
                else if (**text == 'X')
                        bits |= directory || (mode & 0111) ? 0111 : 0;
                else if (**text == 's')
                        bits |= 06000;
                else if (**text == 't')
                        bits |= 01000;
                else
                        return bits;
        }
}

/* One of "u=rw" or "u+r-x". */
static int apply_clause(const char **text, mode_t *mode, bool directory) {
        mode_t who = who_bits(text);

        if (!**text || !strchr("+-=", **text))
                return -EINVAL;
        while (**text && strchr("+-=", **text)) {
                char operation = *(*text)++;
                mode_t bits = permission_bits(text, *mode, directory) & who;

                if (operation == '+')
                        *mode |= bits;
                else if (operation == '-')
                        *mode &= ~bits;
                else
                        *mode = (*mode & ~who) | bits;
        }
        return 0;
}

int file_mode_apply(const char *text, mode_t mode, bool directory, mode_t *ret) {
        char *end;

        if (*text >= '0' && *text <= '7') {
                unsigned long octal = strtoul(text, &end, 8);

                if (*end || octal > MODE_MAX)
                        return -EINVAL;
                *ret = (mode_t) octal;
                return 0;
        }
        for (;; text++) {
                int r = apply_clause(&text, &mode, directory);

                if (r < 0)
                        return r;
                if (!*text)
                        break;
                if (*text != ',')
                        return -EINVAL;
        }
        *ret = mode & MODE_MAX;
        return 0;
}
