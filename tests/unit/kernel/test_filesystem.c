/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>

#include "base/auto.h"
#include "kernel/filesystem.h"
#include "test.h"

TEST(file_systems_of_others_and_of_cameras_are_named) {
        expect_str(filesystem_unfit(NFS_SUPER_MAGIC), "NFS");
        expect_str(filesystem_unfit(MSDOS_SUPER_MAGIC), "vfat");
        expect_str(filesystem_unfit(V9FS_MAGIC), "9p");
        expect_str(filesystem_unfit((long) CIFS_SUPER_MAGIC), "CIFS");
        expect_str(filesystem_unfit((long) SMB2_SUPER_MAGIC), "SMB");
        expect_str(filesystem_unfit(SQUASHFS_MAGIC), "squashfs");
}

TEST(local_ones_and_those_that_may_do_are_not) {
        expect(!filesystem_unfit(EXT4_SUPER_MAGIC));
        expect(!filesystem_unfit(TMPFS_MAGIC));
        expect(!filesystem_unfit((long) BTRFS_SUPER_MAGIC));
        expect(!filesystem_unfit(XFS_SUPER_MAGIC));
        expect(!filesystem_unfit(FUSE_SUPER_MAGIC));
        expect(!filesystem_unfit(OVERLAYFS_SUPER_MAGIC));
}

TEST(a_directory_of_this_machine_will_do) {
        autoclose int dir = open("/dev/shm", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        expect(filesystem_check(dir, "/dev/shm", "layers", NULL) == 0);
}
