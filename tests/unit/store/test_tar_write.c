/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/auto.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/str.h"
#include "store/tar.h"
#include "store/tar_write.h"
#include "test.h"

static int collect(void *context, const void *bytes, size_t n) {
        str_put_bytes(context, bytes, n);
        return 0;
}

static void make(const char *path, const char *text) {
        expect_ok(file_create(AT_FDCWD, path, text, strlen(text), 0644));
}

static void make_tree(const char *root) {
        test_scratch(root);
        expect(chdir(root) == 0);
        make("b", "bee");
        expect(mkdir("a", 0755) == 0 && mkdir("a-b", 0700) == 0);
        make("a/z", "");
        expect(mknod("a/gone", S_IFCHR, makedev(0, 0)) == 0);
        expect(link("b", "c") == 0 && symlink("b", "d") == 0);
}

/* Sets the times of everything there, so that two trees differ in nothing. */
static void date(void) {
        const char *const all[] = { "b", "a/z", "a/gone", "d", "a", "a-b", "." };
        const struct timespec then[2] = { { 1000, 5 }, { 1000, 999999999 } };

        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
                expect(utimensat(AT_FDCWD, all[i], then, AT_SYMLINK_NOFOLLOW) == 0);
}

static void write_here(Str *s, int64_t latest) {
        autoclose int root = open(".", O_RDONLY | O_DIRECTORY);

        expect_ok(tar_write(root, latest, collect, s, NULL));
        expect(!s->failed && s->length % TAR_BLOCK == 0);
}

/* Names, types and links of an archive's entries in order, as "name type link\n". */
static void describe(const Str *tar, Str *out) {
        for (size_t at = 0; at + TAR_BLOCK <= tar->length;) {
                const TarHeader *h = (const void *) (tar->text + at);
                size_t size = strtoul(h->size, NULL, 8);

                if (!h->name[0])
                        return;
                str_printf(out, "%s%s%.100s %c%s%.100s\n", h->prefix, *h->prefix ? "/" : "",
                           h->name, h->type, *h->link ? " " : "", h->link);
                at += TAR_BLOCK + (size + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
        }
}

TEST_IN(entries_come_in_bytewise_order_whiteouts_first, CLONE_NEWNS) {
        autostr tar = {}, words = {};

        make_tree("/mnt");
        write_here(&tar, TAR_NO_CLAMP);
        describe(&tar, &words);
        expect_str(words.text, "a/ 5\na/.wh.gone 0\na/z 0\na-b/ 5\nb 0\nc 1 b\nd 2 b\n");
}

TEST_IN(the_same_tree_gives_the_same_bytes, CLONE_NEWNS) {
        autostr one = {}, two = {};

        make_tree("/mnt");
        date();
        write_here(&one, TAR_NO_CLAMP);
        make_tree("/srv");
        date();
        write_here(&two, TAR_NO_CLAMP);
        expect(one.length == two.length && memcmp(one.text, two.text, one.length) == 0);
}

TEST_IN(times_are_clamped, CLONE_NEWNS) {
        autostr one = {}, two = {};

        make_tree("/mnt");
        date();
        write_here(&one, 500);
        expect(memmem(one.text, one.length, "00000000764", 11)); /* 500 */
        write_here(&two, 1000);
        expect(memmem(two.text, two.length, "00000001750", 11));
}

TEST_IN(an_opaque_directory_is_marked_and_overlay_names_are_dropped, CLONE_NEWNS) {
        autostr tar = {}, words = {};

        make_tree("/mnt");
        expect(setxattr("a", "user.overlay.opaque", "y", 1, 0) == 0);
        expect(setxattr("a", "user.overlay.origin", "o", 1, 0) == 0);
        expect(setxattr("a/z", "user.kept", "1", 1, 0) == 0);
        write_here(&tar, TAR_NO_CLAMP);
        describe(&tar, &words);
        expect(strstr(words.text, "a/.wh..wh..opq 0\na/.wh.gone 0\nPaxHeaders x\na/z 0\n"));
        expect(memmem(tar.text, tar.length, "29 SCHILY.xattr.user.kept=1\n", 28) ||
               memmem(tar.text, tar.length, "28 SCHILY.xattr.user.kept=1\n", 28));
        expect(!memmem(tar.text, tar.length, "user.overlay", 12));
}

TEST_IN(a_long_name_gets_a_pax_record, CLONE_NEWNS) {
        char name[200];
        autostr tar = {};

        make_tree("/mnt");
        memset(name, 'n', sizeof name);
        name[199] = 0;
        make(name, "");
        write_here(&tar, TAR_NO_CLAMP);
        expect(memmem(tar.text, tar.length, "209 path=nnnn", 13));
}

TEST_IN(a_name_that_means_a_whiteout_is_refused, CLONE_NEWNS) {
        autoclose int root = -EBADF;
        autoerr err = {};
        autostr tar = {};

        make_tree("/mnt");
        make(".wh.x", "");
        root = open(".", O_RDONLY | O_DIRECTORY);
        expect(tar_write(root, TAR_NO_CLAMP, collect, &tar, &err) == -EINVAL);
        expect_str(err.message, "'//.wh.x': a layer cannot hold a name that begins with '.wh.'");
}

TEST(source_date_epoch_is_a_number) {
        autoerr err = {};
        int64_t latest;

        setenv("SOURCE_DATE_EPOCH", "1700000000", 1);
        expect_ok(source_date_epoch(&latest, NULL));
        expect(latest == 1700000000);
        setenv("SOURCE_DATE_EPOCH", "yesterday", 1);
        expect(source_date_epoch(&latest, &err) == -EINVAL);
        unsetenv("SOURCE_DATE_EPOCH");
        expect_ok(source_date_epoch(&latest, NULL));
        expect(latest == TAR_NO_CLAMP);
}
