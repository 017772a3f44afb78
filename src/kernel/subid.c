/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "kernel/subid.h"

#define FILE_MAX    (4u << 20)
#define RANGES_MAX  32
#define PASSWD_FILE "/etc/passwd"

/* The user's name, owned by the caller; NULL if nothing tells it. */
static char *name_of(uid_t user) {
        autofree char *text = NULL;
        const char *told = getenv("LOGNAME");
        int uid;

        if (file_read(AT_FDCWD, PASSWD_FILE, FILE_MAX, &text, NULL) >= 0) {
                for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
                        char *name = strsep(&line, ":");

                        (void) strsep(&line, ":");
                        if (parse_int(line ? strsep(&line, ":") : "", 0, INT32_MAX, &uid) >= 0 &&
                            (uid_t) uid == user)
                                return strdup(name);
                }
        }
        return str_empty(told) ? NULL : strdup(told);
}

/* "name:first:count" */
static bool read_line(char *line, const char *name, uid_t user, IdRange *ret) {
        const char *who = strsep(&line, ":"), *first = line ? strsep(&line, ":") : NULL;
        uint64_t outside, count;
        int uid;

        if (!first || !line)
                return false;
        if (!str_equal(who, name) &&
            (parse_int(who, 0, INT32_MAX, &uid) < 0 || (uid_t) uid != user))
                return false;
        if (parse_u64(first, &outside) < 0 || parse_u64(line, &count) < 0 || count == 0 ||
            outside > UINT32_MAX || count > UINT32_MAX)
                return false;
        *ret = (IdRange){ 0, (int64_t) outside, (int64_t) count };
        return true;
}

static int read_file(const char *file, const char *name, uid_t user, IdRange **ret, size_t *ret_n) {
        autofree char *text = NULL;
        autofree IdRange *ranges = calloc(RANGES_MAX, sizeof *ranges);
        size_t n = 0;
        int r;

        if (!ranges)
                return -ENOMEM;
        r = file_read(AT_FDCWD, file, FILE_MAX, &text, NULL);
        if (r == -ENOMEM)
                return r;
        for (char *rest = text, *line; n < RANGES_MAX && (line = strsep(&rest, "\n"));)
                n += read_line(line, name, user, &ranges[n]);
        *ret = take_ptr(ranges);
        *ret_n = n;
        return 0;
}

int subid_read(const char *file, uid_t user, IdRange **ret, size_t *ret_n) {
        autofree char *name = name_of(user);

        return read_file(file, name, user, ret, ret_n);
}

int subid_read_name(const char *file, const char *name, IdRange **ret, size_t *ret_n) {
        return read_file(file, name, (uid_t) -1, ret, ret_n);
}
