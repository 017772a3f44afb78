/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/auto.h"
#include "kernel/overlay.h"
#include "test.h"

static OverlayLayers of(const int fds[3]) {
        return (OverlayLayers){ .lowers = fds, .n = 1, .upper = fds[1], .work = fds[2] };
}

/* Makes /mnt/{lower,upper,work}, "old" in lower. */
static void make_layers(int fds[3]) {
        static const char *const names[] = { "/mnt/lower", "/mnt/upper", "/mnt/work" };

        test_scratch("/mnt");
        for (int i = 0; i < 3; i++) {
                expect(mkdir(names[i], 0755) == 0);
                fds[i] = open(names[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
                expect(fds[i] >= 0);
        }
        expect(mkdir("/mnt/lower/old", 0755) == 0);
        /* A user namespace may mount overlays since Linux 5.11. */
        if (mount("overlay", "/mnt/work", "overlay", 0,
                  "userxattr,lowerdir=/mnt/lower:/mnt/upper") < 0)
                skip("an overlay cannot be mounted in a user namespace here");
        expect(umount("/mnt/work") == 0);
}

static void expect_overlay(const int fds[3]) {
        const OverlayLayers layers = of(fds);
        autoclose int overlay = expect_ok(overlay_new(&layers, NULL));

        expect(faccessat(overlay, "old", F_OK, 0) == 0);
        expect(mkdirat(overlay, "new", 0755) == 0);
        expect(access("/mnt/upper/new", F_OK) == 0 && access("/mnt/lower/new", F_OK) < 0);
}

TEST_IN(upper_takes_what_is_written, CLONE_NEWNS) {
        int fds[3];

        make_layers(fds);
        expect_overlay(fds);
}

TEST_IN(scratch_upper_is_written_but_never_again, CLONE_NEWNS) {
        autoclose int overlay = -EBADF;
        OverlayLayers layers;
        autoerr err = {};
        int fds[3];

        make_layers(fds);
        layers = of(fds);
        layers.scratch = true;
        overlay = expect_ok(overlay_new(&layers, NULL));
        expect(mkdirat(overlay, "new", 0755) == 0 && access("/mnt/upper/new", F_OK) == 0);
        overlay = close_fd(overlay);
        expect(overlay_new(&layers, &err) < 0);
}

/* Denies a command of fsconfig(2) with an error, as older kernels do. */
static void deny(unsigned command, int error) {
        struct sock_filter code[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fsconfig, 0, 3),
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, command, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned) error),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog program = { sizeof code / sizeof *code, code };

        expect(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
        expect(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0);
}

/* Before 6.5 overlay's options are kept as one string (fs/fs_context.c). */
static bool takes_strings_only(void) {
        int fs = (int) syscall(SYS_fsopen, "overlay", 0);

        expect(fs >= 0);
        return syscall(SYS_fsconfig, fs, FSCONFIG_SET_FD, "upperdir", NULL, fs) < 0 &&
               errno == EOPNOTSUPP;
}

TEST_IN(kernel_that_wants_paths_gets_them, CLONE_NEWNS) {
        int fds[3];

        make_layers(fds);
        if (takes_strings_only())
                skip("this kernel wants all paths at once");
        deny(FSCONFIG_SET_FD, EINVAL);
        expect_overlay(fds);
}

TEST_IN(kernel_that_knows_no_parameters_but_strings_is_served, CLONE_NEWNS) {
        int fds[3];

        make_layers(fds);
        deny(FSCONFIG_SET_FD, EOPNOTSUPP);
        expect_overlay(fds);
}

/* 100 layers, "there" in one of them; the process is in /mnt/lower. */
static OverlayLayers make_many(int fds[3], int lowers[100]) {
        char name[16];

        make_layers(fds);
        for (int i = 0; i < 100; i++) {
                snprintf(name, sizeof name, "/mnt/%d", i);
                expect(mkdir(name, 0755) == 0);
                lowers[i] = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
        }
        expect(chdir("/mnt/lower") == 0 && mkdir("/mnt/40/there", 0755) == 0);
        return (OverlayLayers){ .lowers = lowers, .n = 100, .upper = fds[1], .work = fds[2] };
}

TEST_IN(many_layers_are_mounted_or_refused_by_number, CLONE_NEWNS) {
        autoclose int overlay = -EBADF;
        int fds[3], lowers[100];
        OverlayLayers layers = make_many(fds, lowers);
        autoerr err = {};

        overlay = overlay_new(&layers, &err);
        if (overlay >= 0) {
                expect(faccessat(overlay, "there", F_OK, 0) == 0);
        } else {
                expect(overlay == -E2BIG);
                expect_str(err.message, "100 layers are too many for this kernel");
        }
        expect(access("old", F_OK) == 0); /* still in the same directory */
}

TEST_IN(many_layers_are_mounted_aside_before_6_7, CLONE_NEWNS) {
        autoclose int overlay = -EBADF, view = -EBADF;
        int fds[3], lowers[100];
        OverlayLayers layers = make_many(fds, lowers);
        autoerr err = {};

        deny(FSCONFIG_SET_FD, EOPNOTSUPP);
        expect(overlay_new(&layers, &err) == -E2BIG);
        expect_str(err.message, "100 layers are too many for this kernel");
        layers.aside = "/mnt/work";
        overlay = expect_ok(overlay_new(&layers, NULL));
        expect(faccessat(overlay, "there", F_OK, 0) == 0 && mkdirat(overlay, "new", 0755) == 0);
        expect(access("/mnt/upper/new", F_OK) == 0 && access("old", F_OK) == 0);
        expect(access("/mnt/work/there", F_OK) < 0); /* not covered any more */
        layers.upper = layers.work = -EBADF;
        view = expect_ok(overlay_new(&layers, NULL));
        expect(mkdirat(view, "newer", 0755) < 0 && errno == EROFS);
}

TEST_IN(view_without_upper_is_read_only, CLONE_NEWNS) {
        autoclose int overlay = -EBADF;
        int fds[3];

        make_layers(fds);
        overlay = expect_ok(overlay_new(
                &(OverlayLayers){ .lowers = fds, .n = 2, .upper = -EBADF, .work = -EBADF }, NULL));
        expect(mkdirat(overlay, "new", 0755) < 0 && errno == EROFS);
}
