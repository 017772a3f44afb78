/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/bitlist.h"

#define BITS_PER_LONG (8 * sizeof(unsigned long))

static int take_number(const char **text, unsigned long *ret) {
        char *end;

        if (**text < '0' || **text > '9')
                return -EINVAL;
        errno = 0;
        *ret = strtoul(*text, &end, 10);
        *text = end;
        return errno == ERANGE || *ret >= BITLIST_MAX ? -ERANGE : 0;
}

int bitlist_parse(const char *text, Bitlist *ret) {
        Bitlist list = {};

        for (const char *c = text; *c;) {
                unsigned long first, last;
                int r;

                if (strchr(", \n", *c)) {
                        c++;
                        continue;
                }
                r = take_number(&c, &first);
                last = first;
                if (r >= 0 && *c == '-') {
                        c++;
                        r = take_number(&c, &last);
                }
                if (r >= 0 && (last < first || (*c && !strchr(", \n", *c))))
                        r = -EINVAL;
                if (r < 0)
                        return r;
                for (; first <= last; first++) {
                        unsigned long bit = 1UL << first % BITS_PER_LONG;

                        list.n += !(list.bits[first / BITS_PER_LONG] & bit);
                        list.bits[first / BITS_PER_LONG] |= bit;
                }
        }
        *ret = list;
        return 0;
}

bool bitlist_has(const Bitlist *list, size_t number) {
        return number < BITLIST_MAX &&
               list->bits[number / BITS_PER_LONG] >> number % BITS_PER_LONG & 1;
}
