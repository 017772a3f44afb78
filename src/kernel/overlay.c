/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/str.h"
#include "kernel/denied.h"
#include "kernel/overlay.h"

#define DESCRIPTORS "/proc/self/fd"
#define STRING_MAX  255

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

/* Since 6.13 */
static int set_descriptors(int fs, const int *lowers, size_t n, int upper, int work) {
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

static int set_path(int fs, const char *key, int layer) {
        char path[32];

        snprintf(path, sizeof path, "/proc/self/fd/%d", layer);
        return config(fs, FSCONFIG_SET_STRING, key, path, 0);
}

static int set_upper_path(int fs, int upper, int work) {
        int r;

        if (upper < 0)
                return 0;
        r = set_path(fs, "upperdir", upper);
        return r < 0 ? r : set_path(fs, "workdir", work);
}

/* Since 6.7: a path for each layer, and these are the paths of descriptors. */
static int set_paths(int fs, const int *lowers, size_t n, int upper, int work) {
        int r;

        for (size_t i = 0; i < n; i++) {
                r = set_path(fs, "lowerdir+", lowers[i]);
                if (r < 0)
                        return r;
        }
        return set_upper_path(fs, upper, work);
}

/*
 * Before: one list of paths, and fsconfig(2) takes 255 bytes (fs/fsopen.c).  So the
 * names are as short as can be: numbers, in the directory DESCRIPTORS.
 */
static int set_list(int fs, const int *lowers, size_t n, int upper, int work) {
        autostr list = {};
        int r;

        for (size_t i = 0; i < n; i++)
                str_printf(&list, "%s%d", i ? ":" : "", lowers[i]);
        if (list.failed)
                return -ENOMEM;
        if (list.length > STRING_MAX)
                return -E2BIG;
        r = config(fs, FSCONFIG_SET_STRING, "lowerdir", list.text, 0);
        return r < 0 ? r : set_upper_path(fs, upper, work);
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

static int open_context(int *fs) {
        close_fd(*fs);
        *fs = (int) syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC);
        return *fs < 0 ? -errno : 0;
}

static int create(int fs, bool scratch, Err *err) {
        int r;

        r = config(fs, FSCONFIG_SET_FLAG, "userxattr", NULL, 0);
        if (r == 0 && scratch)
                r = config(fs, FSCONFIG_SET_FLAG, "volatile", NULL, 0); /* since 5.10 */
        if (r == 0)
                r = config(fs, FSCONFIG_SET_STRING, "source", "overlay", 0);
        if (r < 0)
                return err_denied(err, fail(err, r, "cannot use the layers"), "fsconfig", "5.2");

        r = config(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
        return r < 0 ? create_failed(fs, r, err) : mount_context(fs, err);
}

/* The names in a list are looked up at once or at the end, depending on the kernel. */
static int create_of_list(const int *lowers, size_t n, int upper, int work, bool scratch,
                          Err *err) {
        autoclose int fs = -EBADF, directory = -EBADF;
        int r;

        directory = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (directory < 0 || chdir(DESCRIPTORS) < 0)
                return fail(err, errno, "cannot enter '%s'", DESCRIPTORS);
        r = open_context(&fs);
        r = r < 0 ? r : set_list(fs, lowers, n, upper, work);
        if (r == -E2BIG)
                r = err_hint(err, refuse(err, E2BIG, "%zu layers are too many for this kernel", n),
                             "Linux 6.7 and newer take 500");
        else
                r = r < 0 ? fail(err, r, "cannot use the layers") : create(fs, scratch, err);
        if (r == -EINVAL || r == -EPERM) /* "userxattr", also in a user namespace */
                (void) err_hint(err, r, "kernels before 5.11 cannot mount layers");
        if (fchdir(directory) == 0 || r < 0)
                return r;
        close_fd(r);
        return fail(err, errno, "cannot return to the working directory");
}

int overlay_new(const int *lowers, size_t n, int upper, int work, bool scratch, Err *err) {
        autoclose int fs = -EBADF;
        int r;

        r = open_context(&fs);
        if (r < 0)
                return err_denied(err, fail(err, r, "cannot use file system 'overlay'"), "fsopen",
                                  "5.2");
        r = set_descriptors(fs, lowers, n, upper, work);
        if (r == -EINVAL) {
                r = open_context(&fs);
                r = r < 0 ? r : set_paths(fs, lowers, n, upper, work);
        }
        /* What stands in for overlay's own parser before 6.5 (fs/fs_context.c) takes no
         * descriptors at all.  Not tried there: the kernel would log the unknown option. */
        if (r == -EINVAL || r == -EOPNOTSUPP)
                return create_of_list(lowers, n, upper, work, scratch && upper >= 0, err);
        if (r < 0)
                return err_denied(err, fail(err, r, "cannot use the layers"), "fsconfig", "5.2");
        return create(fs, scratch && upper >= 0, err);
}
