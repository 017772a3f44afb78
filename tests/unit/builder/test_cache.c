/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <stdlib.h>

#include "base/file.h"
#include "base/str.h"
#include "builder/cache.h"
#include "test.h"

static char *key_of(const char *operation, const char *parent, char *const *list,
                    const char *text) {
        static char result[8][DIGEST_LENGTH + 1];
        static int next;
        char *ret = result[next++ % 8];
        CacheKey key;

        cache_key_begin(&key, operation, parent);
        cache_key_add_list(&key, list);
        cache_key_add(&key, text);
        cache_key_end(&key, ret);
        return ret;
}

TEST(keys_differ_by_every_field) {
        char *ab[] = { (char *) "a", (char *) "b", NULL };
        char *ab_joined[] = { (char *) "ab", NULL };

        expect_str(key_of("run", NULL, ab, "x"), key_of("run", "", ab, "x"));
        expect(!str_equal(key_of("run", NULL, ab, "x"), key_of("copy", NULL, ab, "x")));
        expect(!str_equal(key_of("run", NULL, ab, "x"), key_of("run", "sha256:1", ab, "x")));
        expect(!str_equal(key_of("run", NULL, ab, "x"), key_of("run", NULL, ab_joined, "x")));
        expect(!str_equal(key_of("run", NULL, ab, ""), key_of("run", NULL, ab, NULL)));
}

TEST(records_are_kept) {
        char root[] = "/tmp/isola-test-cache-XXXXXX";
        autoptr(Home) home = NULL;
        autofree char *data = NULL, *run = NULL;
        autorecord got = {};
        autoerr err = {};
        const char *key = key_of("run", NULL, NULL, "x");

        expect(mkdtemp(root));
        data = str_format("%s/data", root);
        run = str_format("%s/run", root);
        expect_ok(home_open(data, run, &home, &err));
        expect(cache_load(home, key, &got) == -ENOENT);
        cache_save(home, key, "sha256:1", "2026-01-01T00:00:00Z");
        expect_ok(cache_load(home, key, &got));
        expect_str(got.chain_id, "sha256:1");
        expect_str(got.created, "2026-01-01T00:00:00Z");
        expect_ok(tree_remove(AT_FDCWD, root));
}
