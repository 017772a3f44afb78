/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/file.h"
#include "kernel/subid.h"
#include "test.h"

static size_t read_text(const char *text, IdRange **ret) {
        char path[] = "/tmp/test-subid-XXXXXX";
        int file = mkstemp(path);
        size_t n = 0;

        expect(file >= 0 && fd_write_all(file, text, strlen(text)) >= 0);
        close(file);
        expect(subid_read(path, 54321, ret, &n) == 0);
        unlink(path);
        return n;
}

TEST(ranges_are_found_by_number_in_the_files_order) {
        autofree IdRange *ranges = NULL;

        expect(read_text("54321:700000:1000\nroot:1:2\n54321:100:10\n", &ranges) == 2);
        expect(ranges[0].outside == 700000 && ranges[0].count == 1000);
        expect(ranges[1].outside == 100 && ranges[1].count == 10);
}

TEST(lines_that_are_none_are_passed_over) {
        autofree IdRange *ranges = NULL;

        expect(read_text("\n54321\n54321:\n54321:1:\n54321:x:5\n54321:5:0\n54321:9:-1\n"
                         "54321:99999999999:5\n54321:3:4",
                         &ranges) == 1);
        expect(ranges[0].outside == 3 && ranges[0].count == 4);
}

TEST(who_is_named_by_his_session_alone_is_found) {
        autofree IdRange *ranges = NULL;

        setenv("LOGNAME", "nobody-knows-me", 1);
        expect(read_text("nobody-knows-me:5000:10\n", &ranges) == 1);
        expect(ranges[0].outside == 5000);
}

TEST(without_the_file_there_are_none) {
        autofree IdRange *ranges = NULL;
        size_t n = 1;

        expect(subid_read("/nonexistent/subuid", 54321, &ranges, &n) == 0 && n == 0);
}
