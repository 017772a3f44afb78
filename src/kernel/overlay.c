/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/auto.h"
#include "base/str.h"
#include "kernel/mount.h"
#include "kernel/overlay.h"

static int config(int fs, unsigned command, const char *key, const void *value, int aux) {
        return syscall(SYS_fsconfig, fs, command, key, value, aux) < 0 ? -errno : 0;
}

/* Before 6.15 a layer must be a descriptor that could be read (no O_PATH). */
static int set_layer(int fs, const char *key, int layer) {
        autoclose int readable = -EBADF;
        int r;

        r = config(fs, FSCONFIG_SET_FD, key, NULL, layer);
        if (r != -EBADF)
                return r;
        readable = openat(layer, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (readable < 0)
                return -errno;
        return config(fs, FSCONFIG_SET_FD, key, NULL, readable);
}

static int set_layers(int fs, const int *lowers, size_t n, int upper, int work) {
        int r;

        for (size_t i = 0; i < n; i++) {
                r = set_layer(fs, "lowerdir+", lowers[i]);
                if (r < 0)
                        return r;
        }
        if (upper < 0)
                return 0;
        r = set_layer(fs, "upperdir", upper);
        return r < 0 ? r : set_layer(fs, "workdir", work);
}

/* The kernel's own words ("e overlay: …"), read from the file system context. */
static int create_failed(int fs, int code, Err *err) {
        char line[256];
        ssize_t n = read(fs, line, sizeof line - 1);

        if (n <= 2)
                return fail(err, code, "cannot mount the layers");
        line[n] = 0;
        line[strcspn(line, "\n")] = 0;
        return fail(err, code, "cannot mount the layers: %s", line + 2);
}

static int mount_context(int fs, Err *err) {
        int mount;

        mount = (int) syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
        return mount < 0 ? fail(err, errno, "cannot mount the layers") : mount;
}

/* Attaches a layer below the private tmpfs as name, so that it has a path. */
static int place_layer(int shelf, const char *name, int layer) {
        autoclose int target = -EBADF;

        if (mkdirat(shelf, name, 0700) < 0)
                return -errno;
        target = openat(shelf, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
        return target < 0 ? -errno : mount_attach(layer, target);
}

/*
 * Kernels before 6.13: layers by path.  The shelf is attached over the present
 * root, where "/.." and so no path of ours leads; /proc/self/fd names it.
 */
static int overlay_by_path(const int *lowers, size_t n, int upper, int work, Err *err) {
        const char *const size[] = { "size=64k", "mode=0700", NULL };
        autoclose int fs = -EBADF, shelf = -EBADF, root = -EBADF;
        autostr list = {};
        char path[64], name[24];
        int r;

        shelf = mount_new("tmpfs", size, &(MountAttr){}, err);
        if (shelf < 0)
                return shelf;
        root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        r = root < 0 ? -errno : mount_attach(shelf, root);
        for (size_t i = 0; i < n && r == 0; i++) {
                snprintf(name, sizeof name, "%zu", i);
                r = place_layer(shelf, name, lowers[i]);
                str_printf(&list, "%s/proc/self/fd/%d/%s", i ? ":" : "", shelf, name);
        }
        if (r < 0)
                return fail(err, r, "cannot put the layers in place");

        fs = (int) syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC);
        if (fs < 0)
                return fail(err, errno, "cannot use file system 'overlay'");
        r = list.failed ? -ENOMEM : config(fs, FSCONFIG_SET_STRING, "lowerdir", list.text, 0);
        if (r == 0 && upper >= 0) {
                snprintf(path, sizeof path, "/proc/self/fd/%d", upper);
                r = config(fs, FSCONFIG_SET_STRING, "upperdir", path, 0);
        }
        if (r == 0 && upper >= 0) {
                snprintf(path, sizeof path, "/proc/self/fd/%d", work);
                r = config(fs, FSCONFIG_SET_STRING, "workdir", path, 0);
        }
        if (r == 0)
                r = config(fs, FSCONFIG_SET_FLAG, "userxattr", NULL, 0);
        if (r == 0)
                r = config(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
        return r < 0 ? create_failed(fs, r, err) : mount_context(fs, err);
}

int overlay_new(const int *lowers, size_t n, int upper, int work, Err *err) {
        autoclose int fs = -EBADF;
        int r;

        fs = (int) syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC);
        if (fs < 0)
                return fail(err, errno, "cannot use file system 'overlay'");

        r = set_layers(fs, lowers, n, upper, work);
        if (r == -EINVAL)
                return overlay_by_path(lowers, n, upper, work, err);
        if (r == 0)
                r = config(fs, FSCONFIG_SET_FLAG, "userxattr", NULL, 0);
        if (r < 0)
                return fail(err, r, "cannot use the layers");

        r = config(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
        return r < 0 ? create_failed(fs, r, err) : mount_context(fs, err);
}
