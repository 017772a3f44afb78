/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <jansson.h>

#include "base/str.h"
#include "cli/format.h"
#include "test.h"

static const Column columns[] = {
        { "CONTAINER ID", "ID" },
        { "NAMES", "Names" },
        { "SIZE", "Size", .optional = true },
        {},
};

static json_t *two_rows(void) {
        return json_pack("[{s:s,s:s,s:s,s:{s:s}},{s:s,s:s,s:s,s:{}}]", "Names", "web", "ID",
                         "0123456789ab", "Size", "1MB", ".Label", "com.x", "yes", "Names", "db",
                         "ID", "ba9876543210", "Size", "2MB", ".Label");
}

/* Expects what format_rows() prints of two rows. */
static void expect_rows(const char *format, const char *wanted) {
        FILE *file = tmpfile();
        char text[4096] = {};
        autoerr err = {};
        json_t *rows = two_rows();
        int saved = dup(1);

        fflush(stdout);
        dup2(fileno(file), 1);
        expect_ok(format_rows(columns, rows, format, &err));
        fflush(stdout);
        dup2(saved, 1);
        rewind(file);
        expect(fread(text, 1, sizeof text - 1, file) > 0);
        fclose(file);
        close(saved);
        json_decref(rows);
        expect_str(text, wanted);
}

TEST(default_table_leaves_optional_columns_out) {
        expect_rows(NULL, "CONTAINER ID   NAMES\n"
                          "0123456789ab   web\n"
                          "ba9876543210   db\n");
}

TEST(json_rows_are_sorted) {
        expect_rows("json", "{\"ID\":\"0123456789ab\",\"Names\":\"web\",\"Size\":\"1MB\"}\n"
                            "{\"ID\":\"ba9876543210\",\"Names\":\"db\",\"Size\":\"2MB\"}\n");
        expect_rows("{{json .Names}}", "\"web\"\n\"db\"\n");
}

TEST(table_of_a_template_has_a_heading) {
        expect_rows("table {{.Names}}\\t{{.Size}}", "NAMES     SIZE\n"
                                                    "web       1MB\n"
                                                    "db        2MB\n");
        expect_rows("{{.Names}}\\t{{.Size}}", "web\t1MB\ndb\t2MB\n");
}

TEST(labels_are_asked_by_key) {
        expect_rows("table {{.Names}}\t{{.Label \"com.x\"}}",
                    "NAMES     x\nweb       yes\ndb        \n");
}

TEST(unknown_field_names_those_there_are) {
        json_t *rows = two_rows();
        autoerr err = {};

        expect(format_rows(columns, rows, "{{.Nmaes}}", &err) == -EINVAL);
        json_decref(rows);
        expect_str(err.message, "cannot use this --format: template: :1:2: executing \"\" at "
                                "<.Nmaes>: map has no entry for key \"Nmaes\"");
        expect_str(err.hint, "fields are: ID Names Size");
}
