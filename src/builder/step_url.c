/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * ADD of a URL: fetched by the network process into a directory that goes with
 * the step, from which it is then copied like a file of the context
 *
 * With --checksum the digest is the key, and nothing is fetched while the cache
 * knows the result; without, the file is fetched to see what it is.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"
#include "base/str.h"
#include "builder/step.h"
#include "transfer/url.h"

#define READ_SIZE (128u << 10)

/* The last part of the URL's path, which is what the file is called in a directory. */
static int name_of(const char *url, char **ret, Err *err) {
        const char *host = strstr(url, "://") + 3;
        autofree char *path = strndup(host, strcspn(host, "?#"));
        const char *slash = path ? strrchr(path, '/') : NULL;

        if (!path)
                return fail(err, ENOMEM, "cannot fetch '%s'", url);
        if (!slash || !slash[1] || str_equal(slash + 1, ".") || str_equal(slash + 1, ".."))
                return err_hint(err, refuse(err, EINVAL, "'%s' says no name for the file", url),
                                "name it: ADD %s /directory/name", url);
        *ret = strdup(slash + 1);
        return *ret ? 0 : fail(err, ENOMEM, "cannot fetch '%s'", url);
}

static int hash_file(int file, char ret[DIGEST_LENGTH + 1]) {
        autofree char *buffer = malloc(READ_SIZE);
        Digest digest;
        off_t at = 0;
        ssize_t n;

        if (!buffer)
                return -ENOMEM;
        digest_begin(&digest);
        while ((n = pread(file, buffer, READ_SIZE, at)) > 0) {
                digest_add(&digest, buffer, (size_t) n);
                at += n;
        }
        if (n < 0)
                return -errno;
        digest_end(&digest, ret);
        return 0;
}

/* @ret: its digest. */
static int fetch(Step *step, const char *url, const char *name, char ret[DIGEST_LENGTH + 1],
                 Err *err) {
        autofree char *path = str_format("%s/%s", step->fetched->diff, name);
        struct timespec times[2] = {};
        autoclose int file = -EBADF;
        int r;

        if (!path)
                return fail(err, ENOMEM, "cannot fetch '%s'", url);
        /* BuildKit's mode for what comes from the network. */
        file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (file < 0)
                return fail(err, errno, "cannot keep '%s'", url);
        r = url_fetch(url, file, 0, &times[1].tv_sec, err);
        if (r < 0)
                return r;
        times[0] = times[1];
        if (futimens(file, times) < 0)
                return fail(err, errno, "cannot keep '%s'", url);
        r = hash_file(file, ret);
        if (r < 0)
                return fail(err, r, "cannot read '%s'", url);
        if (step->checksum && !str_equal(step->checksum, ret))
                return refuse(err, EBADMSG, "'%s' has the digest %s, not %s", url, ret,
                              step->checksum);
        return 0;
}

static int fetch_one(Step *step, const char *url, CacheKey *key, Err *err) {
        TreeItem *item = json_grow(&step->downloads, &step->n_downloads, sizeof *item);
        char digest[DIGEST_LENGTH + 1];
        int r;

        if (!item || !(item->to = strdup("")))
                return fail(err, ENOMEM, "cannot fetch '%s'", url);
        r = name_of(url, &item->from, err);
        if (r >= 0)
                r = fetch(step, url, item->from, digest, err);
        if (r >= 0 && key) {
                cache_key_add(key, item->from);
                cache_key_add(key, digest);
        }
        return r;
}

static int fetch_all(Step *step, CacheKey *key, Err *err) {
        int r = 0;

        if (step->fetched || !step->urls)
                return 0;
        r = layer_draft(step->build->home, &step->fetched, err);
        strv_foreach(url, step->urls)
                if (r >= 0)
                        r = fetch_one(step, *url, key, err);
        return r;
}

int step_fetch(Step *step, Err *err) {
        return fetch_all(step, NULL, err);
}

int step_add_downloads(Step *step, CacheKey *key, Err *err) {
        int r;

        if (!step->urls || !step->checksum)
                return fetch_all(step, key, err);
        strv_foreach(url, step->urls) {
                autofree char *name = NULL;

                r = name_of(*url, &name, err);
                if (r < 0)
                        return r;
                cache_key_add(key, name);
                cache_key_add(key, step->checksum);
        }
        return 0;
}
