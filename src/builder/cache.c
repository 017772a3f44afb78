/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "builder/cache.h"

#define CACHE_VERSION 2 /* part of every key: a step that means something new gets a new one */
#define CACHE_DIR     "build-cache"

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
