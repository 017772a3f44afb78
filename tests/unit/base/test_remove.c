/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "base/file.h"
#include "base/remove.h"
#include "base/str.h"
#include "test.h"

#define DIRECTORIES 40
#define FILES       300

static void make_files(const char *directory, int n) {
        autoclose int dir = expect_ok(dir_open(AT_FDCWD, directory, 0700));

        for (int i = 0; i < n; i++) {
                autofree char *name = str_format("file-%d", i);

                expect_ok(file_create(dir, name, "", 0, 0600));
        }
}

TEST_IN(many_directories_are_removed, CLONE_NEWNS) {
        expect(mount("none", "/mnt", "tmpfs", 0, NULL) == 0);
        for (int i = 0; i < DIRECTORIES; i++) {
                autofree char *path = str_format("/mnt/a/%d/%d/x", i % 5, i);

                make_files(path, FILES / 10);
        }
        make_files("/mnt/a/flat", 20 * FILES);
        expect_ok(dir_make(AT_FDCWD, "/mnt/a/1/2/3/4/5/6/7/8/9", 0700));
        expect_ok(tree_remove_large(AT_FDCWD, "/mnt/a"));
        expect(access("/mnt/a", F_OK) < 0);
}

TEST_IN(links_are_not_followed, CLONE_NEWNS) {
        expect(mount("none", "/mnt", "tmpfs", 0, NULL) == 0);
        make_files("/mnt/keep", FILES);
        make_files("/mnt/a/b", FILES);
        expect(symlink("/mnt/keep", "/mnt/a/b/link") == 0);
        expect(symlink("/mnt/keep", "/mnt/link") == 0);
        expect_ok(tree_remove_large(AT_FDCWD, "/mnt/a"));
        expect_ok(tree_remove_large(AT_FDCWD, "/mnt/link"));
        expect(access("/mnt/a", F_OK) < 0 && access("/mnt/link", F_OK) < 0);
        expect(access("/mnt/keep/file-0", F_OK) == 0);
}

TEST_IN(a_file_and_nothing_are_removed, CLONE_NEWNS) {
        expect(mount("none", "/mnt", "tmpfs", 0, NULL) == 0);
        expect_ok(file_create(AT_FDCWD, "/mnt/file", "x", 1, 0600));
        expect_ok(tree_remove_large(AT_FDCWD, "/mnt/file"));
        expect(access("/mnt/file", F_OK) < 0);
        expect_ok(tree_remove_large(AT_FDCWD, "/mnt/nothing"));
}

TEST_IN(what_cannot_be_removed_keeps_nothing_else, CLONE_NEWNS) {
        struct stat st;

        expect(mount("none", "/mnt", "tmpfs", 0, NULL) == 0);
        make_files("/mnt/a/b/busy", 1);
        make_files("/mnt/a/b/c", FILES);
        make_files("/mnt/a/d", FILES);
        /* A mount point in this namespace cannot go (unlink(2), rmdir(2): EBUSY). */
        expect(mount("none", "/mnt/a/b/busy", "tmpfs", 0, NULL) == 0);
        expect(tree_remove_large(AT_FDCWD, "/mnt/a") == -EBUSY);
        expect(access("/mnt/a/b/c", F_OK) < 0 && access("/mnt/a/d", F_OK) < 0);
        expect(stat("/mnt/a/b/busy", &st) == 0);
        expect(umount2("/mnt/a/b/busy", 0) == 0);
        expect_ok(tree_remove_large(AT_FDCWD, "/mnt/a"));
        expect(stat("/mnt/a", &st) < 0);
}
