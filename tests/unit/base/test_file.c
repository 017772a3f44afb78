/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <sys/stat.h>

#include "base/auto.h"
#include "base/file.h"
#include "test.h"

TEST_IN(tree_is_removed_without_following_links, CLONE_NEWNS) {
        autofree char *text = NULL;

        expect(mount("none", "/mnt", "tmpfs", 0, NULL) == 0);
        expect_ok(dir_make(AT_FDCWD, "/mnt/a/b/c", 0700));
        expect_ok(file_create(AT_FDCWD, "/mnt/keep", "x", 1, 0600));
        expect(symlink("/mnt/keep", "/mnt/a/b/link") == 0);
        expect(file_create(AT_FDCWD, "/mnt/keep", "x", 1, 0600) == -EEXIST);
        expect_ok(tree_remove(AT_FDCWD, "/mnt/a"));
        expect(access("/mnt/a", F_OK) < 0);
        expect_ok(file_read(AT_FDCWD, "/mnt/keep", 10, &text, NULL));
        expect_str(text, "x");
        expect(file_read(AT_FDCWD, "/mnt/keep", 0, &text, NULL) == -EFBIG);
}

TEST_IN(lock_goes_with_its_descriptor, CLONE_NEWNS) {
        autoclose int dir = -EBADF, lock = -EBADF;

        expect(mount("none", "/mnt", "tmpfs", 0, NULL) == 0);
        dir = expect_ok(dir_open(AT_FDCWD, "/mnt/x", 0700));
        lock = expect_ok(lock_dir(dir, false));
        expect(lock_dir(dir, false) == -EAGAIN);
        lock = close_fd(lock);
        lock = expect_ok(lock_dir(dir, false));
}

TEST_IN(owner_is_named_in_one_step, CLONE_NEWNS) {
        autofree char *owner = NULL;

        expect(mount("none", "/mnt", "tmpfs", 0, NULL) == 0);
        expect(owner_read(AT_FDCWD, "/mnt/name", &owner) == -ENOENT);
        expect_ok(owner_create(AT_FDCWD, "/mnt/name", "0123abcd"));
        expect(owner_create(AT_FDCWD, "/mnt/name", "4567") == -EEXIST);
        expect_ok(owner_read(AT_FDCWD, "/mnt/name", &owner));
        expect_str(owner, "0123abcd");
}
