/* SPDX-License-Identifier: GPL-2.0-or-later */

/* .dockerignore: the first line is a path, the rest the file; what is left out depends on nothing
 * else, and what is looked for below a directory is found there. */

#include "base/str.h"
#include "fuzz.h"
#include "store/ignore.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        autofree char *text = strndup((const char *) data, size), *path = NULL, *clean = NULL;
        const char *file = text ? strchr(text, '\n') : NULL;
        autoptr(Ignore) ignore = NULL;
        autoerr err = {};
        bool left_out;
        int r;

        must(text);
        if (!file)
                return 0;
        path = strndup(text, (size_t) (file - text));
        clean = path ? path_clean(path) : NULL;
        must(clean && *clean);
        /* Long patterns of many stars take a time that grows with their product. */
        if (size > 2000)
                return 0;
        r = ignore_parse(file + 1, ".dockerignore", &ignore, &err);
        must_agree(r, &err);
        if (r < 0)
                return 0;
        left_out = ignore_matches(ignore, clean);
        must(left_out == ignore_matches(ignore, clean));
        /* What is taken back in was to be found: the walk must not have stopped above it. */
        for (char *slash = strrchr(clean, '/'); slash && slash > clean && !left_out;
             slash = strrchr(clean, '/')) {
                *slash = 0;
                must(!ignore_matches(ignore, clean) || ignore_looks_below(ignore, clean));
        }
        return 0;
}
