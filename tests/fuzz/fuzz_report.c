/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Reports of others, as `isola lab report FILE.json` takes them, into every form that is written;
 * and, of each line, what tests and limits of a lab's file may say. */

#include "fuzz.h"
#include "measure/bound.h"
#include "measure/report.h"

/* What is written is read back, to the same. */
static void read_back(const Report *r) {
        autostr first = {}, second = {};
        autoreport again = {};

        must(report_json(r, &first) >= 0);
        must(report_begin(&again, "x") >= 0);
        must(report_read(&again, first.text, first.length, "own", NULL) >= 0);
        must(again.n_records == r->n_records);
        for (size_t i = 0; i < r->n_records; i++) {
                must(again.records[i].n_figures == r->records[i].n_figures);
                must(again.records[i].n_series == r->records[i].n_series);
        }
        must(str_set(&again.title, r->title) >= 0 && str_set(&again.created, r->created) >= 0);
        must(report_json(&again, &second) >= 0);
}

static void write_all(const Report *r) {
        autostr page = {}, csv = {}, series = {};

        must(report_html(r, &page) >= 0);
        must(strstr(page.text, "</html>") && !strstr(page.text, "<script"));
        report_csv(r, &csv);
        report_series_csv(r, &series);
        must(!csv.failed && !series.failed);
        for (size_t i = 0; i < r->n_records; i++) {
                autostr flent = {};
                int n = report_flent(r, &r->records[i], &flent);

                must(n >= 0 || n == -ENODATA || n == -ERANGE);
        }
}

static void limit(const char *text) {
        for (int kind = BOUND_SPAN; kind <= BOUND_COUNT; kind++) {
                Bound b = {};
                autoerr err = {};
                int r = bound_parse(text, (BoundKind) kind, false, &b, &err);

                must_agree(r, &err);
                must(r < 0 || b.low <= b.high || b.low != b.low || b.high != b.high);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        autofree char *text = strndup((const char *) data, size);
        autoreport r = {};
        autoerr err = {};
        int n;

        must(text && report_begin(&r, "x") >= 0);
        n = report_read(&r, (const char *) data, size, "document", &err);
        must_agree(n, &err);
        if (n >= 0) {
                read_back(&r);
                write_all(&r);
        }
        if (size < 64)
                limit(text);
        return 0;
}
