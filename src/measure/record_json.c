/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Records as JSON: the tables of base/json.h know whole numbers only, so the tree is made here. */

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/str.h"
#include "measure/record.h"

#define VALUES_MAX 4194304 /* in one series of a file */

/* ---- out ---- */

static json_t *number(double value) {
        if (!isfinite(value))
                return json_null();
        return value == floor(value) && fabs(value) < 1e15 ? json_integer((json_int_t) value)
                                                           : json_real(value);
}

static json_t *text(const char *s) {
        return s ? json_string(s) : json_null();
}

static json_t *texts(char *const *list) {
        json_t *array = json_array();

        strv_foreach(item, list)
                json_array_append_new(array, json_string(*item));
        return array;
}

static json_t *numbers(const double *values, size_t n) {
        json_t *array = json_array();

        for (size_t i = 0; i < n; i++)
                json_array_append_new(array, number(values[i]));
        return array;
}

static json_t *series_json(const Series *s) {
        json_t *object = json_object();

        json_object_set_new(object, "name", text(s->name));
        json_object_set_new(object, "unit", text(s->unit));
        json_object_set_new(object, "count", json_integer((json_int_t) s->count));
        json_object_set_new(object, "at", numbers(s->at, s->n));
        json_object_set_new(object, "values", numbers(s->values, s->n));
        return object;
}

static json_t *figures_json(const Record *r) {
        json_t *array = json_array();

        for (size_t i = 0; i < r->n_figures; i++) {
                const Figure *f = &r->figures[i];
                json_t *object = json_object();

                json_object_set_new(object, "name", text(f->name));
                json_object_set_new(object, "unit", text(f->unit));
                json_object_set_new(object, "value", number(f->value));
                if (f->main)
                        json_object_set_new(object, "main", json_true());
                json_array_append_new(array, object);
        }
        return array;
}

static void put_table(json_t *object, const Record *r) {
        json_t *rows = json_array();

        for (size_t i = 0; i < r->n_rows; i++)
                json_array_append_new(rows, texts(r->rows[i].cells));
        json_object_set_new(object, "columns", texts(r->columns));
        json_object_set_new(object, "rows", rows);
}

json_t *record_json(const Record *r) {
        json_t *object = json_object(), *series = json_array();

        json_object_set_new(object, "kind", text(r->kind));
        json_object_set_new(object, "lab", text(r->lab));
        json_object_set_new(object, "label", text(r->label));
        json_object_set_new(object, "repetition", json_integer(r->repetition));
        json_object_set_new(object, "started", text(r->started));
        json_object_set_new(object, "seconds", number(r->seconds));
        json_object_set_new(object, "settings", texts(r->settings));
        json_object_set_new(object, "cautions", texts(r->cautions));
        json_object_set_new(object, "loadBefore", number(r->load_before));
        json_object_set_new(object, "busyShare", number(r->busy_share));
        json_object_set_new(object, "stolenShare", number(r->stolen_share));
        json_object_set_new(object, "figures", figures_json(r));
        for (size_t i = 0; i < r->n_series; i++)
                json_array_append_new(series, series_json(&r->series[i]));
        json_object_set_new(object, "series", series);
        if (r->columns)
                put_table(object, r);
        return object;
}

/* ---- in ---- */

static int read_text(const json_t *json, const char *key, char **ret) {
        const char *value = json_string_value(json_object_get(json, key));

        return value ? str_set(ret, value) : 0;
}

static double read_number(const json_t *json, const char *key) {
        const json_t *value = json_object_get(json, key);

        return json_is_number(value) ? json_number_value(value) : NAN;
}

static int read_texts(const json_t *array, char ***ret) {
        size_t i;
        json_t *item;
        int r = 0;

        json_array_foreach(array, i, item) {
                if (r >= 0 && json_is_string(item))
                        r = strv_add(ret, json_string_value(item));
        }
        return r;
}

static int read_series(const json_t *json, Series *s) {
        const json_t *at = json_object_get(json, "at"), *values = json_object_get(json, "values");
        size_t n = json_array_size(values);
        json_int_t count = json_integer_value(json_object_get(json, "count"));
        int r;

        if (n != json_array_size(at) || n > VALUES_MAX)
                return -EINVAL;
        r = read_text(json, "name", &s->name);
        if (r >= 0)
                r = read_text(json, "unit", &s->unit);
        for (size_t i = 0; i < n; i++)
                series_add(s, json_number_value(json_array_get(at, i)),
                           json_number_value(json_array_get(values, i)));
        if (count > 0 && (uint64_t) count > s->count)
                s->count = (uint64_t) count;
        if (r >= 0 && !s->unit)
                r = str_set(&s->unit, "");
        return s->failed ? -ENOMEM : r < 0 ? r : s->name ? 0 : -EINVAL;
}

static int read_figure(const json_t *json, Figure *f) {
        int r = read_text(json, "name", &f->name);

        f->value = read_number(json, "value");
        f->main = json_is_true(json_object_get(json, "main"));
        if (r >= 0)
                r = read_text(json, "unit", &f->unit);
        if (r >= 0 && !f->unit)
                r = str_set(&f->unit, "");
        return r < 0 ? r : f->name ? 0 : -EINVAL;
}

static int read_lists(const json_t *json, Record *r) {
        size_t i;
        json_t *item;
        int result = 0;

        json_array_foreach(json_object_get(json, "figures"), i, item) {
                Figure *f = json_grow(&r->figures, &r->n_figures, sizeof *f);

                result = f ? read_figure(item, f) : -ENOMEM;
                if (result < 0)
                        return result;
        }
        json_array_foreach(json_object_get(json, "series"), i, item) {
                Series *s = json_grow(&r->series, &r->n_series, sizeof *s);

                result = s ? read_series(item, s) : -ENOMEM;
                if (result < 0)
                        return result;
        }
        json_array_foreach(json_object_get(json, "rows"), i, item) {
                RecordRow *row = json_grow(&r->rows, &r->n_rows, sizeof *row);

                result = row ? read_texts(item, &row->cells) : -ENOMEM;
                if (result < 0)
                        return result;
        }
        return 0;
}

int record_from_json(const json_t *json, const char *place, Record *ret, Err *err) {
        int r = read_text(json, "kind", &ret->kind);
        int64_t ns;

        if (r >= 0)
                r = read_text(json, "lab", &ret->lab);
        if (r >= 0)
                r = read_text(json, "label", &ret->label);
        if (r >= 0)
                r = read_text(json, "started", &ret->started);
        if (r >= 0)
                r = read_texts(json_object_get(json, "settings"), &ret->settings);
        if (r >= 0)
                r = read_texts(json_object_get(json, "cautions"), &ret->cautions);
        if (r >= 0)
                r = read_texts(json_object_get(json, "columns"), &ret->columns);
        if (r >= 0)
                r = read_lists(json, ret);
        ret->repetition = (int) json_integer_value(json_object_get(json, "repetition"));
        ret->load_before = read_number(json, "loadBefore");
        ret->busy_share = read_number(json, "busyShare");
        ret->stolen_share = read_number(json, "stolenShare");
        ret->seconds = read_number(json, "seconds");
        if (r >= 0 && (!ret->kind || !ret->label ||
                       (ret->started && clock_parse_rfc3339(ret->started, &ns) < 0)))
                r = -EINVAL;
        if (r >= 0)
                return 0;
        record_clear(ret);
        if (r == -EINVAL)
                return refuse(err, EINVAL, "%s: this is no record of a measurement", place);
        return fail(err, r, "cannot read '%s'", place);
}
