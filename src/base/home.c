/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/home.h"
#include "base/log.h"
#include "base/str.h"

#define PASSWD_MAX (1u << 20)

/* A directory that was named, made absolute; owned by the caller. */
static char *absolute(const char *path) {
        autofree char *here = NULL;

        if (*path == '/')
                return strdup(path);
        here = realpath(".", NULL);
        return here ? str_format("%s/%s", here, path) : NULL;
}

/* $HOME, else what passwd(5) has; owned by the caller, NULL if nothing says. */
static char *home_of_user(void) {
        const char *told = getenv("HOME");
        autofree char *text = NULL;
        int uid;

        if (told && *told == '/')
                return strdup(told);
        if (file_read(AT_FDCWD, "/etc/passwd", PASSWD_MAX, &text, NULL) < 0)
                return NULL;
        for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
                for (int i = 0; i < 2; i++)
                        (void) strsep(&line, ":");
                if (!line || parse_int(strsep(&line, ":"), 0, INT32_MAX, &uid) < 0 ||
                    (uid_t) uid != geteuid())
                        continue;
                for (int i = 0; i < 2; i++)
                        (void) strsep(&line, ":");
                told = line ? strsep(&line, ":") : NULL;
                return told && *told == '/' ? strdup(told) : NULL;
        }
        return NULL;
}

static int below_home(const char *path, char **ret, Err *err) {
        autofree char *home = home_of_user();

        if (!home)
                return err_hint(err,
                                refuse(err, ENOENT,
                                       "nothing says where your directories are: $HOME is not set "
                                       "and /etc/passwd has none"),
                                "set HOME, or give --root and --run-root");
        *ret = str_format("%s/%s", home, path);
        return *ret ? 0 : fail(err, ENOMEM, "cannot open isola's directories");
}

static int choose_data(const char *wanted, char **ret, Err *err) {
        const char *xdg = getenv("XDG_DATA_HOME");

        if (!wanted && geteuid() != 0 && !(xdg && *xdg == '/'))
                return below_home(".local/share/isola", ret, err);
        *ret = wanted           ? absolute(wanted)
               : geteuid() == 0 ? strdup("/var/lib/isola")
                                : str_format("%s/isola", xdg);
        return *ret ? 0 : fail(err, ENOMEM, "cannot open isola's directories");
}

static bool is_ours(const char *path, struct stat *st) {
        return stat(path, st) == 0 && S_ISDIR(st->st_mode) && st->st_uid == geteuid();
}

/*
 * $XDG_RUNTIME_DIR (basedir-spec).  A command of cron's or of sudo's has none or another user's: it
 * must find the containers of the others, so what the system has made for this user comes next.
 */
static int choose_run(const char *wanted, char **ret, Err *err) {
        autofree char *usual = str_format("/run/user/%u", geteuid());
        const char *xdg = getenv("XDG_RUNTIME_DIR");
        struct stat st;
        bool told;

        if (!usual)
                return fail(err, ENOMEM, "cannot open isola's directories");
        if (wanted || geteuid() == 0) {
                *ret = wanted ? absolute(wanted) : strdup("/run/isola");
                return *ret ? 0 : fail(err, ENOMEM, "cannot open isola's directories");
        }
        told = xdg && *xdg == '/' && is_ours(xdg, &st);
        if (!told && !str_empty(xdg))
                log_warn("$XDG_RUNTIME_DIR is '%s', which is no directory of yours: it is not used",
                         xdg);
        if (!told && !is_ours(usual, &st))
                return below_home(".local/share/isola/run", ret, err);
        if (st.st_mode & 0022)
                return err_hint(err,
                                refuse(err, EPERM, "'%s' is writable by others (mode %04o)",
                                       told ? xdg : usual, st.st_mode & 07777),
                                "it is to be yours alone: chmod 0700 '%s'", told ? xdg : usual);
        *ret = str_format("%s/isola", told ? xdg : usual);
        return *ret ? 0 : fail(err, ENOMEM, "cannot open isola's directories");
}

#define MARK        "version"
#define MARK_PREFIX "isola "
#define MARK_TEXT   MARK_PREFIX "1\n"

static int open_own_dir(const char *path, int *ret, Err *err) {
        autoclose int dir = dir_open(AT_FDCWD, path, 0700);
        struct stat st;

        if (dir == -EACCES)
                return err_hint(err, fail(err, dir, "cannot open '%s'", path),
                                "it is another user's: after sudo or su, HOME and XDG_… may still "
                                "be those of before (sudo -i, su -)");
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
        /* Images have programs with set-id bits, which others could run as this user. */
        if (st.st_mode & 0055 && fchmod(dir, 0700) < 0)
                return fail(err, errno, "cannot close '%s' to others", path);
        *ret = take_fd(dir);
        return 0;
}

/* Return: 1 if the directory is marked as isola's; 0 if it is not marked. */
static int check_mark(int dir, const char *path, Err *err) {
        autofree char *mark = NULL;
        int r = file_read(dir, MARK, 64, &mark, NULL);

        if (r == -ENOENT)
                return 0;
        if (r < 0 && r != -EFBIG && r != -EISDIR)
                return fail(err, r, "cannot read '%s/" MARK "'", path);
        if (r >= 0 && str_equal(mark, MARK_TEXT))
                return 1;
        if (r >= 0 && str_after(mark, MARK_PREFIX))
                return err_hint(err,
                                refuse(err, EINVAL,
                                       "'%s' is kept in a format that this isola does not know",
                                       path),
                                "use the isola that made it, or another --root");
        return refuse(err, EEXIST, "'%s/" MARK "' is not isola's: is '%s' another program's?", path,
                      path);
}

/* Whether nobody else keeps anything there; a file system's own directory is nobody's, and
 * isola-oci keeps its containers without the rest. */
static int is_free(int dir) {
        autostrv names = NULL;
        int r = dir_list(dir, ".", &names);

        strv_foreach(name, names)
                if (!str_after(*name, MARK) && !str_equal(*name, "lost+found") &&
                    !str_equal(*name, "oci"))
                        return 0;
        return r < 0 ? r : 1;
}

/* Things are removed below it that belong to no container.  So they must be isola's: a directory
 * that was named by hand is taken only if it is empty, and marked before there is anything in it.
 */
static int claim(int dir, const char *path, bool by_hand, Err *err) {
        int r = check_mark(dir, path, err);

        if (r != 0)
                return r;
        r = by_hand ? is_free(dir) : 1;
        if (r < 0)
                return fail(err, r, "cannot list '%s'", path);
        if (r > 0) {
                r = file_replace(dir, MARK, MARK_TEXT, strlen(MARK_TEXT), 0600, false);
                return r < 0 ? fail(err, r, "cannot write '%s/" MARK "'", path) : 0;
        }
        r = check_mark(dir, path, err); /* somebody may have been quicker */
        if (r != 0)
                return r;
        return err_hint(err, refuse(err, ENOTEMPTY, "'%s' holds other things than isola's", path),
                        "give --root and --run-root directories of their own");
}

Home *home_free(Home *home) {
        if (home) {
                close_fd(home->data_fd);
                close_fd(home->run_fd);
                free(home->data);
                free(home->run);
                if (home->network) {
                        close_fd(home->network->netns);
                        close_fd(home->network->starting);
                        close_fd(home->network->lock);
                        free(home->network);
                }
                free(home);
        }
        return NULL;
}

/* The option, or the variable in its place. */
static const char *given(const char *option, const char *variable) {
        const char *value = option ? option : getenv(variable);

        return str_empty(value) ? NULL : value;
}

int home_open(const char *root, const char *run_root, Home **ret, Err *err) {
        const char *data = given(root, HOME_ROOT_VARIABLE),
                   *run = given(run_root, HOME_RUN_ROOT_VARIABLE);
        autoptr(Home) home = calloc(1, sizeof *home);
        int r;

        if (!home)
                return fail(err, ENOMEM, "cannot open isola's directories");
        home->data_fd = home->run_fd = -EBADF;
        r = choose_data(data, &home->data, err);
        if (r >= 0)
                r = choose_run(run, &home->run, err);
        if (r < 0)
                return r;

        r = open_own_dir(home->data, &home->data_fd, err);
        if (r >= 0)
                r = claim(home->data_fd, home->data, data, err);
        if (r >= 0)
                r = open_own_dir(home->run, &home->run_fd, err);
        if (r >= 0)
                r = claim(home->run_fd, home->run, run, err);
        if (r < 0)
                return r;
        *ret = take_ptr(home);
        return 0;
}
