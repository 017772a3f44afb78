/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "base/file.h"
#include "base/str.h"
#include "kernel/resolve.h"
#include "store/copy.h"

#define ACCOUNTS_MAX (1u << 20)
#define ID_MAX       65535

/* A number, or the one name that needs no file. */
static int parse_id(const char *text, int *ret) {
        *ret = 0;
        return str_equal(text, "root") ? 0 : parse_int(text, 0, ID_MAX, ret);
}

/* Reads a regular file of the tree; what is none, or is too long, has no names for us. */
static int read_accounts(int root, const char *path, char **ret) {
        autoclose int file = resolve_open(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
        autofree char *text = NULL;
        struct stat st;
        ssize_t n;

        if (file < 0)
                return file;
        if (fstat(file, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > ACCOUNTS_MAX)
                return -EINVAL;
        text = malloc((size_t) st.st_size + 1);
        if (!text)
                return -ENOMEM;
        n = fd_read_all(file, text, (size_t) st.st_size);
        if (n < 0)
                return (int) n;
        text[n] = 0;
        *ret = take_ptr(text);
        return 0;
}

/*
 * Finds the line of @name and the numbers in its third and fourth field; -ENOENT.  A group's
 * fourth field is a list of members: @ret_second is NULL then.
 */
static int find_account(const char *text, const char *name, int *ret_first, int *ret_second) {
        autostrv lines = NULL;

        if (strv_split(text, "\n", true, &lines) < 0)
                return -ENOMEM;
        strv_foreach(line, lines) {
                autostrv fields = NULL;

                if (strv_split(*line, ":", false, &fields) < 0)
                        return -ENOMEM;
                if (strv_length(fields) < 4 || !str_equal(fields[0], name))
                        continue;
                if (parse_int(fields[2], 0, ID_MAX, ret_first) < 0)
                        return -EINVAL;
                if (ret_second && parse_int(fields[3], 0, ID_MAX, ret_second) < 0)
                        return -EINVAL;
                return 0;
        }
        return -ENOENT;
}

static int resolve_name(int root, const char *file, const char *name, const char *what,
                        int *ret_first, int *ret_second, Err *err) {
        autofree char *text = NULL;
        int r;

        r = read_accounts(root, file, &text);
        if (r >= 0)
                r = find_account(text, name, ret_first, ret_second);
        if (r == -ENOENT)
                return refuse(err, r, "there is no %s '%s' in the image", what, name);
        return r < 0 ? fail(err, r, "cannot look up the %s '%s' in the image's /%s", what, name,
                            file)
                     : 0;
}

int owner_resolve(int root, const char *owner, uid_t *ret_uid, gid_t *ret_gid, Err *err) {
        autofree char *user = strdup(owner);
        int uid = 0, gid = 0, r = 0;
        char *group;

        if (!user)
                return fail(err, ENOMEM, "cannot look up '%s'", owner);
        group = strchr(user, ':');
        if (group)
                *group++ = 0;

        if (!*user)
                return refuse(err, EINVAL, "'%s' names no user", owner);
        if (parse_id(user, &uid) >= 0)
                gid = uid;
        else
                r = resolve_name(root, "etc/passwd", user, "user", &uid, &gid, err);
        if (r >= 0 && !str_empty(group) && parse_id(group, &gid) < 0)
                r = resolve_name(root, "etc/group", group, "group", &gid, NULL, err);
        if (r < 0)
                return r;
        *ret_uid = (uid_t) uid;
        *ret_gid = (gid_t) gid;
        return 0;
}
