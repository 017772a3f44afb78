/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/id.h"
#include "base/str.h"
#include "engine/volume.h"

int volume_use(const Home *home, const char *name, char **ret, Err *err) {
        autofree char *path = NULL, *mark = NULL, *absolute = NULL, *folder = NULL;
        bool anonymous = strlen(name) == ID_LENGTH && id_is_prefix(name);
        int r;

        if (!name_is_valid(name))
                return err_hint(
                        err, refuse(err, EINVAL, "'%s' is not a volume name", name),
                        "use letters, digits, '_', '.', '-'; a path to bind must begin with '/'");

        path = str_format("volumes/%s/_data", name);
        mark = str_format("volumes/%s/anonymous", name);
        folder = str_format("volumes/%s", name);
        absolute = str_format("%s/volumes/%s/_data", home->data, name);
        if (!path || !mark || !folder || !absolute)
                return fail(err, ENOMEM, "cannot use volume '%s'", name);

        r = 0;
        if (faccessat(home->data_fd, path, F_OK, 0) < 0) {
                /* The mark first: what has no mark belongs to nobody who would remove it. */
                r = anonymous ? dir_make(home->data_fd, folder, 0755) : 0;
                if (r >= 0 && anonymous)
                        r = file_create(home->data_fd, mark, "", 0, 0600);
                if (r >= 0 || r == -EEXIST)
                        r = dir_make(home->data_fd, path, 0755);
        }
        if (r < 0)
                return fail(err, r, "cannot make volume '%s'", name);

        *ret = take_ptr(absolute);
        return 0;
}

int volume_is_anonymous(const Home *home, const char *name) {
        autofree char *mark = str_format("volumes/%s/anonymous", name);

        if (!mark)
                return -ENOMEM;
        return faccessat(home->data_fd, mark, F_OK, 0) == 0;
}

int volume_remove(const Home *home, const char *name, Err *err) {
        autofree char *path = str_format("volumes/%s", name);
        int r;

        r = path ? tree_remove(home->data_fd, path) : -ENOMEM;
        return r < 0 ? fail(err, r, "cannot remove volume '%s'", name) : 0;
}
