/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/search.h"
#include "base/str.h"

char *search_program(const char *name) {
        const char *path = getenv("PATH");
        autofree char *places = str_format("%s:%s", path ? path : "/usr/bin:/bin", SEARCH_ALSO);
        autostrv list = NULL;

        if (*name == '/')
                return access(name, X_OK) == 0 ? strdup(name) : NULL;
        if (!places || strv_split(places, ":", true, &list) < 0)
                return NULL;
        strv_foreach(place, list) {
                autofree char *file = str_format("%s/%s", *place, name);

                if (file && **place == '/' && access(file, X_OK) == 0)
                        return take_ptr(file);
        }
        return NULL;
}
