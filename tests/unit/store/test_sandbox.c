/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/auto.h"
#include "base/file.h"
#include "base/str.h"
#include "libexec.h"
#include "store/sandbox.h"
#include "test.h"

/* A directory that can be idmapped, which takes real root, in a mount namespace of our own. */
static void set_up(void) {
        if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 ||
            mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                skip("needs root");
        if (syscall(SYS_mount_setattr, -1, "", 0, NULL, 0) < 0 && errno == ENOSYS)
                skip("this kernel cannot map the owners of layers");
        test_scratch("/mnt");
        expect(mkdir("/mnt/diff", 0755) == 0 && mkdir("/mnt/work", 0700) == 0);
        expect(mkdir("/mnt/lower", 0755) == 0 && mkdir("/mnt/source", 0755) == 0);
        use_helper();
}

static void make(const char *path, const char *text) {
        expect_ok(file_create(AT_FDCWD, path, text, strlen(text), 0644));
}

static void holds(const char *path, const char *wanted) {
        autofree char *text = NULL;

        expect_ok(file_read(AT_FDCWD, path, 4096, &text, NULL));
        expect_str(text, wanted);
}

static void tries(const char *what, const char *message) {
        const TreeView view = { .upper = "/mnt/diff", .work = "/mnt/work" };
        HelperRequest request = { .verb = (char *) "try", .dest = (char *) what };
        const SandboxJob job = { .view = &view, .archive = -EBADF, .request = &request };
        autoerr err = {};

        expect(sandbox_run(&job, NULL, &err) < 0);
        expect_str(err.message, message);
}

TEST(the_sandbox_has_no_files_but_the_tree) {
        set_up();
        make("/mnt/diff/mine", "x");
        tries("/etc/passwd", "cannot open '/etc/passwd': No such file or directory");
        tries("/proc/self/status", "cannot open '/proc/self/status': No such file or directory");
        tries("/../../../etc/passwd",
              "cannot open '/../../../etc/passwd': No such file or directory");
        tries("/mine", "'/mine' worked");
}

TEST(forbidden_calls_end_the_helper) {
        set_up();
        tries("socket", "the image helper was ended by signal 31 (Bad system call)");
        tries("exec", "the image helper was ended by signal 31 (Bad system call)");
        tries("mount", "the image helper was ended by signal 31 (Bad system call)");
        tries("kill", "the image helper was ended by signal 31 (Bad system call)");
}

TEST(clocks_can_be_read_where_that_takes_a_call) {
        set_up();
        tries("clock", "'clock' worked");
}

TEST(what_is_no_archive_is_refused_through_the_sandbox) {
        const TreeView view = { .upper = "/mnt/diff", .work = "/mnt/work" };
        autoclose int archive = -EBADF;
        TreeReport report = {};
        autoerr err = {};

        set_up();
        make("/mnt/noise", "this is surely no archive");
        archive = open("/mnt/noise", O_RDONLY);
        expect(tree_unpack(&view, archive, UNPACK_FLAT, "/", 0, &report, &err) == -EBADMSG);
        expect_str(err.message, "this is no tar archive");
}

TEST(files_are_copied_below_a_merged_view) {
        char *const lowers[] = { (char *) "/mnt/lower", NULL };
        const TreeView view = { .lowers = lowers, .upper = "/mnt/diff", .work = "/mnt/work" };
        TreeItem items[] = { { (char *) "a", (char *) "a" },
                             { (char *) "d", (char *) "d" },
                             { (char *) "d/b", (char *) "d/b" },
                             { (char *) "l", (char *) "l" } };
        TreeCopy copy = { .source_dir = "/mnt/source",
                          .items = items,
                          .n_items = 4,
                          .dest = "/opt/app",
                          .dest_is_dir = true,
                          .owner = "user:staff" };
        TreeReport report = {};
        struct stat st;

        set_up();
        make("/mnt/source/a", "A");
        expect(mkdir("/mnt/source/d", 0750) == 0);
        make("/mnt/source/d/b", "B");
        expect(symlink("a", "/mnt/source/l") == 0);
        expect(chown("/mnt/source/a", 500, 500) == 0);
        expect(mkdir("/mnt/lower/real", 0755) == 0 && symlink("real", "/mnt/lower/opt") == 0);
        expect(mkdir("/mnt/lower/etc", 0755) == 0);
        make("/mnt/lower/etc/passwd", "user:x:1000:1000::/:/bin/sh\n");
        make("/mnt/lower/etc/group", "staff:x:50:user\n");

        expect_ok(tree_copy(&view, &copy, &report, NULL));
        holds("/mnt/diff/real/app/a", "A");
        holds("/mnt/diff/real/app/d/b", "B");
        expect(stat("/mnt/diff/real/app/a", &st) == 0 && st.st_uid == 1000 && st.st_gid == 50);
        expect(stat("/mnt/diff/real/app/d", &st) == 0 && (st.st_mode & 07777) == 0750);
        expect(lstat("/mnt/diff/real/app/l", &st) == 0 && S_ISLNK(st.st_mode));
        expect(report.entries == 4 && report.bytes == 2);
        expect(access("/mnt/lower/real/app", F_OK) < 0);
}

TEST(one_file_goes_to_a_name_or_into_a_directory) {
        const TreeView view = { .upper = "/mnt/diff", .work = "/mnt/work" };
        TreeItem item = { (char *) "a", (char *) "" };
        TreeCopy copy = {
                .source_dir = "/mnt/source", .items = &item, .n_items = 1, .mode = "600"
        };
        struct stat st;

        set_up();
        make("/mnt/source/a", "A");
        expect(chown("/mnt/source/a", 500, 500) == 0);
        expect(mkdir("/mnt/diff/there", 0755) == 0);
        copy.dest = "/new/name";
        expect_ok(tree_copy(&view, &copy, NULL, NULL));
        holds("/mnt/diff/new/name", "A");
        copy.dest = "/there";
        expect_ok(tree_copy(&view, &copy, NULL, NULL));
        expect(stat("/mnt/diff/there/a", &st) == 0 && (st.st_mode & 07777) == 0600 && !st.st_uid);
}

TEST(patterns_copy_from_another_stage_with_owners) {
        char *const lowers[] = { (char *) "/mnt/lower", NULL };
        char *const patterns[] = { (char *) "/bin/*.sh", NULL }, *const whole[] = { (char *) "/bin",
                                                                                    NULL };
        char *const missing[] = { (char *) "/nothing", NULL };
        const TreeView view = { .upper = "/mnt/diff", .work = "/mnt/work" };
        TreeCopy copy = {
                .source_lowers = lowers, .patterns = patterns, .dest = "/x/", .dest_is_dir = true
        };
        autoerr err = {};
        struct stat st;

        set_up();
        expect(mkdir("/mnt/lower/bin", 0755) == 0 && mkdir("/mnt/lower/bin/sub", 0755) == 0);
        make("/mnt/lower/bin/a.sh", "A");
        make("/mnt/lower/bin/b", "B");
        make("/mnt/lower/bin/sub/c", "C");
        expect(chown("/mnt/lower/bin/a.sh", 7, 8) == 0);
        expect_ok(tree_copy(&view, &copy, NULL, NULL));
        expect(stat("/mnt/diff/x/a.sh", &st) == 0 && st.st_uid == 7 && st.st_gid == 8);
        expect(access("/mnt/diff/x/b", F_OK) < 0);
        copy.patterns = whole;
        expect_ok(tree_copy(&view, &copy, NULL, NULL));
        holds("/mnt/diff/x/sub/c", "C");
        copy.patterns = missing;
        expect(tree_copy(&view, &copy, NULL, &err) == -ENOENT);
        expect_str(err.message, "there is no '/nothing' to copy");
}
