/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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

int idmap_read(int proc, const char *file, IdRange **ret, size_t *ret_n) {
        autofree char *text = NULL;
        autofree IdRange *ranges = NULL;
        size_t n = 0;
        int r;

        r = file_read(proc, file, 1u << 16, &text, NULL);
        if (r < 0)
                return r;
        for (char *rest = text, *line; (line = strsep(&rest, "\n")) && *line;) {
                IdRange range, *last;

                if (sscanf(line, "%" SCNd64 " %" SCNd64 " %" SCNd64, &range.inside, &range.outside,
                           &range.count) != 3)
                        return -EPROTO;
                last = realloc(ranges, (n + 1) * sizeof *ranges);
                if (!last)
                        return -ENOMEM;
                ranges = last;
                ranges[n++] = range;
        }
        *ret = take_ptr(ranges);
        *ret_n = n;
        return 0;
}

int64_t idmap_outside(const IdRange *ranges, size_t n, int64_t inside) {
        for (size_t i = 0; i < n; i++)
                if (inside >= ranges[i].inside && inside - ranges[i].inside < ranges[i].count)
                        return ranges[i].outside + (inside - ranges[i].inside);
        return -1;
}
