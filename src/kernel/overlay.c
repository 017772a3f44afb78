/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/auto.h"
#include "base/str.h"
#include "kernel/denied.h"
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
        return mount < 0 ? err_denied(err, fail(err, errno, "cannot mount the layers"), "fsmount",
                                      "5.2")
                         : mount;
}

static int set_path(int fs, const char *key, int layer) {
        char path[32];

        snprintf(path, sizeof path, "/proc/self/fd/%d", layer);
        return config(fs, FSCONFIG_SET_STRING, key, path, 0);
}

/* Kernels before 6.13 want paths, and these are the paths of descriptors. */
static int set_paths(int fs, const int *lowers, size_t n, int upper, int work) {
        autostr list = {};
        int r;

        for (size_t i = 0; i < n; i++)
                str_printf(&list, "%s/proc/self/fd/%d", i ? ":" : "", lowers[i]);
        r = list.failed ? -ENOMEM : config(fs, FSCONFIG_SET_STRING, "lowerdir", list.text, 0);
        if (r == 0 && upper >= 0)
                r = set_path(fs, "upperdir", upper);
        if (r == 0 && upper >= 0)
                r = set_path(fs, "workdir", work);
        return r;
}

int overlay_new(const int *lowers, size_t n, int upper, int work, bool scratch, Err *err) {
        autoclose int fs = -EBADF;
        int r;

        fs = (int) syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC);
        if (fs < 0)
                return err_denied(err, fail(err, errno, "cannot use file system 'overlay'"),
                                  "fsopen", "5.2");

        r = set_layers(fs, lowers, n, upper, work);
        if (r == -EINVAL) {
                close_fd(fs);
                fs = (int) syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC);
                r = fs < 0 ? -errno : set_paths(fs, lowers, n, upper, work);
        }
        if (r == 0)
                r = config(fs, FSCONFIG_SET_FLAG, "userxattr", NULL, 0);
        if (r == 0 && scratch && upper >= 0)
                r = config(fs, FSCONFIG_SET_FLAG, "volatile", NULL, 0); /* since 5.10 */
        if (r == 0)
                r = config(fs, FSCONFIG_SET_STRING, "source", "overlay", 0);
        if (r < 0)
                return err_denied(err, fail(err, r, "cannot use the layers"), "fsconfig", "5.2");

        r = config(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
        return r < 0 ? create_failed(fs, r, err) : mount_context(fs, err);
}
