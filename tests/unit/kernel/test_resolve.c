/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <sys/stat.h>

#include "base/auto.h"
#include "kernel/resolve.h"
#include "test.h"

/* /mnt/root is the root, /mnt/secret lies outside. */
static int make_root(void) {
        int root;

        expect(mount("tmpfs", "/mnt", "tmpfs", 0, NULL) == 0);
        expect(system("mkdir -p /mnt/root/etc /mnt/root/a/b; echo s > /mnt/secret; "
                      "echo r > /mnt/root/secret; ln -s /secret /mnt/root/absolute; "
                      "ln -s ../../../secret /mnt/root/a/relative; ln -s /run/x /mnt/root/dangling; "
                      "ln -s loop /mnt/root/loop") == 0);
        root = open("/mnt/root", O_PATH | O_DIRECTORY | O_CLOEXEC);
        expect(root >= 0);
        return root;
}

static void expect_inside(int root, const char *path) {
        autoclose int file = expect_ok(resolve_open(root, path, O_RDONLY));
        char c;

        expect(read(file, &c, 1) == 1 && c == 'r');
}

TEST_IN(links_and_dots_stay_inside, CLONE_NEWNS) {
        autoclose int root = make_root();

        expect_inside(root, "/secret");
        expect_inside(root, "absolute");
        expect_inside(root, "a/relative");
        expect_inside(root, "../../secret");
        expect_inside(root, "/a/b/../../../../secret");
}

TEST_IN(missing_directories_and_files_are_made, CLONE_NEWNS) {
        autoclose int root = make_root();
        int directory = expect_ok(resolve_make(root, "/x/y/z", true));
        int file = expect_ok(resolve_make(root, "x/f", false));
        struct stat st;

        close(directory);
        close(file);
        expect(stat("/mnt/root/x/y/z", &st) == 0 && S_ISDIR(st.st_mode));
        expect(stat("/mnt/root/x/f", &st) == 0 && S_ISREG(st.st_mode));
}

TEST_IN(place_behind_a_dangling_link_is_made_inside, CLONE_NEWNS) {
        autoclose int root = make_root();
        int made = expect_ok(resolve_make(root, "/dangling/deep", true));

        close(made);
        expect(access("/mnt/root/run/x/deep", F_OK) == 0);
        expect(access("/run/x", F_OK) < 0);
}

TEST_IN(what_exists_is_taken_as_it_is, CLONE_NEWNS) {
        autoclose int root = make_root();
        autoclose int made = expect_ok(resolve_make(root, "/a/b", true));
        struct stat st, there;

        expect(fstat(made, &st) == 0 && stat("/mnt/root/a/b", &there) == 0);
        expect(st.st_ino == there.st_ino);
        expect(resolve_make(root, "/a/b", false) == -EISDIR);
        expect(resolve_make(root, "/secret", true) == -ENOTDIR);
        expect(resolve_make(root, "/secret/x", true) == -ENOTDIR);
}

TEST_IN(link_that_leads_to_itself_is_an_error, CLONE_NEWNS) {
        autoclose int root = make_root();

        expect(resolve_make(root, "/loop/x", true) == -ELOOP);
}
