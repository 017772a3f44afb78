/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <sys/stat.h>

#include "base/auto.h"
#include "kernel/chroot.h"
#include "test.h"

TEST_IN(chroot_becomes_the_root_of_a_namespace, CLONE_NEWNS) {
        autoerr err = {};

        /* Mounts are shared on a machine with systemd, and a copy of one is, too. */
        expect(mount(NULL, "/", NULL, MS_SHARED, NULL) == 0);
        /* A directory that holds this whole machine's files is as good as a copy of them. */
        expect(mount("none", "/mnt", "tmpfs", 0, NULL) == 0);
        expect(mount(NULL, "/mnt", NULL, MS_SHARED, NULL) == 0);
        expect(mkdir("/mnt/parent", 0755) == 0);
        expect(mkdir("/mnt/parent/root", 0755) == 0);
        expect(mkdir("/mnt/parent/root/proc", 0755) == 0);
        expect(mkdir("/mnt/parent/root/inside", 0755) == 0);
        expect(mount("/proc", "/mnt/parent/root/proc", NULL, MS_BIND | MS_REC, NULL) == 0);
        expect(!chroot_is_partial());

        expect(chroot("/mnt/parent/root") == 0 && chdir("/inside") == 0);
        expect(chroot_is_partial());
        expect(unshare(CLONE_NEWUSER) < 0 && errno == EPERM);

        if (chroot_own_root(&err) < 0) {
                printf("# %s\n", err.message);
                expect(!"it works");
        }
        expect(!chroot_is_partial());
        expect(access("/inside", F_OK) == 0 && access("/parent", F_OK) < 0);
        expect(unshare(CLONE_NEWUSER) == 0);
}
