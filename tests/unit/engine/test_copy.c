/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"
#include "engine/copy.h"
#include "test.h"

/* A stream that holds a directory with one file, "victim". */
static int make_stream(char directory[], Err *err) {
        int stream = memfd_create("stream", MFD_CLOEXEC);
        autofree char *file = NULL;

        expect(mkdtemp(directory) != NULL && stream >= 0);
        file = str_format("%s/victim", directory);
        expect_ok(file_create(AT_FDCWD, file, "text", 4, 0640));
        expect_ok(copy_send(stream, directory, false, err));
        expect(lseek(stream, 0, SEEK_SET) == 0);
        return stream;
}

static void rename_in(int stream, const char *name) {
        char bytes[8192];
        ssize_t n = pread(stream, bytes, sizeof bytes, 0);
        char *at = n > 0 ? memmem(bytes, (size_t) n, "victim", 7) : NULL;

        expect(at != NULL);
        memset(at, 0, 7);
        memcpy(at, name, strlen(name));
        expect(pwrite(stream, bytes, (size_t) n, 0) == n);
}

TEST(a_tree_arrives_as_it_was_sent) {
        char from[] = "/tmp/copy-XXXXXX", to[] = "/tmp/copy-XXXXXX";
        autoerr err = {};
        autoclose int stream = make_stream(from, &err);
        autofree char *file = NULL, *text = NULL;
        struct stat st;

        expect(mkdtemp(to) != NULL);
        expect_ok(copy_receive(stream, &(CopyTarget){ .path = to, .name = "tree" }, &err));
        file = str_format("%s/tree/victim", to);
        expect_ok(file_read(AT_FDCWD, file, 100, &text, NULL));
        expect_str(text, "text");
        expect(stat(file, &st) == 0 && (st.st_mode & 0777) == 0640);
        expect_ok(tree_remove(AT_FDCWD, from));
        expect_ok(tree_remove(AT_FDCWD, to));
}

TEST(a_stream_can_name_nothing_but_entries) {
        static const char *const names[] = { "../up", "..", ".", "a/b", "/tmp", "" };

        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
                char from[] = "/tmp/copy-XXXXXX", to[] = "/tmp/copy-XXXXXX";
                autoerr err = {};
                autoclose int stream = make_stream(from, &err);

                expect(mkdtemp(to) != NULL);
                rename_in(stream, names[i]);
                expect(copy_receive(stream, &(CopyTarget){ .path = to, .name = "tree" }, &err) < 0);
                expect_str(err.message, "what the other side says makes no sense");
                expect_ok(tree_remove(AT_FDCWD, from));
                expect_ok(tree_remove(AT_FDCWD, to));
        }
}

TEST(a_stream_that_ends_early_is_told) {
        char from[] = "/tmp/copy-XXXXXX", to[] = "/tmp/copy-XXXXXX";
        autoerr err = {};
        autoclose int stream = make_stream(from, &err);
        struct stat st;

        expect(mkdtemp(to) != NULL && fstat(stream, &st) == 0);
        expect(ftruncate(stream, st.st_size - 1) == 0);
        expect(copy_receive(stream, &(CopyTarget){ .path = to, .name = "tree" }, &err) < 0);
        expect_str(err.message, "the other side has ended before all was copied");
        expect_ok(tree_remove(AT_FDCWD, from));
        expect_ok(tree_remove(AT_FDCWD, to));
}
