/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/str.h"

#define NS_PER_SECOND 1000000000LL

int64_t clock_now_ns(void) {
        struct timespec t;

        clock_gettime(CLOCK_REALTIME, &t);
        return t.tv_sec * NS_PER_SECOND + t.tv_nsec;
}

int64_t clock_monotonic_ms(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* Writes number with n digits; returns what follows. */
static char *put_digits(char *p, int64_t number, int n) {
        for (int i = n - 1; i >= 0; i--, number /= 10)
                p[i] = (char) ('0' + number % 10);
        return p + n;
}

/*
 * Not gmtime_r(): its first call reads /etc/localtime, which costs a container's monitor three
 * system calls and a buffer.  The days are counted from 1 March of year 0 in cycles of 400 years,
 * so that a leap day is the last of its year.
 */
void clock_put_rfc3339(int64_t ns, char out[CLOCK_RFC3339_LENGTH + 1]) {
        int64_t fraction = (ns % NS_PER_SECOND + NS_PER_SECOND) % NS_PER_SECOND;
        int64_t seconds = (ns - fraction) / NS_PER_SECOND;
        int64_t second = (seconds % 86400 + 86400) % 86400;
        int64_t days = (seconds - second) / 86400 + 719468, cycle = days / 146097;
        int64_t day = days % 146097, month, year;
        char *p = out;

        year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
        day -= 365 * year + year / 4 - year / 100;
        month = (5 * day + 2) / 153;
        day -= (153 * month + 2) / 5;
        month = month < 10 ? month + 3 : month - 9;
        year += 400 * cycle + (month <= 2);

        p = put_digits(p, year, 4);
        *p++ = '-';
        p = put_digits(p, month, 2);
        *p++ = '-';
        p = put_digits(p, day + 1, 2);
        *p++ = 'T';
        p = put_digits(p, second / 3600, 2);
        *p++ = ':';
        p = put_digits(p, second / 60 % 60, 2);
        *p++ = ':';
        p = put_digits(p, second % 60, 2);
        *p++ = '.';
        p = put_digits(p, fraction, 9);
        *p++ = 'Z';
        *p = 0;
}

char *clock_rfc3339(int64_t ns) {
        char text[CLOCK_RFC3339_LENGTH + 1];

        clock_put_rfc3339(ns, text);
        return strdup(text);
}

/* Reads ".123" into nanoseconds; returns what follows. */
static const char *read_fraction(const char *p, int64_t *ret) {
        int64_t unit = NS_PER_SECOND / 10;

        *ret = 0;
        if (*p != '.' && *p != ',')
                return p;
        for (p++; isdigit((unsigned char) *p); p++, unit /= 10)
                *ret += (*p - '0') * unit;
        return p;
}

/* Reads "Z", "+02:00" or nothing into seconds east; returns what follows, NULL if it is none of
 * them. */
static const char *read_zone(const char *p, int64_t *ret) {
        int hours, minutes, n = 0;

        *ret = 0;
        if (*p == 'Z' || *p == 'z')
                return p + 1;
        if (*p != '+' && *p != '-')
                return p;
        if (sscanf(p + 1, "%2d:%2d%n", &hours, &minutes, &n) != 2 || n != 5)
                return NULL;
        *ret = (*p == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
        return p + 1 + n;
}

int clock_parse_rfc3339(const char *text, int64_t *ret_ns) {
        int64_t fraction = 0, east = 0;
        struct tm tm = {};
        const char *p;

        p = strptime(text, "%Y-%m-%d", &tm);
        if (!p)
                return -EINVAL;
        if (*p == 'T' || *p == 't' || *p == ' ') {
                const char *time = p + 1;

                p = strptime(time, "%H:%M:%S", &tm);
                if (!p)
                        p = strptime(time, "%H:%M", &tm);
                if (!p)
                        return -EINVAL;
                p = read_fraction(p, &fraction);
        }
        p = read_zone(p, &east);
        if (!p || *p)
                return -EINVAL;
        /* What 64 bits of nanoseconds reach. */
        if (tm.tm_year < 1678 - 1900 || tm.tm_year > 2261 - 1900)
                return -ERANGE;
        *ret_ns = (timegm(&tm) - east) * NS_PER_SECOND + fraction;
        return 0;
}

int clock_parse_when(const char *text, int64_t *ret_ns) {
        const char *p = text;
        int64_t seconds = 0, fraction, span;

        if (clock_parse_rfc3339(text, ret_ns) == 0)
                return 0;

        while (isdigit((unsigned char) *p) && seconds < INT64_MAX / NS_PER_SECOND / 10)
                seconds = seconds * 10 + (*p++ - '0');
        if (p > text) {
                p = read_fraction(p, &fraction);
                if (!*p) {
                        *ret_ns = seconds * NS_PER_SECOND + fraction;
                        return 0;
                }
        }
        if (span_parse(text, 0, &span) < 0)
                return -EINVAL;
        *ret_ns = clock_now_ns() - span;
        return 0;
}

static int64_t unit_of(const char *p, size_t n) {
        static const struct {
                const char *name;
                int64_t ns;
        } units[] = {
                { "ns", 1 },
                { "us", 1000 },
                { "µs", 1000 },
                { "ms", 1000000 },
                { "s", NS_PER_SECOND },
                { "m", 60 * NS_PER_SECOND },
                { "h", 3600 * NS_PER_SECOND },
                { "d", 86400 * NS_PER_SECOND },
                { "w", 604800 * NS_PER_SECOND },
        };

        for (size_t i = 0; i < sizeof units / sizeof *units; i++)
                if (strlen(units[i].name) == n && memcmp(units[i].name, p, n) == 0)
                        return units[i].ns;
        return 0;
}

int span_parse(const char *text, int64_t unit_ns, int64_t *ret_ns) {
        bool negative = *text == '-';
        const char *p = text + (negative || *text == '+');
        double total = 0;

        if (!*p)
                return -EINVAL;
        while (*p) {
                size_t digits = strspn(p, "0123456789."), letters;
                int64_t unit;
                char *end;
                double n = strtod(p, &end);

                if (digits == 0 || end != p + digits)
                        return -EINVAL;
                p = end;
                letters = strcspn(p, "0123456789.");
                unit = letters ? unit_of(p, letters) : unit_ns;
                if (unit == 0)
                        return -EINVAL;
                total += n * (double) unit;
                p += letters;
        }
        if (total > 9.2e18)
                return -ERANGE;
        *ret_ns = (int64_t) (negative ? -total : total);
        return 0;
}

char *span_words(int64_t ns) {
        int64_t seconds = ns / NS_PER_SECOND, minutes = seconds / 60, hours = (minutes + 30) / 60;

        if (seconds < 1)
                return strdup("Less than a second");
        if (seconds == 1)
                return strdup("1 second");
        if (seconds < 60)
                return str_format("%d seconds", (int) seconds);
        if (minutes == 1)
                return strdup("About a minute");
        if (minutes < 60)
                return str_format("%d minutes", (int) minutes);
        if (hours == 1)
                return strdup("About an hour");
        if (hours < 48)
                return str_format("%d hours", (int) hours);
        if (hours < 24 * 7 * 2)
                return str_format("%d days", (int) (hours / 24));
        if (hours < 24 * 30 * 2)
                return str_format("%d weeks", (int) (hours / 24 / 7));
        if (hours < 24 * 365 * 2)
                return str_format("%d months", (int) (hours / 24 / 30));
        return str_format("%d years", (int) (hours / 24 / 365));
}

char *span_exact(int64_t ns) {
        static const struct {
                int64_t ns;
                const char *unit;
        } units[] = { { 1000000000, "s" }, { 1000000, "ms" }, { 1000, "us" }, { 1, "ns" } };
        size_t i = 0;

        while (ns % units[i].ns != 0)
                i++;
        return str_format("%jd%s", (intmax_t) (ns / units[i].ns), units[i].unit);
}
