/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <stdlib.h>
#include <time.h>

#include "base/file.h"
#include "base/str.h"
#include "builder/filehash.h"
#include "test.h"

static Home *make_home(char *root) {
        Home *home = NULL;
        autoerr err = {};
        autofree char *data = NULL, *run = NULL;

        expect(mkdtemp(root));
        data = str_format("%s/data", root);
        run = str_format("%s/run", root);
        expect_ok(home_open(data, run, &home, &err));
        return home;
}

static void write_file(const char *root, const char *text) {
        autofree char *path = str_format("%s/file", root);

        expect_ok(file_replace(AT_FDCWD, path, text, strlen(text), 0644, false));
}

static int open_file(const char *root, struct stat *st) {
        autofree char *path = str_format("%s/file", root);
        int file = open(path, O_RDONLY | O_CLOEXEC);

        expect(file >= 0 && fstat(file, st) == 0);
        return file;
}

TEST(a_settled_file_is_remembered) {
        char root[] = "/tmp/isola-test-filehash-XXXXXX";
        Home *home = make_home(root);
        FileHashes *hashes = filehashes_load(home, "/context");
        char first[DIGEST_HEX_LENGTH], again[DIGEST_HEX_LENGTH], wanted[DIGEST_LENGTH + 1];
        struct timespec moment = { .tv_nsec = 50000000 };
        struct stat st;
        int file;

        write_file(root, "hello");
        nanosleep(&moment, NULL);
        file = open_file(root, &st);
        expect(!filehash_known(hashes, &st, again));
        expect_ok(filehash_get(hashes, file, &st, first));
        digest_of("hello", 5, wanted);
        expect(memcmp(first, digest_hex(wanted), sizeof first) == 0);
        expect(filehash_known(hashes, &st, again));

        filehashes_free(hashes);
        hashes = filehashes_load(home, "/context");
        expect(filehash_known(hashes, &st, again) && memcmp(first, again, sizeof first) == 0);
        st.st_size++;
        expect(!filehash_known(hashes, &st, again));
        st.st_size--;
        st.st_ctim.tv_nsec ^= 1;
        expect(!filehash_known(hashes, &st, again));
        filehashes_free(hashes);

        hashes = filehashes_load(home, "/other");
        st.st_ctim.tv_nsec ^= 1;
        expect(!filehash_known(hashes, &st, again));
        filehashes_free(hashes);
        expect_ok(tree_remove(AT_FDCWD, root));
        home_free(home);
        close(file);
}

TEST(a_file_that_has_just_changed_is_not_remembered) {
        char root[] = "/tmp/isola-test-filehash-XXXXXX";
        Home *home = make_home(root);
        FileHashes *hashes = filehashes_load(home, "/context");
        char hash[DIGEST_HEX_LENGTH];
        struct timespec now;
        struct stat st;
        int file;

        write_file(root, "hello");
        file = open_file(root, &st);
        clock_gettime(CLOCK_REALTIME, &now);
        st.st_ctim = now;
        expect_ok(filehash_get(hashes, file, &st, hash));
        expect(!filehash_known(hashes, &st, hash));

        /* On a file system with whole seconds a moment is longer. */
        st.st_ctim = (struct timespec){ .tv_sec = now.tv_sec - 1 };
        expect_ok(filehash_get(hashes, file, &st, hash));
        expect(!filehash_known(hashes, &st, hash));
        filehashes_free(hashes);
        expect_ok(tree_remove(AT_FDCWD, root));
        home_free(home);
        close(file);
}

TEST(many_and_damaged_records) {
        char root[] = "/tmp/isola-test-filehash-XXXXXX";
        Home *home = make_home(root);
        FileHashes *hashes = filehashes_load(home, "/context");
        char hash[DIGEST_HEX_LENGTH], digest[DIGEST_LENGTH + 1];
        autofree char *path = NULL;
        struct stat st;
        int file;

        write_file(root, "x");
        file = open_file(root, &st);
        st.st_ctim.tv_sec -= 100;
        for (ino_t i = 1; i <= 5000; i++) {
                st.st_ino = i;
                expect_ok(filehash_get(hashes, file, &st, hash));
        }
        filehashes_free(hashes);
        hashes = filehashes_load(home, "/context");
        for (ino_t i = 1; i <= 5000; i++) {
                st.st_ino = i;
                expect(filehash_known(hashes, &st, hash));
        }
        filehashes_free(hashes);

        digest_of("/context", 8, digest);
        path = str_format("build-cache/files-%s", digest_hex(digest));
        expect_ok(file_replace(home->data_fd, path, "nonsense", 8, 0600, false));
        hashes = filehashes_load(home, "/context");
        expect(hashes && !filehash_known(hashes, &st, hash));
        filehashes_free(hashes);
        expect_ok(tree_remove(AT_FDCWD, root));
        home_free(home);
        close(file);
}
