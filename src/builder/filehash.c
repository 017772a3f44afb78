/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "builder/filehash.h"

#define MAGIC        "isola filehash 1\n"
#define MAGIC_LENGTH (sizeof MAGIC - 1)
#define RECORDS_MAX  (1u << 18)
#define CACHE_DIR    "build-cache"
#define READ_SIZE    (128u << 10)
/* Longer than the clock tick that file systems take times from (10 ms at CONFIG_HZ=100), and
 * than the two seconds of those that keep whole ones only. */
#define SETTLED_NS       20000000
#define SETTLED_WHOLE_NS 2500000000

typedef struct FileRecord {
        uint64_t device, inode;
        int64_t changed_ns;
        uint64_t size;
        char hex[DIGEST_HEX_LENGTH];
} FileRecord;
_Static_assert(sizeof(FileRecord) == 96, "the file format has records of 96 bytes");

/* The records as they lie in the file, and where to find them: a table that stays in the cache. */
struct FileHashes {
        const Home *home;
        char *path;
        FileRecord *records;
        size_t n, room;
        uint32_t *slots; /* open addressing: the number of a record, from 1; 0 for none */
        size_t n_slots;  /* a power of two, more than twice n */
        bool changed;
};

/* The slot of a file, which may be empty. */
static uint32_t *find_slot(const FileHashes *h, uint64_t device, uint64_t inode) {
        size_t i = (inode * 0x9e3779b97f4a7c15u ^ device * 0xc2b2ae3d27d4eb4fu) >> 20;

        for (;; i++) {
                uint32_t *slot = &h->slots[i & (h->n_slots - 1)];
                const FileRecord *record = *slot ? &h->records[*slot - 1] : NULL;

                if (!record || (record->inode == inode && record->device == device))
                        return slot;
        }
}

static const FileRecord *find(const FileHashes *h, uint64_t device, uint64_t inode) {
        uint32_t n = *find_slot(h, device, inode);

        return n ? &h->records[n - 1] : NULL;
}

/* Room for as many records; @h stays as it was if there is no memory. */
static int make_room(FileHashes *h, size_t wanted) {
        autofree uint32_t *old = NULL;
        size_t n_slots = h->n_slots ? h->n_slots : 1024;

        if (wanted > h->room) {
                size_t room = wanted + wanted / 2 + 256;
                FileRecord *records = reallocarray(h->records, room, sizeof *records);

                if (!records)
                        return -ENOMEM;
                h->records = records;
                h->room = room;
        }
        while (n_slots <= wanted * 2)
                n_slots *= 2;
        if (n_slots == h->n_slots)
                return 0;
        old = calloc(n_slots, sizeof *old);
        if (!old)
                return -ENOMEM;
        free(h->slots);
        h->slots = take_ptr(old);
        h->n_slots = n_slots;
        for (size_t i = 0; i < h->n; i++)
                *find_slot(h, h->records[i].device, h->records[i].inode) = (uint32_t) i + 1;
        return 0;
}

static void put(FileHashes *h, const FileRecord *record) {
        uint32_t *slot = find_slot(h, record->device, record->inode);

        if (*slot) {
                h->records[*slot - 1] = *record;
                return;
        }
        if (h->n >= RECORDS_MAX || make_room(h, h->n + 1) < 0)
                return;
        h->records[h->n++] = *record;
        *find_slot(h, record->device, record->inode) = (uint32_t) h->n;
}

/* Adds what the file of records says; what is known already counts more. */
static int add_file(FileHashes *h) {
        autofree char *data = NULL;
        size_t size = 0, n;

        (void) file_read(h->home->data_fd, h->path, RECORDS_MAX * sizeof(FileRecord) + MAGIC_LENGTH,
                         &data, &size);
        if (size < MAGIC_LENGTH || memcmp(data, MAGIC, MAGIC_LENGTH) != 0)
                size = MAGIC_LENGTH;
        n = (size - MAGIC_LENGTH) / sizeof(FileRecord);
        if (make_room(h, h->n + n) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                FileRecord record;

                memcpy(&record, data + MAGIC_LENGTH + i * sizeof record, sizeof record);
                if (record.inode && !find(h, record.device, record.inode))
                        put(h, &record);
        }
        return 0;
}

FileHashes *filehashes_load(const Home *home, const char *context) {
        FileHashes *h = calloc(1, sizeof *h);
        char digest[DIGEST_LENGTH + 1];

        if (!h)
                return NULL;
        digest_of(context, strlen(context), digest);
        h->home = home;
        h->path = str_format(CACHE_DIR "/files-%s", digest_hex(digest));
        if (!h->path || add_file(h) < 0)
                return filehashes_free(h);
        return h;
}

static int save(FileHashes *h) {
        autostr text = {};
        int r;

        /* Another stage, built at the same time, may have hashed other files. */
        r = add_file(h);
        if (r < 0)
                return r;
        str_put(&text, MAGIC);
        str_put_bytes(&text, h->records, h->n * sizeof *h->records);
        if (text.failed)
                return -ENOMEM;
        r = dir_make(h->home->data_fd, CACHE_DIR, 0700);
        if (r < 0)
                return r;
        return file_replace(h->home->data_fd, h->path, text.text, text.length, 0600, false);
}

FileHashes *filehashes_free(FileHashes *h) {
        int r;

        if (!h)
                return NULL;
        if (h->changed) {
                r = save(h);
                if (r < 0)
                        log_warn(
                                "cannot remember the digests of files: %s; they will be made again",
                                strerror(-r));
        }
        free(h->records);
        free(h->slots);
        free(h->path);
        free(h);
        return NULL;
}

static int hash_file(int file, char ret[DIGEST_HEX_LENGTH]) {
        autofree char *buffer = malloc(READ_SIZE);
        char text[DIGEST_LENGTH + 1];
        Digest digest;
        ssize_t n;

        if (!buffer)
                return -ENOMEM;
        digest_begin(&digest);
        while ((n = read(file, buffer, READ_SIZE)) > 0)
                digest_add(&digest, buffer, (size_t) n);
        if (n < 0)
                return -errno;
        digest_end(&digest, text);
        memcpy(ret, digest_hex(text), DIGEST_HEX_LENGTH);
        return 0;
}

static FileRecord record_of(const struct stat *st) {
        return (FileRecord){ .device = st->st_dev,
                             .inode = st->st_ino,
                             .changed_ns = st->st_ctim.tv_sec * 1000000000LL + st->st_ctim.tv_nsec,
                             .size = (uint64_t) st->st_size };
}

bool filehash_known(const FileHashes *h, const struct stat *st, char ret[DIGEST_HEX_LENGTH]) {
        const FileRecord wanted = record_of(st);
        const FileRecord *known = find(h, wanted.device, wanted.inode);

        if (!known || known->changed_ns != wanted.changed_ns || known->size != wanted.size)
                return false;
        memcpy(ret, known->hex, sizeof known->hex);
        return true;
}

int filehash_get(FileHashes *h, int file, const struct stat *st, char ret[DIGEST_HEX_LENGTH]) {
        FileRecord record = record_of(st);
        bool settled = clock_now_ns() - record.changed_ns >
                       (st->st_ctim.tv_nsec ? SETTLED_NS : SETTLED_WHOLE_NS);
        int r;

        if (filehash_known(h, st, ret))
                return 0;
        r = hash_file(file, ret);
        if (r < 0)
                return r;
        if (settled) {
                memcpy(record.hex, ret, sizeof record.hex);
                put(h, &record);
                h->changed = true;
        }
        return 0;
}
