/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/auto.h"
#include "kernel/chroot.h"
#include "kernel/mount.h"

/* <sys/mount.h> cannot be included together with <linux/mount.h> (glibc 2.36). */
#define MS_REC_PRIVATE (0x4000 | 0x40000)
#define MNT_DETACH     2

bool chroot_is_partial(void) {
        struct statx st;

        return statx(AT_FDCWD, "/", AT_NO_AUTOMOUNT, 0, &st) == 0 &&
               st.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT &&
               !(st.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

/* Puts the copy over the root of the namespace and makes it the only tree (pivot_root(2)). */
static int replace_root(int tree) {
        if (syscall(SYS_mount, NULL, "/", NULL, MS_REC_PRIVATE, NULL) < 0)
                return -errno;
        if (syscall(SYS_move_mount, tree, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0 ||
            fchdir(tree) < 0)
                return -errno;
        /* The copy is a peer of what it was made from, which systemd shares; pivot_root(2) takes
         * no shared mount. */
        if (syscall(SYS_mount, NULL, ".", NULL, MS_REC_PRIVATE, NULL) < 0 ||
            syscall(SYS_pivot_root, ".", ".") < 0 || syscall(SYS_umount2, ".", MNT_DETACH) < 0)
                return -errno;
        return 0;
}

int chroot_own_root(Err *err) {
        autofree char *directory = getcwd(NULL, 0);
        autoclose int tree = -EBADF, here = -EBADF;
        int r;

        if (unshare(CLONE_NEWNS) < 0)
                return fail(err, errno, "cannot leave the chroot");
        r = tree = mount_clone(AT_FDCWD, "/", true);
        if (r >= 0) {
                /* Entering one's own mount namespace leads to its root, outside of the chroot. */
                here = open("/proc/thread-self/ns/mnt", O_RDONLY | O_CLOEXEC);
                r = here < 0 || setns(here, CLONE_NEWNS) < 0 ? -errno : replace_root(tree);
        }
        if (r < 0)
                return err_hint(err, fail(err, r, "cannot make the chroot a root of its own"),
                                "is /proc mounted in it?");
        if (directory && chdir(directory) < 0)
                return fail(err, errno, "cannot return to '%s'", directory);
        return 0;
}
