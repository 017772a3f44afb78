/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/auto.h"
#include "denied.h"
#include "kernel/mount_remount.h"

static unsigned long flags_of(const char *path) {
        struct statvfs fs;

        expect(statvfs(path, &fs) == 0);
        return fs.f_flag & (ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC | ST_NOATIME |
                            ST_NODIRATIME | ST_RELATIME | 0x2000);
}

/* A tmpfs at /mnt with two more below, one of which is covered by a third. */
static int make_tree(void) {
        int top;

        expect(mount("tmpfs", "/mnt", "tmpfs", MS_NOSUID, NULL) == 0);
        expect(mkdir("/mnt/a b", 0755) == 0 && mkdir("/mnt/c", 0755) == 0);
        expect(mount("tmpfs", "/mnt/a b", "tmpfs", MS_NODEV | MS_NOATIME, NULL) == 0);
        expect(mkdir("/mnt/a b/d", 0755) == 0);
        expect(mount("tmpfs", "/mnt/a b/d", "tmpfs", 0, NULL) == 0);
        expect(mount("tmpfs", "/mnt/c", "tmpfs", 0, NULL) == 0);
        expect(mount("tmpfs", "/mnt/c", "tmpfs", 0, NULL) == 0);
        top = open("/mnt", O_PATH | O_DIRECTORY | O_CLOEXEC);
        expect(top >= 0);
        return top;
}

TEST_IN(attributes_are_added_to_those_there_are, CLONE_NEWNS) {
        autoclose int top = make_tree();

        expect_ok(mount_remount(top, &(MountAttr){ .set = MOUNT_ATTR_RDONLY }));
        expect(flags_of("/mnt") == (ST_RDONLY | ST_NOSUID | ST_RELATIME));
        expect(flags_of("/mnt/a b") == (ST_NODEV | ST_NOATIME));
}

TEST_IN(attributes_are_taken_away, CLONE_NEWNS) {
        autoclose int top = make_tree();
        const MountAttr attr = { .set = MOUNT_ATTR_NOATIME | MOUNT_ATTR_NODIRATIME |
                                        MOUNT_ATTR_NOSYMFOLLOW,
                                 .clear = MOUNT_ATTR_NOSUID | MOUNT_ATTR__ATIME };

        expect_ok(mount_remount(top, &attr));
        expect(flags_of("/mnt") == (ST_NOATIME | ST_NODIRATIME | 0x2000));
}

TEST_IN(mounts_below_are_reached, CLONE_NEWNS) {
        autoclose int top = make_tree();
        const MountAttr attr = { .set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC, .recursive = true };

        expect_ok(mount_remount(top, &attr));
        expect(flags_of("/mnt") == (ST_RDONLY | ST_NOEXEC | ST_NOSUID | ST_RELATIME));
        expect(flags_of("/mnt/a b") == (ST_RDONLY | ST_NOEXEC | ST_NODEV | ST_NOATIME));
        expect(flags_of("/mnt/a b/d") == (ST_RDONLY | ST_NOEXEC | ST_RELATIME));
        expect(flags_of("/mnt/c") == (ST_RDONLY | ST_NOEXEC | ST_RELATIME));
        expect(!(flags_of("/") & ST_RDONLY));
}

/* The new one and the old way side by side, on what they both can do. */
TEST_IN(mount_setattr_does_the_same, CLONE_NEWNS) {
        static const MountAttr attrs[] = {
                { .set = MOUNT_ATTR_RDONLY },
                { .set = MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, .recursive = true },
                { .set = MOUNT_ATTR_STRICTATIME, .clear = MOUNT_ATTR__ATIME },
                { .set = MOUNT_ATTR_NOATIME, .clear = MOUNT_ATTR__ATIME | MOUNT_ATTR_NOSUID },
                { .set = MOUNT_ATTR_RELATIME, .clear = MOUNT_ATTR__ATIME, .recursive = true },
        };
        static const char *const paths[] = { "/mnt", "/mnt/a b", "/mnt/a b/d", "/mnt/c" };
        unsigned long want[4];

        for (size_t i = 0; i < sizeof attrs / sizeof *attrs; i++) {
                for (int older = 0; older < 2; older++) {
                        autoclose int top = make_tree();

                        expect_ok(older ? mount_remount(top, &attrs[i])
                                        : mount_set_attr(top, &attrs[i]));
                        for (int p = 0; p < 4; p++) {
                                if (!older)
                                        want[p] = flags_of(paths[p]);
                                expect(flags_of(paths[p]) == want[p]);
                        }
                        expect(umount2("/mnt", MNT_DETACH) == 0);
                }
        }
}

TEST_IN(denied_mount_setattr_is_replaced_for_what_is_attached, CLONE_NEWNS) {
        autoclose int top = make_tree(), detached = -EBADF;
        const MountAttr read_only = { .set = MOUNT_ATTR_RDONLY, .propagation = MS_PRIVATE };

        denied(__NR_mount_setattr, ENOSYS);
        expect_ok(mount_set_attr(top, &read_only));
        expect(flags_of("/mnt") & ST_RDONLY);
        detached = expect_ok(mount_clone(AT_FDCWD, "/mnt", false));
        expect(mount_set_attr(detached, &read_only) == -ENOSYS);
}
