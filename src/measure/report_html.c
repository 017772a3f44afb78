/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A report as one page. */

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "base/size.h"
#include "measure/markup.h"
#include "measure/report.h"
#include "measure/svg.h"

#define COLUMNS_MAX  6  /* groups beside each other; more stand below each other */
#define GROUPS_DRAWN 8  /* in one plot */
#define LINES_MAX    48 /* in one plot of time */
#define SERIES_SHOWN 8  /* plots of time for a kind */
#define TABLE_MAX    64 /* columns of a record's own table */
#define ECDF_POINTS  400

static const char style[] =
        "body{font:15px/1.45 system-ui,sans-serif;margin:2em auto;max-width:76em;padding:0 1em;"
        "color:#1c2024;background:#fff}h1{margin-bottom:.2em}h2{border-bottom:1px solid #ccc;"
        "margin-top:2em}table{border-collapse:collapse;margin:1em 0}td,th{padding:.15em .7em;"
        "text-align:right;border-bottom:1px solid #ddd;font-variant-numeric:tabular-nums}"
        "th:first-child,td:first-child{text-align:left}td.n{text-align:left}small{color:#666}"
        ".plots{display:flex;flex-wrap:wrap;gap:1em}.plots svg{width:36em;max-width:100%}"
        ".wide{overflow-x:auto}ul.c{background:#fff4d6;border-left:4px solid #d99000;"
        "padding:.7em .7em .7em 2em}p.ok{background:#e6f4e6;border-left:4px solid #2a8a2a;"
        "padding:.7em}svg text{font:11px system-ui,sans-serif;fill:#444}svg .t{font-weight:600;"
        "font-size:13px}svg .m{text-anchor:middle}svg .e{text-anchor:end}svg .g{stroke:#e4e4e4}"
        "svg polyline{fill:none;stroke-width:1.4}svg .w{stroke:#888}svg .d{stroke:#111;"
        "stroke-width:2}svg .b{fill-opacity:.45}"
        ".c0{stroke:#0072b2}.f0{fill:#0072b2}.c1{stroke:#d55e00}.f1{fill:#d55e00}"
        ".c2{stroke:#009e73}.f2{fill:#009e73}.c3{stroke:#cc79a7}.f3{fill:#cc79a7}"
        ".c4{stroke:#e69f00}.f4{fill:#e69f00}.c5{stroke:#56b4e9}.f5{fill:#56b4e9}"
        ".c6{stroke:#7a5195}.f6{fill:#7a5195}.c7{stroke:#555}.f7{fill:#555}"
        "@media(prefers-color-scheme:dark){body{color:#ddd;background:#16181b}"
        "svg text{fill:#bbb}svg .g{stroke:#333}svg .d{stroke:#eee}ul.c{background:#3a2f10}"
        "p.ok{background:#16301a}td,th{border-color:#333}}";

/* ---- small parts ---- */

static void element(Str *out, const char *name, const char *text) {
        str_printf(out, "<%s>", name);
        markup_put(out, text);
        str_printf(out, "</%s>", name);
}

static void row(Str *out, const char *name, const char *value) {
        str_put(out, "<tr>");
        element(out, "th", name);
        str_put(out, "<td class=\"n\">");
        markup_put(out, value);
        str_put(out, "</td></tr>\n");
}

static int put_host(Str *out, const Report *r) {
        autofree char *memory = size_words(r->host.memory);
        autofree char *cpus = str_format("%lld × %s", (long long) r->host.cpus,
                                         str_empty(r->host.cpu) ? r->host.machine : r->host.cpu);
        double busy = 0, load = 0;

        if (!memory || !cpus)
                return -ENOMEM;
        for (size_t i = 0; i < r->n_records; i++) {
                busy = fmax(busy, r->records[i].busy_share);
                load = fmax(load, r->records[i].load_before);
        }
        str_put(out, "<table>\n");
        row(out, "measured", r->created);
        row(out, "on", r->host.name);
        row(out, "kernel", r->host.kernel);
        row(out, "processors", cpus);
        row(out, "memory", memory);
        str_printf(
                out,
                "<tr><th>load of the host</th><td class=\"n\">at most %.2f before a run, at most "
                "%.0f %% of its processors busy during one</td></tr>\n",
                load, busy * 100);
        row(out, "isola", ISOLA_VERSION);
        str_put(out, "</table>\n");
        return 0;
}

static int put_soundness(Str *out, const Report *r) {
        autostrv sentences = NULL;
        int result = report_soundness(r, &sentences);

        if (result < 0)
                return result;
        str_put(out, "<h2 id=\"soundness\">What these figures do not support</h2>\n");
        if (!sentences) {
                str_put(out, "<p class=\"ok\">Nothing speaks against them: every measurement was "
                             "repeated, differences are larger than the spread, the host kept "
                             "up.</p>\n");
                return 0;
        }
        str_put(out, "<ul class=\"c\">\n");
        strv_foreach(s, sentences) {
                element(out, "li", *s);
                str_put_char(out, '\n');
        }
        str_put(out, "</ul>\n");
        return 0;
}

/* ---- tables ---- */

/* The median of the repetitions, and between what they lie. */
static int put_values(Str *out, const Group *g, const char *figure, const char *unit) {
        size_t n;
        autofree double *values = group_values(g, figure, &n);
        autofree char *words = NULL, *low = NULL, *high = NULL;
        Summary s;

        if (!values || values_summary(values, n, &s) < 0)
                return -ENOMEM;
        words = figure_words(s.median, unit);
        low = figure_words(s.min, "");
        high = figure_words(s.max, "");
        if (!words || !low || !high)
                return -ENOMEM;
        str_put(out, "<td>");
        markup_put(out, words);
        if (n > 1)
                str_printf(out, " <small>%s to %s</small>", low, high);
        str_put(out, "</td>");
        return 0;
}

static int put_figures_down(Str *out, const Group *groups, size_t n) {
        const Record *first = groups[0].members[0];
        int r = 0;

        str_put(out, "<table><tr><th>median of repetitions, range</th>");
        for (size_t i = 0; i < n; i++)
                element(out, "th", groups[i].name);
        str_put(out, "</tr>\n");
        for (size_t f = 0; f < first->n_figures && r >= 0; f++) {
                str_put(out, "<tr>");
                element(out, "th", first->figures[f].name);
                for (size_t i = 0; i < n && r >= 0; i++)
                        r = put_values(out, &groups[i], first->figures[f].name,
                                       first->figures[f].unit);
                str_put(out, "</tr>\n");
        }
        str_put(out, "</table>\n");
        return r;
}

static int put_figures_across(Str *out, const Group *groups, size_t n) {
        const Record *first = groups[0].members[0];
        int r = 0;

        str_put(out, "<table><tr><th>median of repetitions, range</th>");
        for (size_t f = 0; f < first->n_figures; f++)
                if (first->figures[f].main)
                        element(out, "th", first->figures[f].name);
        str_put(out, "</tr>\n");
        for (size_t i = 0; i < n && r >= 0; i++) {
                str_put(out, "<tr>");
                element(out, "td", groups[i].name);
                for (size_t f = 0; f < first->n_figures && r >= 0; f++)
                        if (first->figures[f].main)
                                r = put_values(out, &groups[i], first->figures[f].name,
                                               first->figures[f].unit);
                str_put(out, "</tr>\n");
        }
        str_put(out, "</table>\n");
        return r;
}

static int put_comparison(Str *out, const Group *a, const Group *b, const Figure *f) {
        size_t n_a, n_b;
        autofree double *first = group_values(a, f->name, &n_a);
        autofree double *second = group_values(b, f->name, &n_b);
        autofree char *words = NULL;
        Comparison c;

        if (!first || !second)
                return -ENOMEM;
        if (n_a == 0 || n_b == 0 || values_compare(first, n_a, second, n_b, &c) < 0)
                return 0;
        words = figure_words(c.difference, f->unit);
        if (!words)
                return -ENOMEM;
        str_put(out, "<tr>");
        element(out, "td", b->name);
        element(out, "td", f->name);
        str_printf(out, "<td>%s</td><td>", words);
        if (isnan(c.ratio))
                str_put(out, "—");
        else
                str_printf(out, "%.3f", c.ratio);
        str_printf(out, "</td><td class=\"n\">%s</td></tr>\n",
                   n_a < REPEATS_WANTED || n_b < REPEATS_WANTED ? "not known: too few repetitions"
                   : c.overlap                                  ? "no"
                                                                : "yes");
        return 0;
}

static int put_comparisons(Str *out, const Group *groups, size_t n) {
        const Record *first = groups[0].members[0];
        int r = 0;

        if (n < 2 || n > GROUPS_DRAWN)
                return 0;
        str_put(out, "<table><tr><th>against ");
        markup_put(out, groups[0].name);
        str_put(out, "</th><th>figure</th><th>difference of medians</th><th>ratio</th>"
                     "<th>beyond the spread</th></tr>\n");
        for (size_t i = 1; i < n && r >= 0; i++)
                for (size_t f = 0; f < first->n_figures && r >= 0; f++)
                        if (first->figures[f].main)
                                r = put_comparison(out, &groups[0], &groups[i], &first->figures[f]);
        str_put(out, "</table>\n");
        return r;
}

static void put_own_table(Str *out, const Record *r, const char *name) {
        if (!r->columns)
                return;
        str_printf(out, "<h3>");
        markup_put(out, name);
        str_printf(out, ", repetition %d</h3>\n", r->repetition);
        if (strv_length(r->columns) > TABLE_MAX) {
                str_printf(out, "<p>%zu columns are too many to show; the JSON has them.</p>\n",
                           strv_length(r->columns));
                return;
        }
        str_put(out, "<div class=\"wide\"><table><tr>");
        strv_foreach(c, r->columns)
                element(out, "th", *c);
        str_put(out, "</tr>\n");
        for (size_t i = 0; i < r->n_rows; i++) {
                str_put(out, "<tr>");
                strv_foreach(c, r->rows[i].cells)
                        element(out, "td", *c);
                str_put(out, "</tr>\n");
        }
        str_put(out, "</table></div>\n");
}

/* ---- plots ---- */

static char *with_unit(const char *name, const char *unit) {
        return str_empty(unit) ? strdup(name) : str_format("%s, %s", name, unit);
}

static int put_boxes(Str *out, const Group *groups, size_t n, const Figure *f) {
        autofree char *axis = with_unit(f->name, f->unit);
        autofree PlotBox *boxes = calloc(n, sizeof *boxes);
        Plot plot = { .title = f->name, .x = axis, .from_zero = true };
        int r = axis && boxes ? 0 : -ENOMEM;
        bool any = false;

        for (size_t i = 0; i < n && r >= 0; i++) {
                boxes[i] = (PlotBox){ .name = groups[i].name, .colour = (int) i };
                boxes[i].values = group_values(&groups[i], f->name, &boxes[i].n);
                any = any || boxes[i].n > 0;
                r = boxes[i].values ? 0 : -ENOMEM;
        }
        if (r >= 0 && any)
                svg_boxes(out, &plot, boxes, n);
        for (size_t i = 0; boxes && i < n; i++)
                free((void *) boxes[i].values);
        return r;
}

static const Series *find_series(const Record *r, const char *name) {
        for (size_t i = 0; i < r->n_series; i++)
                if (str_equal(r->series[i].name, name))
                        return &r->series[i];
        return NULL;
}

/* All values of all repetitions. */
static int pool(const Group *g, const char *name, double **ret, size_t *ret_n) {
        *ret = NULL;
        *ret_n = 0;
        for (size_t i = 0; i < g->n; i++) {
                const Series *s = find_series(g->members[i], name);
                double *more = s && s->n ? realloc(*ret, (*ret_n + s->n) * sizeof *more) : NULL;

                if (!s || s->n == 0)
                        continue;
                if (!more)
                        return -ENOMEM;
                memcpy(more + *ret_n, s->values, s->n * sizeof *more);
                *ret = more;
                *ret_n += s->n;
        }
        return 0;
}

/* A distribution function with at most ECDF_POINTS steps. */
typedef struct Ecdf {
        double x[ECDF_POINTS], y[ECDF_POINTS];
        size_t n;
} Ecdf;

static int make_ecdf(const Group *g, const char *name, Ecdf *ret) {
        autofree double *values = NULL, *sorted = NULL;
        size_t n, points;
        int r = pool(g, name, &values, &n);

        ret->n = 0;
        if (r < 0 || n == 0)
                return r;
        sorted = values_sorted(values, n);
        if (!sorted)
                return -ENOMEM;
        points = n < ECDF_POINTS ? n : ECDF_POINTS;
        for (size_t i = 0; i < points; i++) {
                size_t k = points > 1 ? i * (n - 1) / (points - 1) : 0;

                ret->x[i] = sorted[k];
                ret->y[i] = (double) (k + 1) / (double) n;
        }
        ret->n = points;
        return 0;
}

static int put_ecdf(Str *out, const Group *groups, size_t n, const Series *like) {
        autofree char *axis = with_unit(like->name, like->unit);
        autofree char *title = str_format("Distribution of %s", like->name);
        autofree Ecdf *functions = calloc(n, sizeof *functions);
        autofree PlotLine *lines = calloc(n, sizeof *lines);
        Plot plot = {
                .title = title, .x = axis, .y = "share of values", .from_zero = true, .y_max = 1
        };
        int r = axis && title && functions && lines ? 0 : -ENOMEM;

        for (size_t i = 0; i < n && r >= 0; i++) {
                r = make_ecdf(&groups[i], like->name, &functions[i]);
                lines[i] = (PlotLine){ groups[i].name, (int) i,        functions[i].x,
                                       functions[i].y, functions[i].n, true };
        }
        if (r >= 0)
                svg_lines(out, &plot, lines, n);
        return r;
}

static int put_times(Str *out, const Group *groups, size_t n, const Series *like) {
        autofree char *axis = with_unit(like->name, like->unit);
        autofree PlotLine *lines = calloc(LINES_MAX, sizeof *lines);
        Plot plot = { .title = like->name, .x = "seconds", .y = axis, .from_zero = true };
        size_t used = 0;

        if (!axis || !lines)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                for (size_t k = 0; k < groups[i].n && used < LINES_MAX; k++) {
                        const Series *s = find_series(groups[i].members[k], like->name);

                        if (s && s->n > 0)
                                lines[used++] = (PlotLine){ groups[i].name, (int) i, s->at,
                                                            s->values,      s->n,    false };
                }
        if (used > 0)
                svg_lines(out, &plot, lines, used);
        return 0;
}

/* Of several flows the first stands for all: the JSON and CSV have the others. */
static bool is_further_flow(const Series *s) {
        const char *number = str_after(s->name ? s->name : "", "flow ");

        return number && !str_after(number, "1 ");
}

static int put_plots(Str *out, const Group *groups, size_t n) {
        const Record *first = groups[0].members[0];
        size_t drawn = n < GROUPS_DRAWN ? n : GROUPS_DRAWN, shown = 0;
        int r = 0;

        str_put(out, "<div class=\"plots\">\n");
        for (size_t f = 0; f < first->n_figures && r >= 0; f++)
                if (first->figures[f].main)
                        r = put_boxes(out, groups, n, &first->figures[f]);
        for (size_t i = 0; i < first->n_series && r >= 0; i++)
                if (str_equal(first->series[i].unit, "ms") && !is_further_flow(&first->series[i]))
                        r = put_ecdf(out, groups, drawn, &first->series[i]);
        /* A matrix's series has pairs, not times. */
        for (size_t i = 0; i < first->n_series && r >= 0 && shown < SERIES_SHOWN; i++)
                if (!str_equal(first->kind, "matrix") && !is_further_flow(&first->series[i])) {
                        r = put_times(out, groups, drawn, &first->series[i]);
                        shown++;
                }
        str_put(out, "</div>\n");
        if (n > drawn)
                str_printf(out, "<p><small>Plots of time show the first %zu of %zu.</small></p>\n",
                           drawn, n);
        return r;
}

/* ---- all of it ---- */

static void put_settings(Str *out, const Group *groups, size_t n) {
        autofree char *words = strv_join(groups[0].members[0]->settings, ", ");
        size_t runs = 0;

        for (size_t i = 0; i < n; i++)
                runs += groups[i].n;
        str_printf(out, "<p>%zu runs. ", runs);
        if (words && *words) {
                str_put(out, n > 1 ? "The first with " : "With ");
                markup_put(out, words);
                str_put(out, ".");
        }
        str_put(out, "</p>\n");
}

static int put_kind(Str *out, const Report *report, const char *kind) {
        Group *groups;
        size_t n;
        int r = report_groups(report, kind, &groups, &n);

        if (r < 0)
                return r;
        str_put(out, "<section>\n");
        element(out, "h2", kind);
        put_settings(out, groups, n);
        r = n <= COLUMNS_MAX ? put_figures_down(out, groups, n)
                             : put_figures_across(out, groups, n);
        if (r >= 0)
                r = put_comparisons(out, groups, n);
        if (r >= 0)
                r = put_plots(out, groups, n);
        for (size_t i = 0; i < n; i++)
                put_own_table(out, groups[i].members[0], groups[i].name);
        str_put(out, "</section>\n");
        group_list_free(groups, n);
        return r;
}

int report_html(const Report *r, Str *out) {
        autostrv kinds = NULL;
        int result = report_kinds(r, &kinds);

        str_put(out,
                "<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\"><head>"
                "<meta charset=\"utf-8\"/><meta name=\"viewport\" "
                "content=\"width=device-width\"/>");
        element(out, "title", r->title);
        str_printf(out, "<style>%s</style></head><body>\n", style);
        element(out, "h1", r->title);
        if (result >= 0)
                result = put_host(out, r);
        if (r->drawing)
                str_put(out, r->drawing);
        if (result >= 0)
                result = put_soundness(out, r);
        strv_foreach(kind, kinds)
                if (result >= 0)
                        result = put_kind(out, r, *kind);
        str_put(out, "</body></html>\n");
        return result < 0 ? result : out->failed ? -ENOMEM : 0;
}
