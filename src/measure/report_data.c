/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Reports for other programs: JSON, CSV, flent's format. */

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "base/clock.h"
#include "measure/report.h"

#define FORMAT_VERSION 1

/* ---- JSON ---- */

static int put_json(json_t *json, Str *out) {
        char *text = json ? json_dumps(json, JSON_INDENT(1) | JSON_REAL_PRECISION(12)) : NULL;

        json_decref(json);
        if (!text)
                return -ENOMEM;
        str_put(out, text);
        str_put_char(out, '\n');
        free(text);
        return out->failed ? -ENOMEM : 0;
}

static json_t *host_json(const Host *h) {
        return json_pack("{s:s*, s:s*, s:s*, s:s*, s:I, s:I}", "name", h->name, "kernel", h->kernel,
                         "machine", h->machine, "cpu", h->cpu, "cpus", (json_int_t) h->cpus,
                         "memory", (json_int_t) h->memory);
}

int report_json(const Report *r, Str *out) {
        json_t *records = json_array();

        for (size_t i = 0; i < r->n_records; i++)
                json_array_append_new(records, record_json(&r->records[i]));
        return put_json(json_pack("{s:i, s:s, s:s, s:s, s:o, s:o}", "isolaReport", FORMAT_VERSION,
                                  "isola", ISOLA_VERSION, "title", r->title, "created", r->created,
                                  "host", host_json(&r->host), "records", records),
                        out);
}

static int take_host(Report *r, const json_t *json, const char *place) {
        const char *kernel = json_string_value(json_object_get(json, "kernel"));
        const char *name = json_string_value(json_object_get(json, "name"));
        const char *cpu = json_string_value(json_object_get(json, "cpu"));

        if (r->n_records > 0) {
                if (str_equal(kernel, r->host.kernel) && str_equal(name, r->host.name) &&
                    str_equal(cpu, r->host.cpu))
                        return 0;
                return strv_addf(&r->cautions,
                                 "The records of '%s' are of another machine or kernel (%s, %s): "
                                 "differences may be theirs.",
                                 place, name ? name : "?", kernel ? kernel : "?");
        }
        r->host.cpus = json_integer_value(json_object_get(json, "cpus"));
        r->host.memory = (uint64_t) json_integer_value(json_object_get(json, "memory"));
        if (str_set(&r->host.kernel, kernel ? kernel : "") < 0 ||
            str_set(&r->host.name, name ? name : "") < 0 ||
            str_set(&r->host.cpu, cpu ? cpu : "") < 0)
                return -ENOMEM;
        return 0;
}

static int take_records(Report *r, const json_t *records, const char *place, Err *err) {
        size_t i;
        json_t *item;
        int result = 0;

        json_array_foreach(records, i, item) {
                autorecord record = {};

                result = record_from_json(item, place, &record, err);
                if (result >= 0 && report_add(r, &record) < 0)
                        result = fail(err, ENOMEM, "cannot read '%s'", place);
                if (result < 0)
                        break;
        }
        return result;
}

int report_read(Report *r, const char *text, size_t size, const char *place, Err *err) {
        json_error_t error;
        json_t *json = json_loadb(text, size, 0, &error);
        int result = 0;

        if (!json)
                return refuse(err, EINVAL, "%s:%d: %s", place, error.line, error.text);
        if (json_integer_value(json_object_get(json, "isolaReport")) != FORMAT_VERSION ||
            !json_is_array(json_object_get(json, "records")))
                result = err_hint(err,
                                  refuse(err, EINVAL, "%s: this is no report of isola's", place),
                                  "'isola lab measure … --save FILE' writes them");
        if (result >= 0 && take_host(r, json_object_get(json, "host"), place) < 0)
                result = fail(err, ENOMEM, "cannot read '%s'", place);
        if (result >= 0)
                result = take_records(r, json_object_get(json, "records"), place, err);
        json_decref(json);
        return result;
}

/* ---- CSV ---- */

/* A text that could be taken for a formula by a spreadsheet is still the text: it is quoted. */
static void put_cell(Str *out, const char *text, bool last) {
        bool quote = !text[0] || strpbrk(text, ",\"\r\n") || strchr("=+-@ ", text[0]);

        if (quote)
                str_put_char(out, '"');
        for (const char *p = text; *p; p++) {
                if (*p == '"')
                        str_put_char(out, '"');
                str_put_char(out, *p);
        }
        if (quote)
                str_put_char(out, '"');
        str_put(out, last ? "\r\n" : ",");
}

static void put_number(Str *out, double value, bool last) {
        if (isfinite(value))
                str_printf(out, "%.9g", value);
        str_put(out, last ? "\r\n" : ",");
}

static void put_record_cells(Str *out, const Record *r) {
        autofree char *settings = strv_join(r->settings, " ");

        put_cell(out, r->kind, false);
        put_cell(out, r->lab ? r->lab : "", false);
        put_cell(out, r->label, false);
        put_cell(out, settings ? settings : "", false);
        str_printf(out, "%d,", r->repetition);
        put_cell(out, r->started ? r->started : "", false);
}

void report_csv(const Report *r, Str *out) {
        str_put(out, "kind,lab,label,settings,repetition,started,figure,unit,value\r\n");
        for (size_t i = 0; i < r->n_records; i++)
                for (size_t k = 0; k < r->records[i].n_figures; k++) {
                        const Figure *f = &r->records[i].figures[k];

                        put_record_cells(out, &r->records[i]);
                        put_cell(out, f->name, false);
                        put_cell(out, f->unit, false);
                        put_number(out, f->value, true);
                }
}

void report_series_csv(const Report *r, Str *out) {
        str_put(out, "kind,lab,label,settings,repetition,started,series,unit,seconds,value\r\n");
        for (size_t i = 0; i < r->n_records; i++)
                for (size_t k = 0; k < r->records[i].n_series; k++) {
                        const Series *s = &r->records[i].series[k];

                        for (size_t v = 0; v < s->n; v++) {
                                put_record_cells(out, &r->records[i]);
                                put_cell(out, s->name ? s->name : "", false);
                                put_cell(out, s->unit ? s->unit : "", false);
                                put_number(out, s->at[v], false);
                                put_number(out, s->values[v], true);
                        }
                }
}

/* ---- flent ---- */

#define FLENT_VERSION 4        /* flent 2.1's FILEFORMAT_VERSION: raw values in the plots' units */
#define LENGTH_MAX    604800.0 /* seconds that it is told of */
#define STEP          0.2      /* seconds between points, flent's own default */

/* The names that flent's plots look for. */
static const char *flent_series(const Record *r, const Series *s) {
        if (str_equal(s->name, "goodput"))
                return "TCP upload";
        if (str_equal(s->name, "loaded rtt") ||
            (str_equal(s->name, "rtt") && str_equal(r->kind, "ping")))
                return "Ping (ms) ICMP";
        return s->name;
}

static json_t *raw_values(const Series *s, double start) {
        json_t *array = json_array();

        for (size_t i = 0; i < s->n; i++)
                json_array_append_new(
                        array, json_pack("{s:f, s:f}", "t", start + s->at[i], "val", s->values[i]));
        return array;
}

/* The mean of what came since the last point; null where nothing did. */
static json_t *resampled(const Series *s, size_t points) {
        json_t *array = json_array();
        size_t k = 0;

        for (size_t i = 0; i < points; i++) {
                double sum = 0;
                size_t n = 0;

                for (; k < s->n && s->at[k] <= (double) i * STEP; k++, n++)
                        sum += s->values[k];
                json_array_append_new(array, n ? json_real(sum / (double) n) : json_null());
        }
        return array;
}

/* Its times have microseconds, not more. */
static void put_microseconds(const char *rfc3339, char out[CLOCK_RFC3339_LENGTH + 1]) {
        int64_t ns = 0;

        (void) clock_parse_rfc3339(rfc3339, &ns);
        clock_put_rfc3339(ns, out);
        strcpy(strchr(out, '.') + 7, "Z");
}

static json_t *flent_metadata(const Report *r, const Record *record, double length) {
        bool tcp = str_equal(record->kind, "tcp") || str_equal(record->kind, "load");
        autofree char *title = str_format("%s, repetition %d", record->label, record->repetition);
        char when[CLOCK_RFC3339_LENGTH + 1];

        put_microseconds(record->started ? record->started : r->created, when);

        return json_pack("{s:s, s:s?, s:s, s:s, s:s?, s:s, s:[s], s:f, s:f, s:f, s:{}, s:{}, s:s, "
                         "s:s, s:s?}",
                         "NAME", tcp ? "tcp_upload" : "ping", "TITLE", title, "TIME", when, "T0",
                         when, "LOCAL_HOST", r->host.name, "HOST", record->label, "HOSTS",
                         record->label, "LENGTH", length, "TOTAL_LENGTH", length, "STEP_SIZE", STEP,
                         "TEST_PARAMETERS", "SERIES_META", "NOTE", "measured by isola",
                         "FLENT_VERSION", "isola " ISOLA_VERSION, "KERNEL_RELEASE", r->host.kernel);
}

int report_flent(const Report *r, const Record *record, Str *out) {
        json_t *x, *results, *raw;
        double length = 0, start = 0;
        int64_t ns;
        size_t points;

        if (record->n_series == 0)
                return -ENODATA;
        if (record->started && clock_parse_rfc3339(record->started, &ns) >= 0)
                start = (double) ns / 1e9;
        for (size_t i = 0; i < record->n_series; i++)
                for (size_t k = 0; k < record->series[i].n; k++)
                        length = fmax(length, record->series[i].at[k]);
        if (length > LENGTH_MAX)
                return -ERANGE;
        points = (size_t) (length / STEP) + 2;
        x = json_array();
        results = json_object();
        raw = json_object();
        for (size_t i = 0; i < points; i++)
                json_array_append_new(x, json_real((double) i * STEP));
        for (size_t i = 0; i < record->n_series; i++) {
                const Series *s = &record->series[i];
                const char *name = flent_series(record, s);

                json_object_set_new(results, name ? name : "", resampled(s, points));
                json_object_set_new(raw, name ? name : "", raw_values(s, start));
        }
        return put_json(json_pack("{s:i, s:o, s:o, s:o, s:o}", "version", FLENT_VERSION, "metadata",
                                  flent_metadata(r, record, length), "x_values", x, "results",
                                  results, "raw_values", raw),
                        out);
}

int gzip_text(const char *text, size_t size, char **ret, size_t *ret_size) {
        z_stream z = {};
        size_t room;
        int r = deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);

        if (r != Z_OK)
                return -ENOMEM;
        room = deflateBound(&z, size);
        *ret = malloc(room ? room : 1);
        if (!*ret || size > UINT32_MAX || room > UINT32_MAX) {
                free(*ret);
                *ret = NULL;
                deflateEnd(&z);
                return -ENOMEM;
        }
        z.next_in = (Bytef *) text;
        z.avail_in = (uInt) size;
        z.next_out = (Bytef *) *ret;
        z.avail_out = (uInt) room;
        r = deflate(&z, Z_FINISH);
        *ret_size = z.total_out;
        deflateEnd(&z);
        if (r == Z_STREAM_END)
                return 0;
        free(*ret);
        *ret = NULL;
        return -EIO;
}
