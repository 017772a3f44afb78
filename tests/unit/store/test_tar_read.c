/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdint.h>

#include "base/auto.h"
#include "base/str.h"
#include "store/tar.h"
#include "store/tar_read.h"
#include "test.h"

/* An archive in the making, and how far it was read. */
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

static void put_blocks(Archive *a, const char *text, size_t size) {
        static const char zeros[TAR_BLOCK];

        str_put_bytes(&a->bytes, text, size);
        if (size % TAR_BLOCK)
                str_put_bytes(&a->bytes, zeros, TAR_BLOCK - size % TAR_BLOCK);
}

static void seal(TarHeader *h) {
        const unsigned char *bytes = (const void *) h;
        unsigned sum = 0;

        memset(h->checksum, ' ', sizeof h->checksum);
        for (size_t i = 0; i < sizeof *h; i++)
                sum += bytes[i];
        snprintf(h->checksum, sizeof h->checksum, "%06o", sum);
}

static void put_header(Archive *a, const char *name, char type, size_t size) {
        TarHeader h = { .type = type, .magic = "ustar" };

        memcpy(h.name, name, strlen(name));
        snprintf(h.mode, sizeof h.mode, "%07o", 0644);
        snprintf(h.uid, sizeof h.uid, "%07o", 5);
        snprintf(h.gid, sizeof h.gid, "%07o", 6);
        snprintf(h.size, sizeof h.size, "%011o", (unsigned) size & 07777777777);
        snprintf(h.mtime, sizeof h.mtime, "%011o", 7);
        memcpy(h.version, "00", 2);
        seal(&h);
        str_put_bytes(&a->bytes, &h, sizeof h);
}

static void put(Archive *a, const char *name, char type, const char *text) {
        put_header(a, name, type, strlen(text));
        put_blocks(a, text, strlen(text));
}

/* Adds "LENGTH key=value\n" to a PAX header's text. */
static void put_record(Str *text, const char *key, const char *value) {
        size_t length = strlen(key) + strlen(value) + 3 + 2; /* two digits are enough here */

        expect(length >= 10 && length < 100);
        str_printf(text, "%zu %s=%s\n", length, key, value);
}

static void put_end(Archive *a) {
        static const char zeros[2 * TAR_BLOCK];

        str_put_bytes(&a->bytes, zeros, sizeof zeros);
}

static TarReader *reader_of(Archive *a) {
        TarReader *reader;

        expect_ok(tar_reader_new(give, a, &reader, NULL));
        return reader;
}

#define autoreader __attribute__((__cleanup__(TarReader_auto))) TarReader *

/* Reads to the end or to the first error, which must be @message. */
static void fails_with(Archive *a, const char *message) {
        autoreader reader = reader_of(a);
        const TarEntry *e;
        autoerr err = {};
        int r;

        while ((r = tar_next(reader, &e, &err)) > 0)
                ;
        expect(r < 0);
        expect_str(err.message, message);
}

TEST(entries_and_contents_are_read) {
        autoarchive a = {};
        autoreader reader = NULL;
        const TarEntry *e;
        char text[16] = "";

        put(&a, "dir/", TAR_DIRECTORY, "");
        put(&a, "dir/file", TAR_FILE, "hello");
        put(&a, "old", TAR_FILE_OLD, "x");
        put_end(&a);
        reader = reader_of(&a);

        expect(tar_next(reader, &e, NULL) == 1);
        expect(e->type == TAR_DIRECTORY && e->uid == 5 && e->gid == 6 && e->mode == 0644);
        expect(tar_next(reader, &e, NULL) == 1);
        expect_str(e->name, "dir/file");
        expect(e->size == 5 && e->mtime.tv_sec == 7 && e->offset == TAR_BLOCK);
        expect(tar_read(reader, text, sizeof text, NULL) == 5);
        expect_str(text, "hello");
        expect(tar_read(reader, text, sizeof text, NULL) == 0);
        expect(tar_next(reader, &e, NULL) == 1 && e->type == TAR_FILE);
        expect(tar_next(reader, &e, NULL) == 0);
}

TEST(pax_records_win_over_the_header) {
        autoarchive a = {};
        autostr pax = {};
        autoreader reader = NULL;
        const TarEntry *e;

        put_record(&pax, "path", "long");
        put_record(&pax, "mtime", "-1.25");
        put_record(&pax, "uid", "1234");
        put_record(&pax, "SCHILY.xattr.user.a", "b=c\n");
        put_record(&pax, "LIBARCHIVE.xattr.user.%62", "aGVsbG8=");
        put(&a, "PaxHeaders", TAR_PAX, pax.text);
        put(&a, "short", TAR_FILE, "");
        put(&a, "next", TAR_FILE, "");
        put_end(&a);
        reader = reader_of(&a);
        expect(tar_next(reader, &e, NULL) == 1);
        expect_str(e->name, "long");
        expect(e->uid == 1234 && e->mtime.tv_sec == -2 && e->mtime.tv_nsec == 750000000);
        expect(e->n_xattrs == 2);
        expect_str(e->xattrs[0].name, "user.a");
        expect(e->xattrs[0].size == 4 && memcmp(e->xattrs[0].value, "b=c\n", 4) == 0);
        expect_str(e->xattrs[1].name, "user.b");
        expect(e->xattrs[1].size == 5 && memcmp(e->xattrs[1].value, "hello", 5) == 0);
        expect(tar_next(reader, &e, NULL) == 1);
        expect_str(e->name, "next");
        expect(e->uid == 5 && e->n_xattrs == 0);
}

TEST(gnu_long_names_and_big_numbers_are_read) {
        char name[301] = "";
        autoarchive a = {};
        autoreader reader = NULL;
        const TarEntry *e;
        TarHeader *h;

        memset(name, 'n', 300);
        put_header(&a, "././@LongLink", TAR_GNU_LONG_NAME, 301);
        put_blocks(&a, name, 301);
        put(&a, "cut", TAR_FILE, "");
        h = (void *) (a.bytes.text + a.bytes.length - TAR_BLOCK);
        memcpy(h->uid, "\x80\0\0\0\0\x01\x00\x01", 8);
        seal(h);
        put_end(&a);
        reader = reader_of(&a);
        expect(tar_next(reader, &e, NULL) == 1);
        expect_str(e->name, name);
        expect(e->uid == 65537);
        expect(tar_next(reader, &e, NULL) == 0);
}

TEST(what_is_cut_short_is_not_taken_for_whole) {
        autoarchive empty = {}, headless = {}, torn = {}, glued = {};

        fails_with(&empty, "the archive is empty");
        put(&headless, "a", TAR_FILE, "x");
        fails_with(&headless, "the archive ends at byte 1024 without its end mark");
        put(&torn, "a", TAR_FILE, "x");
        torn.bytes.length = 600;
        fails_with(&torn, "the archive is cut short at byte 600");
        put(&glued, "a", TAR_FILE, "");
        put_end(&glued);
        put(&glued, "b", TAR_FILE, "");
        put_end(&glued);
        fails_with(&glued, "something follows the archive's end, at byte 1536");
}

TEST(what_is_no_tar_is_refused) {
        autoarchive noise = {}, damaged = {};

        for (int i = 0; i < 600; i++)
                str_put_char(&noise.bytes, (char) ('a' + i % 7));
        fails_with(&noise, "this is no tar archive");
        put(&damaged, "a", TAR_FILE, "x");
        put(&damaged, "b", TAR_FILE, "x");
        damaged.bytes.text[1030] ^= 1;
        fails_with(&damaged, "the archive is damaged at byte 1024: no header there");
}

TEST(sparse_files_and_unknown_types_are_refused_by_name) {
        autoarchive gnu = {}, pax = {}, unknown = {}, volume = {};

        put(&gnu, "holes", TAR_GNU_SPARSE, "");
        fails_with(&gnu, "'holes' at byte 0 is a sparse file, which isola does not read");
        put(&pax, "PaxHeaders", TAR_PAX, "22 GNU.sparse.major=1\n");
        put(&pax, "holes", TAR_FILE, "");
        fails_with(&pax, "the entry at byte 0 is a sparse file, which isola does not read");
        put(&unknown, "x", 'Z', "");
        fails_with(&unknown, "'x' at byte 0 has the unknown type 'Z'");
        put(&volume, "x", TAR_GNU_MULTIVOLUME, "");
        fails_with(&volume, "the archive is one volume of several");
}

TEST(damaged_pax_records_are_refused) {
        static const char *const bad[] = { "x",
                                           "5 a\n\n",
                                           "99 path=x\n",
                                           "8 path=x\n",
                                           "10 pathxxx\n",
                                           "0 a=b\n",
                                           "6 =ab\n",
                                           "12 uid=xyz\n\n",
                                           "13 mtime=1.x\n",
                                           "19 SCHILY.xattr.=x\n",
                                           "29 LIBARCHIVE.xattr.%00=QUI=\n",
                                           "18446744073709551617 a=b\n" };

        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
                autoarchive a = {};

                put(&a, "PaxHeaders", TAR_PAX, bad[i]);
                put(&a, "x", TAR_FILE, "");
                fails_with(&a, "the PAX record at byte 0 is damaged");
        }
}

TEST(names_and_records_are_bounded) {
        autoarchive name = {}, record = {}, size = {};
        TarHeader *h;

        put_header(&name, "././@LongLink", TAR_GNU_LONG_NAME, 5000);
        fails_with(&name, "the name at byte 0 is longer than 4097 bytes");
        put_header(&record, "PaxHeaders", TAR_PAX, 2 << 20);
        fails_with(&record, "the PAX record at byte 0 is longer than 1048576 bytes");
        put(&size, "x", TAR_FILE, "");
        h = (void *) size.bytes.text;
        memset(h->size, 0xff, sizeof h->size);
        seal(h);
        fails_with(&size, "the entry at byte 0 has a bad size");
}

/* What the sanitizers watch: any bit of an archive may be wrong, and it ends in words. */
TEST(no_flipped_bit_does_harm) {
        autoarchive whole = {};
        autostr pax = {};

        put_record(&pax, "path", "long");
        put_record(&pax, "SCHILY.xattr.user.a", "b=c");
        put_record(&pax, "LIBARCHIVE.xattr.user.%62", "aGVsbG8=");
        put(&whole, "PaxHeaders", TAR_PAX, pax.text);
        put(&whole, "short", TAR_FILE, "text");
        put(&whole, "././@LongLink", TAR_GNU_LONG_LINK, "target");
        put(&whole, "link", TAR_SYMLINK, "");
        put_end(&whole);

        for (size_t bit = 0; bit < whole.bytes.length * 8; bit += 3) {
                autoarchive a = {};
                autoreader reader = NULL;
                const TarEntry *e;
                autoerr err = {};
                char text[64];
                int r;

                str_put_bytes(&a.bytes, whole.bytes.text, whole.bytes.length);
                a.bytes.text[bit / 8] ^= (char) (1 << bit % 8);
                reader = reader_of(&a);
                while ((r = tar_next(reader, &e, &err)) > 0 && r > 0)
                        if (tar_read(reader, text, sizeof text, &err) < 0)
                                break;
                expect(r >= 0 || err.message);
        }
}
