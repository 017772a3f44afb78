/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "runtime/bundle.h"

#define CONFIG_MAX (8u << 20)

Bundle *bundle_free(Bundle *b) {
        if (b) {
                free(b->path);
                free(b->config);
                oci_spec_free(b->spec);
                free(b);
        }
        return NULL;
}

/* Replaces a path that is relative to the bundle. */
static int make_absolute(const char *bundle, char **path) {
        char *whole;

        if (!*path || **path == '/')
                return 0;
        whole = str_format("%s/%s", bundle, *path);
        if (!whole)
                return -ENOMEM;
        free(*path);
        *path = whole;
        return 0;
}

static int complete(OciSpec *spec, const char *bundle, Err *err) {
        int r = make_absolute(bundle, &spec->root_path);

        return r < 0 ? fail(err, r, "cannot read the bundle '%s'", bundle) : 0;
}

static int parse(const char *text, size_t size, const char *place, const char *bundle,
                 OciSpec **ret, Err *err) {
        autoptr(OciSpec) spec = calloc(1, sizeof *spec);
        int r;

        if (!spec)
                return fail(err, ENOMEM, "cannot read '%s'", place);
        r = json_parse(&oci_spec_type, text, size, place, spec, err);
        if (r >= 0)
                r = complete(spec, bundle, err);
        if (r < 0)
                return r;
        *ret = take_ptr(spec);
        return 0;
}

/* Opens it and says where it really is. */
static int open_bundle(const char *path, char **ret_path) {
        autoclose int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        char link[32], real[PATH_MAX];
        ssize_t n;

        if (dir < 0)
                return -errno;
        /* One call, where realpath(3) makes one for each of its names. */
        (void) snprintf(link, sizeof link, "/proc/self/fd/%d", dir);
        n = readlink(link, real, sizeof real);
        *ret_path = n > 0 && n < (ssize_t) sizeof real && *real == '/' ? strndup(real, (size_t) n)
                                                                       : realpath(path, NULL);
        return *ret_path ? take_fd(dir) : -errno;
}

int bundle_load(const char *path, const char *config, Bundle **ret, Err *err) {
        autoptr(Bundle) b = calloc(1, sizeof *b);
        autoclose int dir = -EBADF;
        int r;

        config = config ? config : "config.json";
        if (!b)
                return fail(err, ENOMEM, "cannot read the bundle");
        dir = open_bundle(path ? path : ".", &b->path);
        if (dir < 0)
                return fail(err, dir, "cannot open the bundle '%s'", path ? path : ".");
        r = file_read(dir, config, CONFIG_MAX, &b->config, &b->size);
        if (r < 0)
                return err_hint(err, fail(err, r, "cannot read '%s/%s'", b->path, config),
                                "'isola-oci spec' writes one to begin with");
        r = parse(b->config, b->size, config, b->path, &b->spec, err);
        if (r < 0)
                return r;
        *ret = take_ptr(b);
        return 0;
}

int bundle_load_kept(int dir, const char *bundle, OciSpec **ret, Err *err) {
        autofree char *text = NULL;
        size_t size;
        int r = file_read(dir, "config.json", CONFIG_MAX, &text, &size);

        if (r < 0)
                return fail(err, r, "cannot read the container's configuration");
        return parse(text, size, "config.json", bundle, ret, err);
}
