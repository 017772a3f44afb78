/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "builder/cache.h"

#define CACHE_VERSION 2 /* part of every key: a step that means something new gets a new one */
#define CACHE_DIR     "build-cache"
#define LOCK_FILE     "build-steps.lock"
#define LOCK_POLL_MS  20

static const JsonField record_fields[] = {
        JSON_INT(CacheRecord, version, "version", JSON_REQUIRED),
        JSON_STRING(CacheRecord, chain_id, "chainId"),
        JSON_STRING(CacheRecord, created, "created", JSON_REQUIRED),
        {},
};
static const JsonType record_type = { sizeof(CacheRecord), record_fields };

static void add_number(CacheKey *key, uint64_t number) {
        digest_add(&key->digest, &number, sizeof number);
}

void cache_key_begin(CacheKey *key, const char *operation, const char *parent) {
        digest_begin(&key->digest);
        add_number(key, CACHE_VERSION);
        cache_key_add(key, operation);
        cache_key_add(key, str_empty(parent) ? NULL : parent);
}

void cache_key_add(CacheKey *key, const char *text) {
        size_t n = text ? strlen(text) : 0;

        add_number(key, text ? n : UINT64_MAX);
        digest_add(&key->digest, text, n);
}

void cache_key_add_list(CacheKey *key, char *const *list) {
        add_number(key, strv_length(list));
        strv_foreach(item, list)
                cache_key_add(key, *item);
}

void cache_key_end(CacheKey *key, char ret[DIGEST_LENGTH + 1]) {
        digest_end(&key->digest, ret);
}

void cache_record_clear(CacheRecord *record) {
        json_clear(&record_type, record);
}

int cache_load(const Home *home, const char *key, CacheRecord *ret) {
        autofree char *path = str_format(CACHE_DIR "/%s", digest_hex(key));
        int r;

        if (!path)
                return -ENOMEM;
        r = json_load(&record_type, home->data_fd, path, ret, NULL);
        if (r < 0)
                return r;
        if (ret->version != CACHE_VERSION) {
                cache_record_clear(ret);
                return -ENOENT;
        }
        return 0;
}

void cache_save(const Home *home, const char *key, const char *chain_id, const char *created) {
        autofree char *path = str_format(CACHE_DIR "/%s", digest_hex(key));
        CacheRecord record = { CACHE_VERSION, (char *) chain_id, (char *) created };
        int r;

        r = path ? dir_make(home->data_fd, CACHE_DIR, 0700) : -ENOMEM;
        if (r >= 0)
                r = json_save(&record_type, home->data_fd, path, &record, false, NULL);
        if (r < 0)
                log_warn("cannot remember a build step: %s; it will be done again", strerror(-r));
}

/* A byte of the file stands for a step: its place is the beginning of the key (fcntl(2), open file
 * description locks). */
static off_t lock_place(const char *key) {
        char head[16] = {};

        memcpy(head, digest_hex(key), sizeof head - 1);
        return (off_t) strtoull(head, NULL, 16);
}

static bool ended(const sigset_t *ends) {
        sigset_t pending;

        return sigpending(&pending) == 0 && sigandset(&pending, &pending, ends) == 0 &&
               !sigisemptyset(&pending);
}

int cache_lock(const Home *home, const char *key, const sigset_t *ends, bool *ret_waited) {
        autoclose int file =
                openat(home->run_fd, LOCK_FILE, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        struct flock lock = { .l_type = F_WRLCK, .l_start = lock_place(key), .l_len = 1 };

        *ret_waited = false;
        if (file < 0)
                return -errno;
        while (fcntl(file, F_OFD_SETLK, &lock) < 0) {
                if (errno != EAGAIN && errno != EACCES)
                        return -errno;
                *ret_waited = true;
                (void) poll(NULL, 0, LOCK_POLL_MS);
                if (ended(ends))
                        return -EINTR;
        }
        return take_fd(file);
}
