/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/str.h"
#include "base/stream.h"
#include "openflow/ovsdb.h"

#define DATABASE "Open_vSwitch"
#define CHUNK    16384

struct Ovsdb {
        char *path; /* of the socket */
        int socket, timeout_ms;
        unsigned id; /* of the last request */
        char *bytes; /* what came and was not taken yet */
        size_t size, capacity;
        OvsdbFrame frame;
};

DEFINE_AUTOPTR(json_t, ovsdb_drop)

Ovsdb *ovsdb_free(Ovsdb *db) {
        if (db) {
                close_fd(db->socket);
                free(db->bytes);
                free(db->path);
                free(db);
        }
        return NULL;
}

int ovsdb_timeout(const Ovsdb *db) {
        return db->timeout_ms;
}

char *ovsdb_directory(const Ovsdb *db) {
        const char *slash = strrchr(db->path, '/');

        return slash ? strndup(db->path, (size_t) (slash - db->path)) : strdup(".");
}

int ovsdb_open(const char *socket, int timeout_ms, Ovsdb **ret, Err *err) {
        autoptr(Ovsdb) db = calloc(1, sizeof *db);

        if (db)
                *db = (Ovsdb){ .socket = -EBADF, .path = strdup(socket), .timeout_ms = timeout_ms };
        if (!db || !db->path)
                return fail(err, ENOMEM, "cannot connect to '%s'", socket);
        db->socket = stream_connect_unix(socket);
        if (db->socket < 0)
                return fail(err, db->socket, "cannot connect to the switch's database at '%s'",
                            socket);
        *ret = take_ptr(db);
        return 0;
}

static int make_room(Ovsdb *db) {
        char *grown;

        if (db->capacity - db->size >= CHUNK)
                return 0;
        grown = realloc(db->bytes, db->capacity * 2 + CHUNK);
        if (!grown)
                return -ENOMEM;
        db->bytes = grown;
        db->capacity = db->capacity * 2 + CHUNK;
        return 0;
}

/* Until a whole message lies at the beginning of .bytes. */
static int receive_message(Ovsdb *db, int64_t end, size_t *ret_length) {
        for (;;) {
                int r = ovsdb_frame(&db->frame, db->bytes, db->size, ret_length);
                ssize_t n;

                if (r != -EAGAIN)
                        return r;
                r = make_room(db);
                if (r < 0)
                        return r;
                n = stream_receive_some(db->socket, db->bytes + db->size, db->capacity - db->size,
                                        end);
                if (n <= 0)
                        return n < 0 ? (int) n : -ECONNRESET;
                db->size += (size_t) n;
        }
}

static void forget_message(Ovsdb *db, size_t length) {
        memmove(db->bytes, db->bytes + length, db->size - length);
        db->size -= length;
        db->frame = (OvsdbFrame){};
}

static int send_json(Ovsdb *db, const json_t *json, int64_t end) {
        autofree char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

        return text ? stream_send(db->socket, text, strlen(text), end) : -ENOMEM;
}

/* The server asks whether we are there (section 4.1.11); nothing else that it says by itself
 * matters to us. */
static int answer(Ovsdb *db, const json_t *message, int64_t end) {
        const char *method = json_string_value(json_object_get(message, "method"));
        autoptr(json_t) reply = NULL;

        if (!str_equal(method, "echo"))
                return 0;
        reply = json_pack("{s:O?, s:n, s:O?}", "result", json_object_get(message, "params"),
                          "error", "id", json_object_get(message, "id"));
        return send_json(db, reply, end);
}

/* Reads until the reply to request .id. */
static int receive_reply(Ovsdb *db, size_t n, int64_t end, json_t **ret, Err *err) {
        for (;;) {
                autoptr(json_t) json = NULL;
                size_t length;
                int r = receive_message(db, end, &length);

                if (r < 0)
                        return fail(err, r, "no answer from the switch's database");
                r = ovsdb_read_reply(db->bytes, length, db->id, n, &json, err);
                forget_message(db, length);
                if (r < 0)
                        return r;
                if (r > 0) {
                        *ret = take_ptr(json);
                        return 0;
                }
                r = answer(db, json, end);
                if (r < 0)
                        return fail(err, r, "cannot answer the switch's database");
        }
}

int ovsdb_transact(Ovsdb *db, json_t *operations, json_t **ret, Err *err) {
        int64_t end = clock_monotonic_ms() + db->timeout_ms;
        autoptr(json_t) parameters = operations, *request = NULL, *results = NULL;
        size_t n = json_array_size(operations);
        int r;

        if (!parameters || json_array_insert_new(parameters, 0, json_string(DATABASE)) < 0)
                return fail(err, ENOMEM, "cannot ask the switch's database");
        db->id = (db->id + 1) & INT32_MAX;
        request = json_pack("{s:s, s:O, s:i}", "method", "transact", "params", parameters, "id",
                            (int) db->id);
        r = send_json(db, request, end);
        if (r < 0)
                return fail(err, r, "cannot ask the switch's database");
        r = receive_reply(db, n, end, &results, err);
        if (r >= 0 && ret)
                *ret = take_ptr(results);
        return r;
}

int ovsdb_initialize(Ovsdb *db, Err *err) {
        autoptr(json_t) results = NULL;
        int r = ovsdb_transact(db,
                               json_pack("[{s:s, s:s, s:[], s:[s]}]", "op", "select", "table",
                                         "Open_vSwitch", "where", "columns", "_uuid"),
                               &results, err);

        if (r < 0)
                return r;
        if (json_array_size(json_object_get(json_array_get(results, 0), "rows")) > 0)
                return 0;
        return ovsdb_transact(db,
                              json_pack("[{s:s, s:s, s:{s:[s, [[s, s]]]}}]", "op", "insert",
                                        "table", "Open_vSwitch", "row", "other_config", "map",
                                        "userspace-tso-enable", "true"),
                              NULL, err);
}
