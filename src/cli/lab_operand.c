/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <string.h>

#include "base/str.h"
#include "cli/lab_operand.h"
#include "topology/read.h"

/* A name has no slash, and files of labs have their suffix. */
static bool is_file(const char *text) {
        return strchr(text, '/') || str_equal(text, ".") || str_ends_with(text, ".yml") ||
               str_ends_with(text, ".yaml");
}

int lab_operand_name(const Home *home, const char *text, char **ret, Err *err) {
        autoptr(Topology) t = NULL;
        int r;

        if (!text)
                return lab_only(home, ret, err);
        r = is_file(text) ? topology_read(text, NULL, &t, err) : 0;
        if (r >= 0 && str_set(ret, t ? t->name : text) < 0)
                r = fail(err, ENOMEM, "cannot find lab '%s'", text);
        return r;
}

int lab_operand_open(const Home *home, const char *text, Lab **ret, Err *err) {
        autofree char *name = NULL;
        int r = lab_operand_name(home, text, &name, err);

        return r < 0 ? r : lab_open(home, name, ret, err);
}
