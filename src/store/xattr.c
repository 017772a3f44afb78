/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <string.h>
#include <sys/xattr.h>

#include "base/str.h"
#include "store/xattr.h"

bool xattr_is_kept(const char *name) {
        if (str_after(name, "user."))
                return !str_after(name, "user.overlay.");
        return str_equal(name, "security.capability") || str_after(name, "system.posix_acl_");
}

size_t xattr_plain_capability(const char *name, unsigned char *value, size_t size) {
        static const unsigned char no_root[4];

        if (!str_equal(name, "security.capability") || size != 24 || value[3] != 3 ||
            memcmp(value + 20, no_root, sizeof no_root) != 0)
                return size;
        value[3] = 2;
        return 20;
}

int xattr_set(int fd, TarXattr *x) {
        if (!xattr_is_kept(x->name))
                return 0;
        x->size = xattr_plain_capability(x->name, x->value, x->size);
        if (fsetxattr(fd, x->name, x->value, x->size, 0) < 0)
                /* A file system that has none, or attributes that it has not. */
                return errno == ENOTSUP ? 0 : -errno;
        return 1;
}
