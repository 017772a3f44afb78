/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/auto.h"
#include "base/str.h"
#include "openflow/ovsdb.h"

DEFINE_AUTOPTR(json_t, ovsdb_drop)

json_t *ovsdb_drop(json_t *json) {
        json_decref(json);
        return NULL;
}

/* --- where a message ends --- */

/* One byte; 1 if the message ends with it. */
static int step(OvsdbFrame *frame, char c) {
        if (frame->in_string) {
                if (frame->escaped)
                        frame->escaped = false;
                else if (c == '\\')
                        frame->escaped = true;
                else if (c == '"')
                        frame->in_string = false;
                return 0;
        }
        if (frame->depth == 0 && c != '{')
                return c == ' ' || c == '\n' || c == '\t' || c == '\r' ? 0 : -EBADMSG;
        if (c == '"')
                frame->in_string = true;
        else if (c == '{' || c == '[')
                return ++frame->depth > OVSDB_DEPTH_MAX ? -EBADMSG : 0;
        else if (c == '}' || c == ']')
                return --frame->depth == 0;
        return 0;
}

int ovsdb_frame(OvsdbFrame *frame, const char *bytes, size_t size, size_t *ret_length) {
        while (frame->seen < size) {
                int r = step(frame, bytes[frame->seen++]);

                if (r < 0)
                        return r;
                if (r > 0) {
                        *ret_length = frame->seen;
                        return 0;
                }
                if (frame->seen >= OVSDB_MESSAGE_MAX)
                        return -EMSGSIZE;
        }
        return -EAGAIN;
}

/* --- replies --- */

static int code_of(const char *error) {
        return str_equal(error, "timed out")              ? -ETIME
               : str_equal(error, "constraint violation") ? -EEXIST
                                                          : -EREMOTEIO;
}

/* {"error": "…", "details": "…"}; foreign text may carry what a terminal would obey. */
static int refused(const json_t *object, Err *err) {
        const char *error = json_string_value(json_object_get(object, "error")),
                   *details = json_string_value(json_object_get(object, "details"));
        autofree char *text = details ? str_format("%s: %s", error ? error : "?", details)
                                      : str_format("%s", error ? error : "no reason given");
        autofree char *safe = text ? str_printable(text) : NULL;

        return refuse(err, code_of(error), "the switch's database refuses: %s", safe ? safe : "?");
}

static int malformed(Err *err, const char *what) {
        return refuse(err, EBADMSG, "the switch's database answers with %s", what);
}

/* The first operation that failed tells why; those after it have null, or are not there. */
static int check_results(const json_t *results, size_t n, Err *err) {
        const json_t *result;
        size_t i;

        if (!json_is_array(results))
                return malformed(err, "no list of results");
        json_array_foreach(results, i, result) {
                if (json_is_object(result) && json_object_get(result, "error"))
                        return refused(result, err);
                if (!json_is_object(result))
                        return malformed(err, "a result that is no object");
        }
        return json_array_size(results) < n ? malformed(err, "too few results") : 0;
}

int ovsdb_read_reply(const char *message, size_t size, unsigned id, size_t n, json_t **ret,
                     Err *err) {
        autoptr(json_t) json = json_loadb(message, size, JSON_REJECT_DUPLICATES, NULL);
        const json_t *number, *error, *result;
        int r;

        if (!json_is_object(json))
                return malformed(err, "something that is no JSON object");
        number = json_object_get(json, "id");
        if (json_object_get(json, "method") || !json_is_integer(number) ||
            json_integer_value(number) != (json_int_t) id) {
                *ret = take_ptr(json);
                return 0;
        }
        error = json_object_get(json, "error");
        if (json_is_object(error))
                return refused(error, err);
        if (error && !json_is_null(error))
                return malformed(err, "an error that is no object");
        result = json_object_get(json, "result");
        r = check_results(result, n, err);
        if (r < 0)
                return r;
        *ret = json_incref((json_t *) result);
        return 1;
}

/* --- values --- */

static bool is_tagged(const json_t *value, const char *tag) {
        return json_is_array(value) && json_array_size(value) == 2 &&
               str_equal(json_string_value(json_array_get(value, 0)), tag);
}

const json_t *ovsdb_element(const json_t *value, size_t i) {
        if (is_tagged(value, "set"))
                return json_array_get(json_array_get(value, 1), i);
        return i == 0 ? value : NULL;
}

static const json_t *only_element(const json_t *value) {
        return ovsdb_element(value, 1) ? NULL : ovsdb_element(value, 0);
}

long long ovsdb_integer(const json_t *value, long long otherwise) {
        const json_t *only = only_element(value);

        return json_is_integer(only) ? json_integer_value(only) : otherwise;
}

const char *ovsdb_text(const json_t *value) {
        return json_string_value(only_element(value));
}

const char *ovsdb_uuid(const json_t *value) {
        return is_tagged(value, "uuid") ? json_string_value(json_array_get(value, 1)) : NULL;
}

const char *ovsdb_map_get(const json_t *map, const char *key) {
        const json_t *pairs = is_tagged(map, "map") ? json_array_get(map, 1) : NULL, *pair;
        size_t i;

        json_array_foreach(pairs, i, pair) {
                if (str_equal(json_string_value(json_array_get(pair, 0)), key))
                        return json_string_value(json_array_get(pair, 1));
        }
        return NULL;
}
