/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "measure/report.h"

void report_clear(Report *r) {
        free(r->title);
        free(r->created);
        free(r->drawing);
        host_clear(&r->host);
        strv_free(r->cautions);
        for (size_t i = 0; i < r->n_records; i++)
                record_clear(&r->records[i]);
        free(r->records);
        *r = (Report){};
}

int report_begin(Report *r, const char *title) {
        *r = (Report){ .title = strdup(title), .created = clock_rfc3339(clock_now_ns()) };
        if (r->title && r->created && host_look(&r->host) >= 0)
                return 0;
        report_clear(r);
        return -ENOMEM;
}

int report_add(Report *r, Record *record) {
        Record *to = json_grow(&r->records, &r->n_records, sizeof *to);

        if (!to)
                return -ENOMEM;
        *to = *record;
        *record = (Record){};
        return 0;
}

/* ---- groups ---- */

static bool same_settings(const Record *a, const Record *b) {
        strv_foreach(s, a->settings)
                if (!strv_has(b->settings, *s))
                        return false;
        return strv_length(a->settings) == strv_length(b->settings);
}

static bool are_repetitions(const Record *a, const Record *b) {
        return str_equal(a->kind, b->kind) && str_equal(a->lab, b->lab) &&
               str_equal(a->label, b->label) && same_settings(a, b);
}

void group_list_free(Group *groups, size_t n) {
        for (size_t i = 0; i < n; i++) {
                free(groups[i].name);
                free(groups[i].members);
        }
        free(groups);
}

static int put_in_group(Group **groups, size_t *n, const Record *record) {
        Group *g = NULL;
        const Record **members;

        for (size_t i = 0; i < *n && !g; i++)
                if (are_repetitions((*groups)[i].members[0], record))
                        g = &(*groups)[i];
        if (!g)
                g = json_grow(groups, n, sizeof *g);
        members = g ? realloc(g->members, (g->n + 1) * sizeof *members) : NULL;
        if (!members)
                return -ENOMEM;
        g->members = members;
        g->members[g->n++] = record;
        return 0;
}

static bool all_have(const Group *groups, size_t n, const char *setting) {
        for (size_t i = 0; i < n; i++)
                if (!strv_has(groups[i].members[0]->settings, setting))
                        return false;
        return true;
}

static int name_group(const Group *groups, size_t n, Group *g) {
        const Record *first = g->members[0];
        autostrv own = NULL;
        autofree char *words = NULL;
        bool labs_differ = false, shares_label = false;

        for (size_t i = 0; i < n; i++) {
                const Record *other = groups[i].members[0];

                labs_differ = labs_differ || !str_equal(other->lab, first->lab);
                shares_label =
                        shares_label || (other != first && str_equal(other->label, first->label));
        }
        if (labs_differ && first->lab && strv_add(&own, first->lab) < 0)
                return -ENOMEM;
        strv_foreach(s, shares_label ? first->settings : NULL)
                if (!all_have(groups, n, *s) && strv_add(&own, *s) < 0)
                        return -ENOMEM;
        words = own ? strv_join(own, ", ") : NULL;
        if (own && !words)
                return -ENOMEM;
        g->name = words ? str_format("%s (%s)", first->label, words) : strdup(first->label);
        return g->name ? 0 : -ENOMEM;
}

int report_groups(const Report *r, const char *kind, Group **ret, size_t *ret_n) {
        int result = 0;

        *ret = NULL;
        *ret_n = 0;
        for (size_t i = 0; i < r->n_records && result >= 0; i++)
                if (str_equal(r->records[i].kind, kind))
                        result = put_in_group(ret, ret_n, &r->records[i]);
        for (size_t i = 0; i < *ret_n && result >= 0; i++)
                result = name_group(*ret, *ret_n, &(*ret)[i]);
        if (result < 0) {
                group_list_free(*ret, *ret_n);
                *ret = NULL;
                *ret_n = 0;
        }
        return result;
}

int report_kinds(const Report *r, char ***ret) {
        for (size_t i = 0; i < r->n_records; i++)
                if (!strv_has(*ret, r->records[i].kind) && strv_add(ret, r->records[i].kind) < 0)
                        return -ENOMEM;
        return 0;
}

double *group_values(const Group *g, const char *figure, size_t *ret_n) {
        double *values = calloc(g->n ? g->n : 1, sizeof *values);

        *ret_n = 0;
        for (size_t i = 0; values && i < g->n; i++) {
                const Figure *f = record_find(g->members[i], figure);

                if (f && !isnan(f->value))
                        values[(*ret_n)++] = f->value;
        }
        return values;
}

/* ---- what it does not support ---- */

static int say_few(const char *kind, const Group *g, char ***ret) {
        if (g->n >= REPEATS_WANTED)
                return 0;
        return strv_addf(ret,
                         "%s %s was measured %s: below %d repetitions chance cannot be told from "
                         "effect.",
                         kind, g->name, g->n == 1 ? "once" : "twice", REPEATS_WANTED);
}

static int say_overlap(const char *kind, const Group *a, const Group *b, const Figure *f,
                       char ***ret) {
        size_t n_a, n_b;
        autofree double *first = group_values(a, f->name, &n_a);
        autofree double *second = group_values(b, f->name, &n_b);
        Comparison c;

        if (!first || !second)
                return -ENOMEM;
        if (n_a == 0 || n_b == 0 || values_compare(first, n_a, second, n_b, &c) < 0)
                return 0;
        /* Two that are always the same need no excuse. */
        if (!c.overlap || fabs(c.difference) <= 0)
                return 0;
        return strv_addf(
                ret,
                "%s: %s and %s do not differ beyond their spread in %s; no order of the two "
                "is supported.",
                kind, a->name, b->name, f->name);
}

static int look_at_kind(const Report *r, const char *kind, char ***ret) {
        Group *groups;
        size_t n;
        int result = report_groups(r, kind, &groups, &n);

        for (size_t i = 0; i < n && result >= 0; i++)
                result = say_few(kind, &groups[i], ret);
        for (size_t i = 0; i < n && result >= 0; i++)
                for (size_t k = i + 1; k < n && result >= 0; k++)
                        for (size_t f = 0; f < groups[i].members[0]->n_figures && result >= 0; f++)
                                if (groups[i].members[0]->figures[f].main)
                                        result =
                                                say_overlap(kind, &groups[i], &groups[k],
                                                            &groups[i].members[0]->figures[f], ret);
        group_list_free(groups, n);
        return result;
}

static int look_at_host(const Report *r, char ***ret) {
        double load = 0;
        size_t n = 0;
        int result = 0;

        for (size_t i = 0; i < r->n_records; i++) {
                n += r->records[i].load_before > (double) r->host.cpus;
                load = fmax(load, r->records[i].load_before);
        }
        if (n > 0 && r->host.cpus > 0)
                result = strv_addf(
                        ret,
                        "The host had more to do than it has processors before %zu of %zu "
                        "runs (load %.1f with %lld processors).",
                        n, r->n_records, load, (long long) r->host.cpus);
        return result;
}

/* What records say of themselves, each sentence once. */
static int look_at_records(const Report *r, char ***ret) {
        for (size_t i = 0; i < r->n_records; i++)
                strv_foreach(caution, r->records[i].cautions) {
                        const Record *record = &r->records[i];
                        autofree char *sentence =
                                str_format("%s %s, repetition %d: %s.", record->kind, record->label,
                                           record->repetition, *caution);

                        if (!sentence || strv_add(ret, sentence) < 0)
                                return -ENOMEM;
                }
        return 0;
}

int report_soundness(const Report *r, char ***ret) {
        autostrv kinds = NULL;
        int result = report_kinds(r, &kinds);

        if (result >= 0)
                result = strv_extend(ret, r->cautions);
        if (result >= 0)
                result = look_at_host(r, ret);
        strv_foreach(kind, kinds)
                if (result >= 0)
                        result = look_at_kind(r, *kind, ret);
        return result < 0 ? result : look_at_records(r, ret);
}
