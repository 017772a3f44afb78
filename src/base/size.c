/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "base/str.h"

int size_parse(const char *text, uint64_t *ret) {
        static const char units[] = "bkmgtpe";
        size_t digits = strspn(text, "0123456789.");
        const char *unit, *p = text + digits;
        double n;
        char *end;

        n = strtod(text, &end);
        if (digits == 0 || end != p || text[0] == '.')
                return -EINVAL;

        if (*p == ' ')
                p++;
        unit = *p ? strchr(units, tolower((unsigned char) *p)) : units;
        if (!unit)
                return -EINVAL;
        if (*p && unit > units && (p[1] == 'i' || p[1] == 'I'))
                p++;
        if (*p)
                p++;
        if (unit > units && (*p == 'b' || *p == 'B'))
                p++;
        if (*p)
                return -EINVAL;

        for (; unit > units; unit--)
                n *= 1024;
        if (n >= 18446744073709551615.0)
                return -ERANGE;
        *ret = (uint64_t) n;
        return 0;
}

char *size_words(uint64_t bytes) {
        static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
        double n = (double) bytes;
        size_t i = 0;

        while (n >= 1000 && i < 6) {
                n /= 1000;
                i++;
        }
        return str_format("%.3g%s", n, units[i]);
}
