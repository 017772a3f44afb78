/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/str.h"
#include "cli/env_file.h"
#include "test.h"

/* Writes a file for one test; its name is the caller's. */
static char *write_file(const char *text) {
        char *path = strdup("/tmp/test-env-XXXXXX");
        int fd = mkstemp(path);

        expect(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t) strlen(text));
        close(fd);
        return path;
}

TEST(file_first_then_options) {
        autofree char *path = write_file("# comment\n\nA=1\r\n B=with blanks \nPASSED\n");
        const char *const files[] = { path, NULL }, *const given[] = { "A=2", "GONE", NULL };
        autostrv env = NULL;

        setenv("PASSED", "on", 1);
        unsetenv("GONE");
        expect_ok(env_read(files, given, &env, NULL));
        unlink(path);
        expect(strv_length(env) == 5);
        expect_str(env[0], "A=1");
        expect_str(env[1], "B=with blanks ");
        expect_str(env[2], "PASSED=on");
        expect_str(env[3], "A=2");
        expect_str(env[4], "GONE");
}

TEST(bad_lines_are_named) {
        autofree char *path = write_file("A=1\nB C=2\n"), *wanted = NULL;
        const char *const files[] = { path, NULL };
        autostrv env = NULL;
        autoerr err = {};

        expect(env_read(files, NULL, &env, &err) == -EINVAL);
        unlink(path);
        wanted = str_format("%s:2: name 'B C' has blanks in it", path);
        expect_str(err.message, wanted);
}

TEST(labels_without_value_are_empty) {
        const char *const given[] = { "a=1", "b", "a=2", NULL };
        autostrv labels = NULL;

        expect_ok(labels_read(NULL, given, &labels, NULL));
        expect(strv_length(labels) == 2);
        expect_str(labels[0], "a=2");
        expect_str(labels[1], "b=");
}

TEST(nameless_is_refused) {
        const char *const given[] = { "=1", NULL };
        autostrv env = NULL;
        autoerr err = {};

        expect(env_read(NULL, given, &env, &err) == -EINVAL);
        expect_str(err.message, "variable '=1' has no name");
}
