/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <inttypes.h>

#include "base/file.h"
#include "base/str.h"
#include "kernel/idmap.h"

int idmap_write(int proc, const char *file, const IdRange *ranges, size_t n, Err *err) {
        autostr text = {};
        int r;

        for (size_t i = 0; i < n; i++)
                str_printf(&text, "%" PRId64 " %" PRId64 " %" PRId64 "\n", ranges[i].inside,
                           ranges[i].outside, ranges[i].count);
        if (text.failed || !text.text)
                return fail(err, text.failed ? ENOMEM : EINVAL, "cannot map ids");

        r = file_write(proc, file, text.text);
        if (r < 0)
                return fail(err, r, "cannot map ids %" PRId64 "-%" PRId64 " with '%s'",
                            ranges[0].outside, ranges[0].outside + ranges[0].count - 1, file);
        return 0;
}

int64_t idmap_outside(const IdRange *ranges, size_t n, int64_t inside) {
        for (size_t i = 0; i < n; i++)
                if (inside >= ranges[i].inside && inside - ranges[i].inside < ranges[i].count)
                        return ranges[i].outside + (inside - ranges[i].inside);
        return -1;
}
