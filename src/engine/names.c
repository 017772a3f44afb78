/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/id.h"
#include "base/str.h"
#include "engine/container.h"
#include "engine/names.h"

int container_name_lookup(const Home *home, const char *name, char **ret) {
        autofree char *path = str_format("names/%s", name);

        if (!path)
                return -ENOMEM;
        if (!name_is_valid(name))
                return -ENOENT;
        return owner_read(home->data_fd, path, ret);
}

static int create_name(const Home *home, const char *path, const char *id) {
        int r;

        r = owner_create(home->data_fd, path, id);
        if (r != -ENOENT)
                return r;
        r = dir_make(home->data_fd, "names", 0700);
        return r < 0 ? r : owner_create(home->data_fd, path, id);
}

/* True if the container at @dir has another name, and nobody is giving it this one. */
static bool has_other_name(const Home *home, const char *dir, const char *name, const char *id) {
        autoclose int fd = -EBADF, lock = -EBADF;
        autoptr(Container) c = NULL;

        if (container_read_record(home, id, &c, NULL) < 0 || str_equal(c->name, name))
                return false;
        fd = openat(home->data_fd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        lock = fd < 0 ? fd : lock_dir(fd, false);
        if (lock < 0)
                return false;
        c = container_free(c);
        return container_read_record(home, id, &c, NULL) >= 0 && !str_equal(c->name, name);
}

/* True if the name is nobody's, in which case it is removed. */
static bool free_orphan(const Home *home, const char *name, char **ret_owner) {
        autofree char *path = str_format("names/%s", name), *dir = NULL;

        if (!path)
                return false;
        if (owner_read(home->data_fd, path, ret_owner) < 0)
                return true;
        dir = str_format("containers/%s", *ret_owner);
        if (!dir || (file_access(home->data_fd, dir, F_OK) == 0 &&
                     !has_other_name(home, dir, name, *ret_owner)))
                return false;
        (void) unlinkat(home->data_fd, path, 0);
        return true;
}

int container_name_take(const Home *home, const char *name, const char *id, Err *err) {
        autofree char *path = str_format("names/%s", name), *owner = NULL;
        int r;

        if (!path)
                return fail(err, ENOMEM, "cannot take the name '%s'", name);
        if (!name_is_valid(name))
                return err_hint(
                        err, refuse(err, EINVAL, "'%s' cannot be a container's name", name),
                        "use letters, digits, '_', '.' and '-', beginning with a letter or digit");

        r = create_name(home, path, id);
        if (r == -EEXIST && free_orphan(home, name, &owner))
                r = create_name(home, path, id);
        if (r == -EEXIST)
                return err_hint(
                        err,
                        refuse(err, EEXIST, "the name '%s' is already taken by container %.12s",
                               name, owner ? owner : "?"),
                        "choose another name, or remove that container with 'isola rm %s'", name);
        if (r < 0)
                return fail(err, r, "cannot take the name '%s'", name);
        return 0;
}

static bool is_owner(const Home *home, const char *path, const char *id) {
        autofree char *owner = NULL;

        return owner_read(home->data_fd, path, &owner) >= 0 && str_equal(owner, id);
}

void container_name_release(const Home *home, const char *name, const char *id) {
        autofree char *path = str_format("names/%s", name);

        if (path && is_owner(home, path, id))
                (void) unlinkat(home->data_fd, path, 0);
}

void container_name_bury(const Home *home, const char *name, const char *id, const char *grave) {
        autofree char *path = str_format("names/%s", name);

        if (path && is_owner(home, path, id) &&
            renameat(home->data_fd, path, home->data_fd, grave) < 0)
                (void) unlinkat(home->data_fd, path, 0);
}

void container_names_sweep(const Home *home, size_t n_containers) {
        autostrv names = NULL;

        /* Every container has one name: as many names as containers need no second look. */
        if (dir_list(home->data_fd, "names", &names) < 0 || strv_length(names) <= n_containers)
                return;
        strv_foreach(name, names) {
                autofree char *owner = NULL;

                (void) free_orphan(home, *name, &owner);
        }
}
