/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What was measured, on the terminal and in files. */

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "cli/lab_measure.h"
#include "cli/lab_output.h"
#include "cli/table.h"

#define FLENT_SUFFIX ".flent.gz"

int lab_measure_write_file(const char *path, const char *text, size_t size, Err *err) {
        int r = file_replace(AT_FDCWD, path, text ? text : "", size, 0644, false);

        return r < 0 ? fail(err, r, "cannot write '%s'", path) : 0;
}

/* ---- text ---- */

static int put_figure(Str *out, const Group *g, const Figure *f) {
        size_t n;
        autofree double *values = group_values(g, f->name, &n);
        autofree char *words = NULL, *low = NULL, *high = NULL;
        Summary s;

        if (!values || values_summary(values, n, &s) < 0)
                return -ENOMEM;
        words = figure_words(s.median, f->unit);
        low = figure_words(s.min, "");
        high = figure_words(s.max, "");
        if (!words || !low || !high)
                return -ENOMEM;
        str_printf(out, "  %-20s %s", f->name, words);
        if (n > 1)
                str_printf(out, "  (%s to %s)", low, high);
        str_put_char(out, '\n');
        return 0;
}

static int put_table(Str *out, const Record *r) {
        autostrv lines = NULL;
        autofree char *heading = strv_join(r->columns, "\t");

        if (!heading || strv_add(&lines, heading) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < r->n_rows; i++) {
                autofree char *line = strv_join(r->rows[i].cells, "\t");

                if (!line || strv_add(&lines, line) < 0)
                        return -ENOMEM;
        }
        table_layout(lines, out);
        return 0;
}

static int put_group(Str *out, const char *kind, const Group *g) {
        const Record *first = g->members[0];
        autofree char *settings = strv_join(first->settings, " ");
        int r = settings ? 0 : -ENOMEM;

        str_printf(out, "%s %s%s\n", kind, g->name, g->n > 1 ? ", median of repetitions" : "");
        if (settings && *settings)
                str_printf(out, "  %s\n", settings);
        for (size_t i = 0; i < first->n_figures && r >= 0; i++)
                r = put_figure(out, g, &first->figures[i]);
        if (r >= 0 && first->columns)
                r = put_table(out, first);
        for (size_t i = 0; i < g->n; i++)
                strv_foreach(caution, g->members[i]->cautions)
                        str_printf(out, "caution, repetition %d: %s\n", g->members[i]->repetition,
                                   *caution);
        return r;
}

static int put_text(const Report *report, Str *out) {
        autostrv kinds = NULL;
        int r = report_kinds(report, &kinds);

        strv_foreach(kind, kinds) {
                Group *groups = NULL;
                size_t n = 0;

                if (r >= 0)
                        r = report_groups(report, *kind, &groups, &n);
                for (size_t i = 0; i < n && r >= 0; i++)
                        r = put_group(out, *kind, &groups[i]);
                group_list_free(groups, n);
        }
        return r;
}

/* ---- files ---- */

static int write_packed(const char *path, const Str *text, Err *err) {
        autofree char *packed = NULL;
        size_t size;
        int r = gzip_text(text->text, text->length, &packed, &size);

        return r < 0 ? fail(err, r, "cannot pack '%s'", path)
                     : lab_measure_write_file(path, packed, size, err);
}

/* "x", "x.flent.gz" → "x.flent.gz", or with more than one record "x-N.flent.gz". */
static int write_flent(const Report *report, const char *file, Err *err) {
        size_t base = strlen(file) - (str_ends_with(file, FLENT_SUFFIX) ? strlen(FLENT_SUFFIX) : 0);
        int r = 0;

        for (size_t i = 0; i < report->n_records && r >= 0; i++) {
                autofree char *path =
                        report->n_records == 1
                                ? str_format("%.*s%s", (int) base, file, FLENT_SUFFIX)
                                : str_format("%.*s-%zu%s", (int) base, file, i + 1, FLENT_SUFFIX);
                autostr text = {};

                r = path ? report_flent(report, &report->records[i], &text) : -ENOMEM;
                if (r == -ENODATA)
                        return refuse(err, ENODATA,
                                      "flent shows series over time, and a %s has none",
                                      report->records[i].kind);
                r = r < 0 ? fail(err, r, "cannot write for flent") : write_packed(path, &text, err);
        }
        return r;
}

typedef enum Form { FORM_JSON, FORM_HTML, FORM_CSV, FORM_SERIES, FORM_TEXT } Form;

static int render(const Report *report, Form form, Str *out, Err *err) {
        int r = 0;

        switch (form) {
        case FORM_JSON:
                r = report_json(report, out);
                break;
        case FORM_HTML:
                r = report_html(report, out);
                break;
        case FORM_CSV:
                report_csv(report, out);
                break;
        case FORM_SERIES:
                report_series_csv(report, out);
                break;
        case FORM_TEXT:
                r = put_text(report, out);
        }
        if (r >= 0 && out->failed)
                r = -ENOMEM;
        return r < 0 ? fail(err, r, "cannot write the results") : 0;
}

static int write_form(const Report *report, Form form, const char *path, Err *err) {
        autostr text = {};
        int r = path ? render(report, form, &text, err) : 0;

        return r < 0 || !path ? r : lab_measure_write_file(path, text.text, text.length, err);
}

int lab_measure_write_files(const Report *report, const MeasureOptions *o, Err *err) {
        int r = write_form(report, FORM_JSON, o->save, err);

        if (r >= 0)
                r = write_form(report, FORM_HTML, o->html, err);
        if (r >= 0)
                r = write_form(report, FORM_CSV, o->csv, err);
        if (r >= 0)
                r = write_form(report, FORM_SERIES, o->series, err);
        if (r >= 0 && o->flent)
                r = write_flent(report, o->flent, err);
        return r;
}

int lab_measure_write(const Report *report, const MeasureOptions *o, Err *err) {
        autostr text = {};
        Form form = str_equal(o->format, "json")  ? FORM_JSON
                    : str_equal(o->format, "csv") ? FORM_CSV
                                                  : FORM_TEXT;
        int r = lab_measure_write_files(report, o, err);

        if (r >= 0)
                r = render(report, form, &text, err);
        return r < 0 ? r : lab_print(&text, err);
}
