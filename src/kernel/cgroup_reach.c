/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What somebody who is not the machine's root may do with the places around his own. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "kernel/cgroup_internal.h"

#define SELF_MAX 65536

/* "a/b" of the line "0::/a/b". */
int cgroup_own_path(char **ret) {
        autofree char *text = NULL;
        const char *own;
        int r = file_read(AT_FDCWD, "/proc/self/cgroup", SELF_MAX, &text, NULL);

        if (r < 0)
                return r;
        own = strstr(text, "0::/");
        if (!own)
                return -EOPNOTSUPP;
        own += strlen("0::/");
        *ret = strndup(own, strcspn(own, "\n"));
        return *ret ? 0 : -ENOMEM;
}

/* The length of "a/b/" before the last name. */
static size_t length_above(const char *path) {
        const char *slash = strrchr(path, '/');

        return slash ? (size_t) (slash - path) + 1 : 0;
}

int cgroup_beside_us(const char *name, char **ret) {
        autofree char *own = NULL;
        int r = cgroup_own_path(&own);

        if (r < 0)
                return r;
        *ret = str_format("%.*s%s", (int) length_above(own), own, name);
        return *ret ? 0 : -ENOMEM;
}

/* Slices, and the place of a user's whole manager (systemd.slice(5), user@.service(5)). */
static bool is_divided_by_systemd(const char *path) {
        const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

        return str_ends_with(name, ".slice") ||
               (str_after(name, "user@") && str_ends_with(name, ".service"));
}

bool cgroup_above_is_ours(void) {
        autofree char *own = NULL;
        autoclose int root = -EBADF;
        size_t length;

        if (cgroup_own_path(&own) < 0)
                return false;
        length = length_above(own);
        if (length < 2) /* the root itself, or no more than what a cgroup namespace shows */
                return false;
        own[length - 1] = 0;
        if (is_divided_by_systemd(own))
                return false;
        root = cgroup_v2_root();
        return root >= 0 && file_access(root, own, W_OK) == 0;
}

/* How much of two paths names places above both, or one of them: whole names. */
static size_t common_length(const char *a, const char *b) {
        size_t common = 0, i = 0;

        for (;; i++) {
                bool a_ends = !a[i] || a[i] == '/', b_ends = !b[i] || b[i] == '/';

                if (a_ends && b_ends)
                        common = i;
                if (!a[i] || !b[i] || a[i] != b[i])
                        return common;
        }
}

bool cgroup_is_within_reach(const Cgroup *c) {
        autofree char *own = NULL, *file = NULL;

        if (c->v2 < 0 || cgroup_own_path(&own) < 0)
                return true; /* the kernel asks for nothing of the kind */
        own[common_length(own, c->name)] = 0;
        file = str_format("%s%scgroup.procs", own, *own ? "/" : "");
        return !file || file_access(c->root, file, W_OK) == 0;
}
