/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/str.h"
#include "measure/record.h"

#define BUSY   0.95 /* share of all processors beyond which somebody had to wait */
#define STOLEN 0.02

void record_clear(Record *r) {
        char *const texts[] = { r->kind, r->lab, r->label, r->started };

        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
                free(texts[i]);
        strv_free(r->settings);
        strv_free(r->cautions);
        strv_free(r->columns);
        for (size_t i = 0; i < r->n_figures; i++) {
                free(r->figures[i].name);
                free(r->figures[i].unit);
        }
        free(r->figures);
        for (size_t i = 0; i < r->n_series; i++)
                series_clear(&r->series[i]);
        free(r->series);
        for (size_t i = 0; i < r->n_rows; i++)
                strv_free(r->rows[i].cells);
        free(r->rows);
        *r = (Record){};
}

int record_begin(Record *r, const char *kind, const char *label) {
        *r = (Record){ .repetition = 1,
                       .load_before = cpu_load(),
                       .busy_share = NAN,
                       .stolen_share = NAN,
                       .kind = strdup(kind),
                       .label = strdup(label),
                       .started = clock_rfc3339(clock_now_ns()) };
        if (r->kind && r->label && r->started)
                return 0;
        record_clear(r);
        return -ENOMEM;
}

static int add_text(char ***list, const char *format, va_list ap) printf_like(2, 0);
static int add_text(char ***list, const char *format, va_list ap) {
        char *text = NULL;

        if (vasprintf(&text, format, ap) < 0)
                text = NULL;
        return strv_take(list, text);
}

int record_setting(Record *r, const char *format, ...) {
        va_list ap;
        int result;

        va_start(ap, format);
        result = add_text(&r->settings, format, ap);
        va_end(ap);
        return result;
}

int record_caution(Record *r, const char *format, ...) {
        va_list ap;
        int result;

        va_start(ap, format);
        result = add_text(&r->cautions, format, ap);
        va_end(ap);
        return result;
}

int record_figure(Record *r, const char *name, const char *unit, double value, bool main) {
        Figure *f = json_grow(&r->figures, &r->n_figures, sizeof *f);

        if (!f)
                return -ENOMEM;
        *f = (Figure){ strdup(name), strdup(unit), value, main };
        return f->name && f->unit ? 0 : -ENOMEM;
}

int record_summary(Record *r, const char *name, const Series *s, bool jitter) {
        Summary summary;
        int result = series_summary(s, &summary);
        const struct {
                const char *word;
                double value;
        } parts[] = { { "median", summary.median }, { "min", summary.min },
                      { "mean", summary.mean },     { "deviation", summary.deviation },
                      { "p95", summary.p95 },       { "p99", summary.p99 },
                      { "max", summary.max } };

        for (size_t i = 0; i < sizeof parts / sizeof *parts && result >= 0; i++) {
                autofree char *full = str_format("%s %s", name, parts[i].word);

                result = full ? record_figure(r, full, s->unit ? s->unit : "", parts[i].value,
                                              i == 0)
                              : -ENOMEM;
        }
        if (result >= 0 && jitter)
                result = record_figure(r, "jitter", s->unit ? s->unit : "", summary.jitter, false);
        return result;
}

const Figure *record_find(const Record *r, const char *name) {
        for (size_t i = 0; i < r->n_figures; i++)
                if (str_equal(r->figures[i].name, name))
                        return &r->figures[i];
        return NULL;
}

int record_host(Record *r, const CpuMark *before, const CpuMark *after) {
        CpuUse use = cpu_between(before, after);
        int result = 0;

        r->busy_share = use.busy_share;
        r->stolen_share = use.stolen_share;
        if (use.busy_share > BUSY)
                result =
                        record_caution(r,
                                       "the host's processors were %.0f %% busy: what was measured "
                                       "is the host as much as the network",
                                       use.busy_share * 100);
        if (result >= 0 && use.stolen_share > STOLEN)
                result = record_caution(r,
                                        "another machine on the same hardware took %.0f %% of the "
                                        "processors' time",
                                        use.stolen_share * 100);
        return result;
}

char *figure_words(double value, const char *unit) {
        double size = fabs(value);
        int digits = size >= 1000 || value == floor(value) ? 0
                     : size >= 100                         ? 1
                     : size >= 1                           ? 2
                                                           : 3;
        const char *gap = str_empty(unit) ? "" : " ";

        if (isnan(value))
                return strdup("—");
        if (size > 0 && size < 0.001)
                return str_format("%.2g%s%s", value, gap, unit);
        return str_format("%.*f%s%s", digits, value, gap, unit);
}
