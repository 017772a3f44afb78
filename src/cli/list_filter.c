/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "cli/list_filter.h"

static const ListFilter *find(const ListFilter *table, const char *text) {
        for (const ListFilter *f = table; f->key; f++) {
                const char *rest = str_after(text, f->key);

                if (rest && *rest == '=')
                        return f;
        }
        return NULL;
}

static char *list_keys(const ListFilter *table) {
        autostr keys = {};

        for (const ListFilter *f = table; f->key; f++)
                str_printf(&keys, "%s%s=", f == table ? "" : f[1].key ? ", " : " and ", f->key);
        return str_take(&keys);
}

int list_filter_check(const ListFilter *table, const char *const *texts, const char *what,
                      Err *err) {
        for (; texts && *texts; texts++)
                if (!find(table, *texts)) {
                        autofree char *keys = list_keys(table);

                        return err_hint(
                                err,
                                refuse(err, EINVAL, "'%s' is not a filter for %s", *texts, what),
                                "filters are %s", keys ? keys : "");
                }
        return 0;
}

bool list_filter_match(const ListFilter *table, const char *const *texts, const void *object) {
        for (const char *const *t = texts; t && *t; t++) {
                const ListFilter *f = find(table, *t);
                bool fits = f->fits(object, strchr(*t, '=') + 1);

                for (const char *const *other = texts; *other && !f->all && !fits; other++)
                        fits = find(table, *other) == f && f->fits(object, strchr(*other, '=') + 1);
                if (!fits)
                        return false;
        }
        return true;
}

bool label_fits(char *const *labels, const char *wanted) {
        strv_foreach(label, labels) {
                const char *rest = str_after(*label, wanted);

                if (rest && (!*rest || (*rest == '=' && !strchr(wanted, '='))))
                        return true;
        }
        return false;
}
