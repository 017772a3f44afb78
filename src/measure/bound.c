/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/auto.h"
#include "base/str.h"
#include "measure/bound.h"
#include "topology/quality.h"

/* A copy without blanks at both ends. */
static char *trimmed(const char *text, size_t n) {
        while (n > 0 && isspace((unsigned char) *text)) {
                text++;
                n--;
        }
        while (n > 0 && isspace((unsigned char) text[n - 1]))
                n--;
        return strndup(text, n);
}

/* The words for a link's quality are the words for its figures. */
int bound_value(const char *text, BoundKind kind, double *ret, Err *err) {
        static const struct {
                const char *key, *what, *form;
        } kinds[] = { { "delay", "span", "as '10ms', '250us' or '1.5s'" },
                      { "rate", "rate", "bits per second, as '10mbit' or '1.5gbit'" },
                      { "corrupt", "share", "a percentage, as '0.1%'" },
                      { NULL, "number", "a plain number, as '10'" } };
        autoquality q = {};
        char *end;
        int r;

        if (kind == BOUND_COUNT) {
                *ret = strtod(text, &end);
                r = end == text || *end || !isfinite(*ret) ? -EINVAL : 0;
        } else {
                r = quality_set(&q, kinds[kind].key, text, NULL);
                *ret = kind == BOUND_SPAN   ? (double) q.delay_ns / 1e6
                       : kind == BOUND_RATE ? (double) q.rate_bps
                                            : q.corrupt;
        }
        if (r == -EINVAL)
                return err_hint(err, refuse(err, EINVAL, "'%s' is no %s", text, kinds[kind].what),
                                "%s", kinds[kind].form);
        return r < 0 ? fail(err, r, "cannot read '%s'", text) : 0;
}

static int part_value(const char *text, size_t n, BoundKind kind, double *ret, Err *err) {
        autofree char *part = trimmed(text, n);

        if (!part)
                return fail(err, ENOMEM, "cannot read a limit");
        if (!*part)
                return err_hint(err, refuse(err, EINVAL, "a value is missing in '%s'", text),
                                "limits are 'X', '<X', '<=X', '>X', '>=X', 'X..Y' and 'X +- Y'");
        return bound_value(part, kind, ret, err);
}

static int parse_around(const char *text, const char *sign, size_t sign_length, BoundKind kind,
                        Bound *ret, Err *err) {
        const char *after = sign + sign_length;
        autofree char *width = trimmed(after, strlen(after));
        double middle, by;
        char *end;
        int r = part_value(text, (size_t) (sign - text), kind, &middle, err);

        if (r < 0)
                return r;
        if (!width)
                return fail(err, ENOMEM, "cannot read a limit");
        by = strtod(width, &end);
        if (end != width && str_equal(end, "%") && kind != BOUND_SHARE)
                by = fabs(middle) * by / 100;
        else {
                r = part_value(width, strlen(width), kind, &by, err);
                if (r < 0)
                        return r;
        }
        if (!isfinite(by) || by < 0)
                return refuse(err, EINVAL, "'%s' is no width of a range around a value", width);
        ret->low = middle - by;
        ret->high = middle + by;
        return 0;
}

static int parse_side(const char *text, BoundKind kind, bool least, Bound *ret, Err *err) {
        bool more = *text == '>', less = *text == '<', equal = (more || less) && text[1] == '=';
        const char *value = text + (more || less) + equal;
        bool at_least = more || (!less && least);
        double limit;
        int r = part_value(value, strlen(value), kind, &limit, err);

        if (r < 0)
                return r;
        if (at_least) {
                ret->low = limit;
                ret->low_open = more && !equal;
        } else {
                ret->high = limit;
                ret->high_open = less && !equal;
        }
        return 0;
}

int bound_parse(const char *text, BoundKind kind, bool least, Bound *ret, Err *err) {
        autofree char *clean = trimmed(text, strlen(text));
        const char *dots, *sign;
        int r;

        if (!clean)
                return fail(err, ENOMEM, "cannot read a limit");
        dots = strstr(clean, "..");
        *ret = (Bound){ .is_set = true, .low = -INFINITY, .high = INFINITY };
        if ((sign = strstr(clean, "+-")) || (sign = strstr(clean, "±")))
                return parse_around(clean, sign, 2, kind, ret, err);
        if (!dots)
                return parse_side(clean, kind, least, ret, err);
        r = part_value(clean, (size_t) (dots - clean), kind, &ret->low, err);
        if (r >= 0)
                r = part_value(dots + 2, strlen(dots + 2), kind, &ret->high, err);
        if (r >= 0 && ret->low > ret->high)
                r = refuse(err, EINVAL, "'%s' is a range that ends before it begins", text);
        return r;
}

bool bound_holds(const Bound *b, double value) {
        if (!b->is_set)
                return true;
        if (isnan(value))
                return false;
        return (b->low_open ? value > b->low : value >= b->low) &&
               (b->high_open ? value < b->high : value <= b->high);
}
