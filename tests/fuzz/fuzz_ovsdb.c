/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What a switch's database sends: where a message ends, and what is in a reply. */

#include <jansson.h>

#include "fuzz.h"
#include "openflow/ovsdb.h"

/* As the readers of interfaces and uuids go through a result. */
static void read_values(const json_t *results) {
        const json_t *result, *row, *value;
        const char *column;
        size_t i, j;

        json_array_foreach(results, i, result) {
                const json_t *rows = json_object_get(result, "rows");

                json_array_foreach(rows, j, row) {
                        json_object_foreach((json_t *) row, column, value) {
                                must(ovsdb_element(value, 0) || !ovsdb_element(value, 1));
                                (void) ovsdb_integer(value, 0);
                                (void) ovsdb_text(value);
                                (void) ovsdb_uuid(value);
                                (void) ovsdb_map_get(value, column);
                        }
                }
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const char *bytes = (const char *) data;
        OvsdbFrame whole = {}, parts = {};
        json_t *results = NULL;
        autoerr err = {};
        size_t length = 0, other = 0;
        int r = ovsdb_frame(&whole, bytes, size, &length), s = -EAGAIN;

        /* It does not matter in which pieces the bytes come. */
        for (size_t n = 1; n <= size && s == -EAGAIN; n++)
                s = ovsdb_frame(&parts, bytes, n, &other);
        must(r == s && length == other && length <= size);
        if (r < 0)
                return 0;
        r = ovsdb_read_reply(bytes, length, 1, 1, &results, &err);
        must_agree(r, &err);
        must((r >= 0) == (results != NULL));
        if (r > 0)
                read_values(results);
        ovsdb_drop(results);
        return 0;
}
