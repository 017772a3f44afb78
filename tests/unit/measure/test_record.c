/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <jansson.h>
#include <math.h>

#include "base/str.h"
#include "measure/record.h"
#include "test.h"

static void words(double value, const char *unit, const char *wanted) {
        autofree char *text = figure_words(value, unit);

        expect_str(text, wanted);
}

TEST(figures_in_words) {
        words(0, "%", "0 %");
        words(12.3456, "ms", "12.35 ms");
        words(0.0123, "ms", "0.012 ms");
        words(0.0000123, "s", "1.2e-05 s");
        words(123.45, "Mbit/s", "123.5 Mbit/s");
        words(10115.7, "Mbit/s", "10116 Mbit/s");
        words(7, "", "7");
        words(-2.5, "ms", "-2.50 ms");
        words(NAN, "ms", "—");
}

static void fill_ping(PingResult *p) {
        *p = (PingResult){ .sent = 4, .received = 3 };
        expect_ok(series_name(&p->rtt, "rtt", "ms"));
        series_add(&p->rtt, 0, 1);
        series_add(&p->rtt, 1, 3);
        series_add(&p->rtt, 2, 2);
}

TEST(a_ping_as_figures) {
        autorecord r = {};
        autoping p = {};

        fill_ping(&p);
        expect_ok(record_begin(&r, "ping", "h1 to h2"));
        expect_ok(record_ping(&r, &p));
        expect(fabs(record_find(&r, "rtt median")->value - 2) < 1e-9);
        expect(record_find(&r, "rtt median")->main);
        expect(fabs(record_find(&r, "loss")->value - 25) < 1e-9);
        expect(!record_find(&r, "goodput"));
        expect(r.n_series == 1 && r.series[0].n == 3 && p.rtt.n == 0);
        /* Three round trips are few, and it says so. */
        expect(strv_length(r.cautions) == 1 && strstr(r.cautions[0], "only 3 round trips"));
}

TEST(json_and_back_is_the_same) {
        autorecord r = {}, copy = {};
        autoping p = {};
        autoerr err = {};
        json_t *json, *again;

        fill_ping(&p);
        expect_ok(record_begin(&r, "ping", "h1 → h2 \"x\""));
        expect_ok(record_ping(&r, &p));
        expect_ok(record_setting(&r, "count=%d", 4));
        expect_ok(record_figure(&r, "nothing", "ms", NAN, false));
        r.repetition = 2;
        json = record_json(&r);
        expect_well(record_from_json(json, "x.json", &copy, &err), err);
        again = record_json(&copy);
        expect(json_equal(json, again));
        expect(copy.repetition == 2 && isnan(record_find(&copy, "nothing")->value));
        json_decref(json);
        json_decref(again);
}

TEST(what_is_no_record_is_refused) {
        static const char *const cases[] = { "{}", "[]", "{\"kind\": 3, \"label\": \"x\"}",
                                             "{\"kind\": \"ping\", \"label\": \"x\", \"series\": "
                                             "[{\"at\": [1], \"values\": []}]}",
                                             "{\"kind\": \"ping\", \"label\": \"x\", \"figures\": "
                                             "[{\"value\": 1}]}" };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                json_t *json = json_loads(cases[i], 0, NULL);
                autorecord r = {};
                autoerr err = {};

                expect(json && record_from_json(json, "x.json", &r, &err) == -EINVAL);
                expect_str(err.message, "x.json: this is no record of a measurement");
                json_decref(json);
        }
}

TEST(a_busy_host_is_said) {
        autorecord r = {};
        CpuMark before = {}, after = { .busy = 1.99, .total = 2, .stolen = 0.2 };

        expect_ok(record_begin(&r, "tcp", "x"));
        expect_ok(record_host(&r, &before, &after));
        expect(strv_length(r.cautions) == 2);
        expect(strstr(r.cautions[0], "100 % busy") && strstr(r.cautions[1], "10 %"));
}

TEST(a_matrix_is_a_table) {
        MatrixCell cells[] = { { 0, 0, NAN, NAN }, { 1, 1, 0.5, 0.5 }, { 1, 0, NAN, NAN }, {} };
        MatrixResult m = {
                .cells = cells, .n = 2, .pairs = 2, .reached = 1, .sent = 2, .received = 1
        };
        char *names[] = { (char *) "h1", (char *) "h2", NULL };
        autorecord r = {};

        expect_ok(record_begin(&r, "matrix", "all"));
        expect_ok(record_matrix(&r, &m, names));
        expect(r.n_rows == 2 && strv_length(r.columns) == 3);
        expect_str(r.rows[0].cells[2], "0.500");
        expect_str(r.rows[1].cells[1], "✗");
        expect(fabs(record_find(&r, "reached")->value - 50) < 1e-9);
}
