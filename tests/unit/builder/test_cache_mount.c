/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"
#include "builder/cache_mount.h"
#include "test.h"

static char root[] = "/tmp/isola-cache-mount-XXXXXX";

static Home *begin(void) {
        autofree char *data = NULL, *run = NULL;
        Home *home = NULL;
        autoerr err = {};

        expect(mkdtemp(root));
        data = str_format("%s/data", root);
        run = str_format("%s/run", root);
        expect_ok(home_open(data, run, &home, &err));
        return home;
}

static CacheMount open_one(const Home *home, const char *id, RunMountSharing sharing) {
        const RunMount m = {
                .id = (char *) id, .sharing = sharing, .mode = 0750, .type = RUN_MOUNT_CACHE
        };
        CacheMount c = { .lock = -EBADF };
        autoerr err = {};

        expect_ok(cache_mount_open(home, &m, &c, &err));
        return c;
}

TEST(an_id_is_never_a_path) {
        autoptr(Home) home = begin();
        CacheMount c = open_one(home, "../../../etc", RUN_MOUNT_SHARED);
        CacheMountInfo *list = NULL;
        struct stat st;
        size_t n = 0;
        autoerr err = {};

        expect(c.made && stat(c.data, &st) == 0 && (st.st_mode & 07777) == 0750);
        expect(!strstr(c.data, "..") && str_after(c.data, home->data));
        expect_ok(cache_mount_list(home, &list, &n, &err));
        expect(n == 1);
        expect_str(list[0].id, "../../../etc");
        expect(cache_mount_remove(home, list[0].name, &err) == 0);
        cache_mount_clear(&c);
        expect(cache_mount_remove(home, list[0].name, &err) == 1);
        cache_mount_list_free(list, n);
        expect_ok(tree_remove(AT_FDCWD, root));
}

TEST(private_ones_are_not_shared) {
        autoptr(Home) home = begin();
        CacheMount a = open_one(home, "x", RUN_MOUNT_PRIVATE);
        CacheMount b = open_one(home, "x", RUN_MOUNT_PRIVATE);
        autofree char *first = strdup(a.data);

        expect(!str_equal(a.data, b.data));
        cache_mount_clear(&a);
        a = open_one(home, "x", RUN_MOUNT_PRIVATE);
        expect(!a.made);
        expect_str(a.data, first);
        cache_mount_clear(&a);
        cache_mount_clear(&b);
        a = open_one(home, "x", RUN_MOUNT_SHARED);
        b = open_one(home, "x", RUN_MOUNT_SHARED);
        expect_str(a.data, b.data);
        cache_mount_clear(&a);
        cache_mount_clear(&b);
        expect_ok(tree_remove(AT_FDCWD, root));
}
