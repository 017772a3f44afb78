/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/home.h"
#include "base/str.h"

/* Returns the directory that was asked for, or the one for this kind of user. */
static char *choose(const char *wanted, const char *system, const char *variable,
                    const char *below_home) {
        const char *xdg = getenv(variable), *home = getenv("HOME");
        autofree char *here = NULL;

        if (wanted && *wanted == '/')
                return strdup(wanted);
        if (wanted) {
                here = realpath(".", NULL);
                return here ? str_format("%s/%s", here, wanted) : NULL;
        }
        if (geteuid() == 0)
                return strdup(system);
        if (xdg && *xdg == '/')
                return str_format("%s/isola", xdg);
        return str_format("%s/%s", home ? home : "/nonexistent", below_home);
}

static int open_own_dir(const char *path, int *ret, Err *err) {
        autoclose int dir = dir_open(AT_FDCWD, path, 0700);
        struct stat st;

        if (dir < 0)
                return fail(err, dir, "cannot open '%s'", path);
        if (fstat(dir, &st) < 0)
                return fail(err, errno, "cannot examine '%s'", path);
        if (st.st_uid != geteuid())
                return refuse(err, EPERM, "'%s' belongs to user %u, not to you", path, st.st_uid);
        if (st.st_mode & 0022)
                return err_hint(err,
                                refuse(err, EPERM, "'%s' is writable by others (mode %04o)", path,
                                       st.st_mode & 07777),
                                "chmod go-w '%s' if it is yours", path);
        *ret = take_fd(dir);
        return 0;
}

Home *home_free(Home *home) {
        if (home) {
                close_fd(home->data_fd);
                close_fd(home->run_fd);
                free(home->data);
                free(home->run);
                free(home);
        }
        return NULL;
}

int home_open(const char *data, const char *run, Home **ret, Err *err) {
        autoptr(Home) home = calloc(1, sizeof *home);
        int r;

        if (!home)
                return fail(err, ENOMEM, "cannot open isola's directories");
        home->data_fd = home->run_fd = -EBADF;
        home->data = choose(data, "/var/lib/isola", "XDG_DATA_HOME", ".local/share/isola");
        home->run = choose(run, "/run/isola", "XDG_RUNTIME_DIR", ".local/share/isola/run");
        if (!home->data || !home->run)
                return fail(err, ENOMEM, "cannot open isola's directories");

        r = open_own_dir(home->data, &home->data_fd, err);
        if (r < 0)
                return r;
        r = open_own_dir(home->run, &home->run_fd, err);
        if (r < 0)
                return r;
        *ret = take_ptr(home);
        return 0;
}
