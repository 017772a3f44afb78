/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/auto.h"
#include "base/file.h"
#include "store/inroot.h"
#include "test.h"

static void cleans(const char *name, const char *wanted) {
        autofree char *copy = strdup(name);

        expect_ok(inroot_clean(copy));
        expect_str(copy, wanted);
}

TEST(names_are_brought_into_one_form) {
        cleans("a/b", "a/b");
        cleans("./a//b/./c/", "a/b/c");
        cleans("/etc", "etc");
        cleans("./", "");
        cleans("/", "");
        cleans("...", "...");
        cleans("a/..b", "a/..b");
}

TEST(dots_are_refused) {
        static const char *const bad[] = { "..", "../a", "a/..", "/a/../b", "a//../b" };

        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
                autofree char *copy = strdup(bad[i]);

                expect(inroot_clean(copy) == -EINVAL);
        }
}

TEST_IN(missing_directories_are_made_and_dated, CLONE_NEWNS) {
        const InRootOwner owner = { .mtime = { .tv_sec = 1000 } };
        InRoot tree = { .parent = -EBADF };
        autoclose int root = -EBADF;
        const char *name;
        struct stat st;
        int parent;

        expect(mount("none", "/mnt", "tmpfs", 0, "mode=755") == 0);
        root = open("/mnt", O_RDONLY | O_DIRECTORY);
        tree.root = root;
        parent = expect_ok(inroot_parent(&tree, "a/b/c", &owner, &name, NULL));
        expect_str(name, "c");
        expect_ok(file_create(parent, name, "x", 1, 0644));
        expect(inroot_parent(&tree, "a/b/d", &owner, &name, NULL) == parent);
        expect_ok(inroot_finish(&tree, NULL));
        inroot_clear(&tree);
        expect(stat("/mnt/a/b", &st) == 0 && st.st_mtime == 1000 && (st.st_mode & 07777) == 0755);
}

TEST_IN(a_file_is_no_directory, CLONE_NEWNS) {
        const InRootOwner owner = {};
        InRoot tree = { .parent = -EBADF };
        autoclose int root = -EBADF;
        autoerr err = {};
        const char *name;

        expect(mount("none", "/mnt", "tmpfs", 0, "mode=755") == 0);
        root = open("/mnt", O_RDONLY | O_DIRECTORY);
        tree.root = root;
        expect_ok(file_create(root, "f", "x", 1, 0644));
        expect(inroot_parent(&tree, "f/x", &owner, &name, &err) == -ENOTDIR);
        expect_str(err.message, "cannot open the directory '/f': Not a directory");
        inroot_clear(&tree);
}
