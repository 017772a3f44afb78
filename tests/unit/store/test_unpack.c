/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/auto.h"
#include "base/file.h"
#include "base/str.h"
#include "store/tar.h"
#include "store/unpack.h"
#include "test.h"

typedef struct Archive {
        Str bytes;
        size_t at;
} Archive;

static void archive_auto(Archive *a) {
        str_clear(&a->bytes);
}
#define autoarchive __attribute__((__cleanup__(archive_auto))) Archive

static ssize_t give(void *context, void *buffer, size_t n, Err *err) {
        Archive *a = context;

        if (n > a->bytes.length - a->at)
                n = a->bytes.length - a->at;
        if (n)
                memcpy(buffer, a->bytes.text + a->at, n);
        a->at += n;
        return (ssize_t) n;
}

/* @what: the link's target, or a file's contents. */
static void put(Archive *a, const char *name, char type, const char *what) {
        TarHeader h = { .type = type, .magic = "ustar" };
        bool file = type == TAR_FILE;
        const unsigned char *bytes = (const void *) &h;
        char block[TAR_BLOCK] = "";
        unsigned sum = 0;

        memcpy(h.name, name, strlen(name));
        if (!file)
                memcpy(h.link, what, strlen(what));
        snprintf(h.mode, sizeof h.mode, "%07o", type == TAR_DIRECTORY ? 0755 : 0644);
        snprintf(h.uid, sizeof h.uid, "%07o", 0);
        snprintf(h.gid, sizeof h.gid, "%07o", 0);
        snprintf(h.size, sizeof h.size, "%011o", file ? (unsigned) strlen(what) & 0777 : 0);
        snprintf(h.mtime, sizeof h.mtime, "%011o", 1000);
        memset(h.checksum, ' ', sizeof h.checksum);
        for (size_t i = 0; i < sizeof h; i++)
                sum += bytes[i];
        snprintf(h.checksum, sizeof h.checksum, "%06o", sum);
        str_put_bytes(&a->bytes, &h, sizeof h);
        if (file && *what) {
                memcpy(block, what, strlen(what));
                str_put_bytes(&a->bytes, block, sizeof block);
        }
}

/* Unpacks into /mnt, a new tmpfs the first time; 0 or the error, whose words must be @message. */
static int unpack(Archive *a, UnpackMode mode, TreeReport *report, const char *message) {
        static const char zeros[2 * TAR_BLOCK];
        __attribute__((__cleanup__(TarReader_auto))) TarReader *reader = NULL;
        autoclose int root = -EBADF;
        autoerr err = {};
        int r;

        str_put_bytes(&a->bytes, zeros, sizeof zeros);
        root = open("/mnt/root", O_RDONLY | O_DIRECTORY);
        if (root < 0) {
                test_scratch("/mnt");
                expect(mkdir("/mnt/root", 0755) == 0);
                expect_ok(file_create(AT_FDCWD, "/mnt/secret", "secret", 6, 0644));
                root = open("/mnt/root", O_RDONLY | O_DIRECTORY);
        }
        expect_ok(tar_reader_new(give, a, &reader, NULL));
        r = unpack_tar(root, reader, mode, 0, report, &err);
        if (message)
                expect_str(err.message, message);
        return r;
}

static void holds(const char *path, const char *wanted) {
        autofree char *text = NULL;

        expect_ok(file_read(AT_FDCWD, path, 4096, &text, NULL));
        expect_str(text, wanted);
}

TEST_IN(files_directories_and_links_are_made, CLONE_NEWNS) {
        TreeReport report = {};
        autoarchive a = {};
        struct stat st;

        put(&a, "./", TAR_DIRECTORY, "");
        put(&a, "./d/", TAR_DIRECTORY, "");
        put(&a, "./d/f", TAR_FILE, "text");
        put(&a, "./l", TAR_SYMLINK, "d/f");
        put(&a, "./h", TAR_HARDLINK, "./d/f");
        put(&a, "./dev/null", TAR_CHAR_DEVICE, "");
        put(&a, "./p", TAR_FIFO, "");
        expect_ok(unpack(&a, UNPACK_FLAT, &report, NULL));
        holds("/mnt/root/l", "text");
        expect(stat("/mnt/root/h", &st) == 0 && st.st_nlink == 2 && st.st_mtime == 1000);
        expect(stat("/mnt/root/d", &st) == 0 && st.st_mtime == 1000);
        expect(stat("/mnt/root/p", &st) == 0 && S_ISFIFO(st.st_mode));
        expect(report.devices == 1 && report.entries == 7 && report.bytes == 4);
        expect(stat("/mnt/root/dev", &st) == 0);
}

TEST_IN(a_name_with_dots_is_refused, CLONE_NEWNS) {
        TreeReport report = {};
        autoarchive a = {};

        put(&a, "x/../../secret", TAR_FILE, "evil");
        expect(unpack(&a, UNPACK_FLAT, &report,
                      "'x/../../secret' at byte 0 leads out of the archive") == -EINVAL);
        holds("/mnt/secret", "secret");
}

TEST_IN(links_lead_nowhere_but_into_the_tree, CLONE_NEWNS) {
        TreeReport report = {};
        autoarchive a = {};

        put(&a, "up", TAR_SYMLINK, "../../..");
        put(&a, "up/mnt/file", TAR_FILE, "inside");
        put(&a, "abs", TAR_SYMLINK, "/mnt");
        put(&a, "abs/secret", TAR_FILE, "evil");
        put(&a, "/absolute", TAR_FILE, "x");
        expect_ok(unpack(&a, UNPACK_FLAT, &report, NULL));
        holds("/mnt/secret", "secret");
        holds("/mnt/root/mnt/file", "inside");
        holds("/mnt/root/mnt/secret", "evil");
        holds("/mnt/root/absolute", "x");
}

TEST_IN(a_file_never_goes_through_what_has_its_name, CLONE_NEWNS) {
        TreeReport report = {};
        autoarchive a = {};
        struct stat st;

        put(&a, "x", TAR_SYMLINK, "/secret");
        put(&a, "x", TAR_FILE, "new");
        put(&a, "d/e/f", TAR_FILE, "deep");
        put(&a, "d", TAR_FILE, "flat");
        put(&a, "d", TAR_DIRECTORY, "");
        expect_ok(unpack(&a, UNPACK_FLAT, &report, NULL));
        expect(lstat("/mnt/root/x", &st) == 0 && S_ISREG(st.st_mode));
        expect(lstat("/mnt/root/d", &st) == 0 && S_ISDIR(st.st_mode));
        expect(access("/mnt/root/secret", F_OK) < 0);
}

TEST_IN(hard_links_stay_inside, CLONE_NEWNS) {
        TreeReport report = {};
        autoarchive out = {}, link = {}, none = {}, self = {};
        struct stat st;

        put(&out, "h", TAR_HARDLINK, "../secret");
        expect(unpack(&out, UNPACK_FLAT, &report,
                      "'/h' is a hard link to '../secret', out of the tree") == -EINVAL);
        put(&none, "h", TAR_HARDLINK, "/secret");
        expect(unpack(&none, UNPACK_FLAT, &report,
                      "'/h' is a hard link to '/secret', which is not there") == -EBADMSG);
        put(&link, "l", TAR_SYMLINK, "/nowhere");
        put(&link, "h", TAR_HARDLINK, "l");
        expect_ok(unpack(&link, UNPACK_FLAT, &report, NULL));
        expect(lstat("/mnt/root/h", &st) == 0 && S_ISLNK(st.st_mode));
        put(&self, "f", TAR_FILE, "x");
        put(&self, "f", TAR_HARDLINK, "f");
        put(&self, "g", TAR_HARDLINK, "f");
        put(&self, "g", TAR_HARDLINK, "f");
        expect_ok(unpack(&self, UNPACK_FLAT, &report, NULL));
        holds("/mnt/root/f", "x");
}

TEST_IN(whiteouts_become_the_overlays, CLONE_NEWNS) {
        TreeReport report = {};
        autoarchive a = {};
        struct stat st;
        char value[2];

        put(&a, "d/.wh.gone", TAR_FILE, "");
        put(&a, "d/here", TAR_FILE, "x");
        put(&a, "d/.wh.here", TAR_FILE, "");
        put(&a, "o/.wh..wh..opq", TAR_FILE, "");
        put(&a, "n/f", TAR_FILE, "x");
        put(&a, ".wh.n", TAR_FILE, "");
        put(&a, ".wh..wh.plnk", TAR_FILE, "");
        expect_ok(unpack(&a, UNPACK_LAYER, &report, NULL));
        expect(stat("/mnt/root/d/gone", &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == 0);
        holds("/mnt/root/d/here", "x");
        expect(getxattr("/mnt/root/o", XATTR_OPAQUE, value, sizeof value) == 1 && *value == 'y');
        expect(getxattr("/mnt/root/n", XATTR_OPAQUE, value, sizeof value) == 1);
        expect(access("/mnt/root/.wh..wh.plnk", F_OK) < 0);
}

TEST_IN(whiteouts_are_dropped_or_refused_elsewhere, CLONE_NEWNS) {
        TreeReport report = {};
        autoarchive flat = {}, plain = {}, bad = {};

        put(&flat, ".wh.gone", TAR_FILE, "");
        expect_ok(unpack(&flat, UNPACK_FLAT, &report, NULL));
        expect(access("/mnt/root/gone", F_OK) < 0 && access("/mnt/root/.wh.gone", F_OK) < 0);
        put(&plain, ".wh.gone", TAR_FILE, "");
        expect(unpack(&plain, UNPACK_PLAIN, &report,
                      "'/.wh.gone': a layer cannot hold a name that begins with '.wh.'") ==
               -EINVAL);
        put(&bad, "d/.wh...", TAR_FILE, "");
        expect(unpack(&bad, UNPACK_LAYER, &report,
                      "'/d/.wh...' hides nothing: it is no valid whiteout") == -EINVAL);
}

TEST_IN(a_link_that_leads_nowhere_is_no_directory, CLONE_NEWNS) {
        TreeReport report = {};
        autoarchive a = {};

        put(&a, "l", TAR_SYMLINK, "nowhere");
        put(&a, "l/f", TAR_FILE, "x");
        expect(unpack(&a, UNPACK_FLAT, &report, "'/l' is a link that leads nowhere") == -ENOENT);
}
