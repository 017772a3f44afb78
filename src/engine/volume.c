/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/id.h"
#include "base/str.h"
#include "engine/volume.h"

bool volume_is_anonymous(const char *name) {
        return strlen(name) == ID_LENGTH && id_is_prefix(name);
}

int volume_use(const Home *home, const char *name, char **ret, Err *err) {
        autofree char *path = NULL, *absolute = NULL;
        int r;

        if (!name_is_valid(name))
                return err_hint(
                        err, refuse(err, EINVAL, "'%s' is not a volume name", name),
                        "use letters, digits, '_', '.', '-'; a path to bind must begin with '/'");

        path = str_format("volumes/%s/_data", name);
        absolute = str_format("%s/volumes/%s/_data", home->data, name);
        if (!path || !absolute)
                return fail(err, ENOMEM, "cannot use volume '%s'", name);

        r = file_access(home->data_fd, path, F_OK) == 0 ? 0 : dir_make(home->data_fd, path, 0755);
        if (r < 0)
                return fail(err, r, "cannot make volume '%s'", name);

        *ret = take_ptr(absolute);
        return 0;
}

int volume_remove(const Home *home, const char *name, Err *err) {
        autofree char *path = str_format("volumes/%s", name);
        int r;

        r = path ? tree_remove(home->data_fd, path) : -ENOMEM;
        return r < 0 ? fail(err, r, "cannot remove volume '%s'", name) : 0;
}
