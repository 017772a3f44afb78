/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/auto.h"
#include "kernel/landlock.h"

/* linux/landlock.h of Linux 6.12; Debian 12 has an older one. */
#define CREATE_VERSION 1
#define RULE_BENEATH   1
#define SCOPES         6 /* version that brought them */

enum {
        FS_MAKE_CHAR = 1 << 6,
        FS_MAKE_BLOCK = 1 << 11,
        FS_FIRST = (1 << 13) - 1, /* all of the first version */
        FS_REFER = 1 << 13,       /* from 2: link and rename between directories */
        FS_TRUNCATE = 1 << 14,    /* from 3 */
        FS_IOCTL_DEV = 1 << 15,   /* from 5 */
};

enum {
        SCOPE_ABSTRACT_UNIX_SOCKET = 1 << 0,
        SCOPE_SIGNAL = 1 << 1,
};

struct ruleset {
        uint64_t fs, net, scoped;
};

struct beneath {
        uint64_t allowed;
        int32_t parent;
} __attribute__((__packed__));

static uint64_t rights_of(long version) {
        uint64_t rights = FS_FIRST;

        if (version >= 2)
                rights |= FS_REFER;
        if (version >= 3)
                rights |= FS_TRUNCATE;
        if (version >= 5)
                rights |= FS_IOCTL_DEV;
        return rights;
}

static int allow(int ruleset, const char *path, uint64_t rights) {
        struct beneath rule = { .allowed = rights };
        autoclose int place = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        if (place < 0)
                return -errno;
        rule.parent = place;
        return syscall(SYS_landlock_add_rule, ruleset, RULE_BENEATH, &rule, 0) < 0 ? -errno : 0;
}

static long version_here(void) {
        return syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_VERSION);
}

bool landlock_has_walls(void) {
        return version_here() >= SCOPES;
}

int landlock_confine(const LandlockWalls *walls, Err *err) {
        long version = version_here();
        uint64_t inside =
                rights_of(version) & ~(uint64_t) (FS_MAKE_CHAR | FS_MAKE_BLOCK | FS_IOCTL_DEV);
        struct ruleset wanted = { .fs = rights_of(version) };
        autoclose int ruleset = -EBADF;
        int r;

        if (version < 0)
                return refuse(err, EOPNOTSUPP,
                              "this kernel has no Landlock, or it is switched off");
        if (version >= SCOPES && walls->abstract_sockets)
                wanted.scoped |= SCOPE_ABSTRACT_UNIX_SOCKET;
        if (version >= SCOPES && walls->signals)
                wanted.scoped |= SCOPE_SIGNAL;
        /* An older kernel knows a shorter struct. */
        ruleset = (int) syscall(SYS_landlock_create_ruleset, &wanted,
                                version >= SCOPES ? sizeof wanted
                                : version >= 4    ? offsetof(struct ruleset, scoped)
                                                  : offsetof(struct ruleset, net),
                                0);
        if (ruleset < 0)
                return fail(err, errno, "cannot make a Landlock ruleset");
        r = allow(ruleset, "/", inside);
        if (r >= 0 && version >= 5) {
                r = allow(ruleset, "/dev", FS_IOCTL_DEV);
                if (r == -ENOENT || r == -ENOTDIR || r == -ELOOP)
                        r = 0; /* a container without devices */
        }
        if (r < 0 || syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
                return fail(err, r < 0 ? r : errno, "cannot confine the program to its root");
        return 0;
}
