/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <ctype.h>
#include <jansson.h>
#include <math.h>
#include <zlib.h>

#include "measure/report.h"
#include "measure/svg.h"
#include "test.h"

/* One run of a ping with round trips around a value. */
static void add_ping(Report *report, const char *label, int repetition, double ms) {
        autorecord r = {};
        autoping p = { .sent = 30, .received = 30 };

        expect_ok(series_name(&p.rtt, "rtt", "ms"));
        for (int i = 0; i < 30; i++)
                series_add(&p.rtt, i * 0.1, ms + i * 0.001);
        expect_ok(record_begin(&r, "ping", label));
        r.load_before = 0;
        r.repetition = repetition;
        expect_ok(record_ping(&r, &p));
        expect_ok(report_add(report, &r));
}

static void add_pings(Report *report, const char *label, double ms) {
        for (int i = 1; i <= 3; i++)
                add_ping(report, label, i, ms + i * 0.01);
}

static bool says(char *const *sentences, const char *words) {
        bool found = false;

        strv_foreach(s, sentences) {
                printf("# %s\n", *s);
                found = found || strstr(*s, words);
        }
        return found;
}

/* ---- groups and what they support ---- */

TEST(repetitions_make_a_group) {
        autoreport r = {};
        Group *groups;
        size_t n, values;
        double *medians;

        expect_ok(report_begin(&r, "x"));
        add_pings(&r, "a to b", 1);
        add_pings(&r, "a to c", 2);
        expect_ok(report_groups(&r, "ping", &groups, &n));
        expect(n == 2 && groups[0].n == 3 && groups[1].n == 3);
        expect_str(groups[1].name, "a to c");
        medians = group_values(&groups[1], "rtt median", &values);
        expect(values == 3 && medians[0] > 2 && medians[2] < 2.1);
        free(medians);
        group_list_free(groups, n);
}

TEST(settings_that_differ_name_the_group) {
        autoreport r = {};
        Group *groups;
        size_t n;

        expect_ok(report_begin(&r, "x"));
        add_ping(&r, "a to b", 1, 1);
        add_ping(&r, "a to b", 1, 1);
        expect_ok(record_setting(&r.records[0], "size=56"));
        expect_ok(record_setting(&r.records[1], "size=56"));
        expect_ok(record_setting(&r.records[1], "count=9"));
        expect_ok(report_groups(&r, "ping", &groups, &n));
        expect(n == 2);
        expect_str(groups[0].name, "a to b");
        expect_str(groups[1].name, "a to b (count=9)");
        group_list_free(groups, n);
}

TEST(sound_figures_need_no_words) {
        autoreport r = {};
        autostrv sentences = NULL;

        expect_ok(report_begin(&r, "x"));
        add_pings(&r, "a to b", 1);
        add_pings(&r, "a to c", 2);
        expect_ok(report_soundness(&r, &sentences));
        expect(!says(sentences, "") && !sentences);
}

TEST(too_few_repetitions_are_said) {
        autoreport r = {};
        autostrv sentences = NULL;

        expect_ok(report_begin(&r, "x"));
        add_ping(&r, "a to b", 1, 1);
        expect_ok(report_soundness(&r, &sentences));
        expect(says(sentences, "was measured once"));
}

TEST(overlapping_spreads_are_said) {
        autoreport r = {};
        autostrv sentences = NULL;

        expect_ok(report_begin(&r, "x"));
        add_pings(&r, "a to b", 1);
        add_pings(&r, "a to c", 1.005);
        expect_ok(report_soundness(&r, &sentences));
        expect(says(sentences, "do not differ beyond their spread in rtt median"));
}

TEST(a_loaded_host_and_cautions_are_said) {
        autoreport r = {};
        autostrv sentences = NULL;

        expect_ok(report_begin(&r, "x"));
        add_pings(&r, "a to b", 1);
        r.records[1].load_before = 1e6;
        expect_ok(record_caution(&r.records[2], "the emulator was late"));
        expect_ok(report_soundness(&r, &sentences));
        expect(says(sentences, "before 1 of 3 runs"));
        expect(says(sentences, "ping a to b, repetition 3: the emulator was late."));
}

/* ---- the page ---- */

/* Reads tags as an XML parser would: each closes what was opened last, attributes have quotes. */
static void well_formed(const char *text) {
        char open[64][32];
        int depth = 0;

        text = strchr(strstr(text, "<!DOCTYPE"), '>') + 1;
        for (const char *p = text; *p; p++) {
                char name[32] = "";
                size_t n = 0;
                bool closes, alone;

                if (*p == '&')
                        expect(strspn(p + 1, "#abcdefghijklmnopqrstuvwxyz0123456789") > 0 &&
                               p[1 + strspn(p + 1, "#abcdefghijklmnopqrstuvwxyz0123456789")] ==
                                       ';');
                if (*p != '<') {
                        expect(*p != '>');
                        continue;
                }
                closes = *++p == '/';
                for (p += closes; isalnum((unsigned char) *p) && n < sizeof name - 1; p++)
                        name[n++] = *p;
                expect(n > 0);
                while (*p != '>') {
                        expect(*p && *p != '<');
                        if (*p == '"')
                                p = strchr(p + 1, '"');
                        p++;
                }
                alone = p[-1] == '/';
                if (closes) {
                        expect(depth > 0);
                        expect_str(name, open[--depth]);
                } else if (!alone) {
                        expect(depth < 64);
                        strcpy(open[depth++], name);
                }
        }
        expect(depth == 0);
}

TEST(the_page_is_well_formed_and_self_contained) {
        autoreport r = {};
        autostr page = {};

        expect_ok(report_begin(&r, "a <b> & \"c\""));
        add_pings(&r, "h1 to <h2> & 'h3'", 1);
        add_pings(&r, "h1 to h2", 1.001);
        expect_ok(report_html(&r, &page));
        well_formed(page.text);
        expect(strstr(page.text, "<h1>a &lt;b&gt; &amp; &quot;c&quot;</h1>"));
        expect(!strstr(page.text, "<h2> &"));
        /* Nothing is fetched: the only addresses are names of namespaces. */
        expect(!strstr(page.text, "src=") && !strstr(page.text, "href=") &&
               !strstr(page.text, "url(") && !strstr(page.text, "<script"));
        expect(strstr(page.text, "do not differ beyond their spread"));
        expect(strstr(page.text, "<polyline") && strstr(page.text, "<circle"));
        expect(!strstr(page.text, "nan") && !strstr(page.text, "inf"));
}

TEST(a_page_of_nothing_is_a_page) {
        autoreport r = {};
        autostr page = {};

        expect_ok(report_begin(&r, "nothing"));
        expect_ok(report_html(&r, &page));
        well_formed(page.text);
}

TEST(odd_values_do_not_break_the_page) {
        autoreport r = {};
        autostr page = {};
        autorecord record = {};
        autoping none = { .sent = 3 };
        Series *s;

        expect_ok(report_begin(&r, "odd"));
        expect_ok(record_begin(&record, "ping", "a to b"));
        expect_ok(record_ping(&record, &none));
        s = calloc(1, sizeof *s);
        record.series = s;
        record.n_series = 1;
        expect_ok(series_name(s, "one", "ms"));
        series_add(s, 0, 0);
        expect_ok(report_add(&r, &record));
        add_ping(&r, "a to c", 1, 1e12);
        expect_ok(report_html(&r, &page));
        well_formed(page.text);
        expect(!strstr(page.text, "nan") && !strstr(page.text, "\"inf"));
}

TEST(long_lines_are_thinned_and_keep_their_peak) {
        static double x[100000], y[100000];
        PlotLine line = { "long", 0, x, y, 100000, false };
        Plot plot = { .title = "t", .x = "x", .y = "y" };
        autostr out = {};

        for (size_t i = 0; i < 100000; i++) {
                x[i] = (double) i;
                y[i] = i == 54321 ? 100 : 1;
        }
        svg_lines(&out, &plot, &line, 1);
        expect(out.length < 40000);
        y[54321] = 1;
        /* Its top is where the peak is: 4 % above it is the edge, at 28. */
        expect(strstr(out.text, ",36.") || strstr(out.text, ",37.") || strstr(out.text, ",35."));
}

TEST(axes_have_round_numbers) {
        double first, step;

        axis_steps(0, 10, 5, &first, &step);
        expect(fabs(step - 2) < 1e-9 && fabs(first) < 1e-9);
        axis_steps(0.13, 0.97, 5, &first, &step);
        expect(fabs(step - 0.2) < 1e-9 && fabs(first - 0.2) < 1e-9);
}

/* ---- for other programs ---- */

TEST(json_is_read_back) {
        autoreport r = {}, copy = {};
        autostr text = {};
        autoerr err = {};

        expect_ok(report_begin(&r, "x"));
        add_pings(&r, "a to b", 1);
        expect_ok(report_json(&r, &text));
        expect_ok(report_begin(&copy, "y"));
        expect_well(report_read(&copy, text.text, text.length, "x.json", &err), err);
        expect(copy.n_records == 3 && copy.records[2].series[0].n == 30 && !copy.cautions);
        /* The same once more, as of another machine. */
        expect_ok(str_set(&copy.host.kernel, "Linux 1.0"));
        expect_well(report_read(&copy, text.text, text.length, "z.json", &err), err);
        expect(copy.n_records == 6 && says(copy.cautions, "'z.json' are of another machine"));
}

TEST(what_is_no_report_is_refused) {
        static const char *const cases[] = { "",
                                             "{",
                                             "[]",
                                             "{}",
                                             "{\"isolaReport\": 1}",
                                             "{\"isolaReport\": 2, \"records\": []}",
                                             "{\"isolaReport\": 1, \"records\": [3]}" };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                autoreport r = {};
                autoerr err = {};

                expect_ok(report_begin(&r, "x"));
                expect(report_read(&r, cases[i], strlen(cases[i]), "x.json", &err) == -EINVAL);
                printf("# %s\n", err.message);
                expect(strstr(err.message, "x.json"));
        }
}

TEST(csv_quotes_what_must_be) {
        autoreport r = {};
        autostr out = {}, series = {};

        expect_ok(report_begin(&r, "x"));
        add_ping(&r, "=a, \"b\"", 1, 1);
        report_csv(&r, &out);
        expect(strncmp(out.text, "kind,lab,label,", 15) == 0);
        expect(strstr(out.text, "ping,\"\",\"=a, \"\"b\"\"\",\"\",1,"));
        expect(strstr(out.text, ",rtt min,ms,1\r\n"));
        report_series_csv(&r, &series);
        expect(strstr(series.text, ",rtt,ms,0.1,1.001\r\n"));
}

TEST(flent_finds_what_it_looks_for) {
        autoreport r = {};
        autostr out = {};
        json_t *json;
        const json_t *meta;

        expect_ok(report_begin(&r, "x"));
        add_ping(&r, "a to b", 1, 1);
        expect_ok(report_flent(&r, &r.records[0], &out));
        json = json_loads(out.text, 0, NULL);
        expect(json && json_integer_value(json_object_get(json, "version")) == 4);
        meta = json_object_get(json, "metadata");
        expect_str(json_string_value(json_object_get(meta, "NAME")), "ping");
        /* As Python's %Y-%m-%dT%H:%M:%S.%fZ reads it: six digits. */
        expect(strlen(json_string_value(json_object_get(meta, "T0"))) ==
               strlen("2026-01-01T00:00:00.123456Z"));
        expect(json_array_size(json_object_get(json, "x_values")) ==
               json_array_size(
                       json_object_get(json_object_get(json, "results"), "Ping (ms) ICMP")));
        expect(json_array_size(json_object_get(json_object_get(json, "raw_values"),
                                               "Ping (ms) ICMP")) == 30);
        json_decref(json);
}

TEST(gzip_unpacks_to_the_same) {
        autofree char *packed = NULL;
        char text[1000], back[1000];
        size_t size;
        z_stream z = {};

        memset(text, 'x', sizeof text);
        expect_ok(gzip_text(text, sizeof text, &packed, &size));
        expect(size < 100 && (uint8_t) packed[0] == 0x1f && (uint8_t) packed[1] == 0x8b);
        z.next_in = (Bytef *) packed;
        z.avail_in = (uInt) size;
        z.next_out = (Bytef *) back;
        z.avail_out = sizeof back;
        expect(inflateInit2(&z, 15 + 16) == Z_OK && inflate(&z, Z_FINISH) == Z_STREAM_END);
        expect(z.total_out == sizeof text && memcmp(text, back, sizeof text) == 0);
        inflateEnd(&z);
}
