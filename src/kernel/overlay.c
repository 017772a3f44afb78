/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/str.h"
#include "kernel/denied.h"
#include "kernel/mount.h"
#include "kernel/overlay.h"

#define DESCRIPTORS "/proc/self/fd"
#define STRING_MAX  255
#define OPTIONS_MAX 4096 /* a page of any architecture, for mount(2) */
#define MNT_DETACH  2    /* <sys/mount.h> cannot be included here (glibc 2.36) */

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
static int set_descriptors(int fs, const OverlayLayers *l) {
        int r;

        for (size_t i = 0; i < l->n; i++) {
                r = set_layer(fs, "lowerdir+", l->lowers[i]);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < l->n_data; i++) {
                r = set_layer(fs, "datadir+", l->data[i]);
                if (r < 0)
                        return r;
        }
        if (l->upper < 0)
                return 0;
        r = set_layer(fs, "upperdir", l->upper);
        return r < 0 ? r : set_layer(fs, "workdir", l->work);
}

static int set_path(int fs, const char *key, int layer) {
        char path[32];

        snprintf(path, sizeof path, "/proc/self/fd/%d", layer);
        return config(fs, FSCONFIG_SET_STRING, key, path, 0);
}

static int set_upper_path(int fs, const OverlayLayers *l) {
        int r;

        if (l->upper < 0)
                return 0;
        r = set_path(fs, "upperdir", l->upper);
        return r < 0 ? r : set_path(fs, "workdir", l->work);
}

/* Since 6.7: a path for each layer, and these are the paths of descriptors. */
static int set_paths(int fs, const OverlayLayers *l) {
        int r;

        for (size_t i = 0; i < l->n; i++) {
                r = set_path(fs, "lowerdir+", l->lowers[i]);
                if (r < 0)
                        return r;
        }
        return set_upper_path(fs, l);
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

static int create(int fs, const OverlayLayers *l, Err *err) {
        int r;

        r = config(fs, FSCONFIG_SET_FLAG, "userxattr", NULL, 0);
        if (r == 0 && l->scratch && l->upper >= 0)
                r = config(fs, FSCONFIG_SET_FLAG, "volatile", NULL, 0); /* since 5.10 */
        if (r == 0)
                r = config(fs, FSCONFIG_SET_STRING, "source", "overlay", 0);
        if (r < 0)
                return err_denied(err, fail(err, r, "cannot use the layers"), "fsconfig", "5.2");

        r = config(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
        return r < 0 ? create_failed(fs, r, err) : mount_context(fs, err);
}

/* Before: one list of paths, in which fsconfig(2) takes 255 bytes (fs/fsopen.c). */
static int create_of_list(const OverlayLayers *l, const char *list, Err *err) {
        autoclose int fs = -EBADF;
        int r;

        r = open_context(&fs);
        if (r >= 0)
                r = config(fs, FSCONFIG_SET_STRING, "lowerdir", list, 0);
        if (r >= 0)
                r = set_upper_path(fs, l);
        return r < 0 ? fail(err, r, "cannot use the layers") : create(fs, l, err);
}

/* A list of up to a page goes to mount(2), which attaches at once: the copy is what remains. */
static int create_aside(const OverlayLayers *l, const char *list, Err *err) {
        autofree char *options = NULL;
        int mount = -EBADF;

        options = l->upper < 0 ? str_format("userxattr,lowerdir=%s", list)
                               : str_format("userxattr%s,upperdir=%d,workdir=%d,lowerdir=%s",
                                            l->scratch ? ",volatile" : "", l->upper, l->work, list);
        if (!options)
                return fail(err, ENOMEM, "cannot mount the layers");
        if (strlen(options) >= OPTIONS_MAX)
                return -E2BIG;
        if (syscall(SYS_mount, "overlay", l->aside, "overlay", 0, options) < 0)
                return fail(err, errno, "cannot mount the layers");
        mount = mount_clone(AT_FDCWD, l->aside, false);
        if (syscall(SYS_umount2, l->aside, MNT_DETACH) < 0) {
                int code = errno;

                close_fd(mount);
                return fail(err, code, "cannot take the layers off '%s'", l->aside);
        }
        return mount < 0 ? fail(err, mount, "cannot take hold of the layers") : mount;
}

/*
 * So that the list is short its names are those of DESCRIPTORS, numbers.  The kernel looks them up
 * at once or at the end, depending on its version.
 */
static int create_by_names(const OverlayLayers *l, Err *err) {
        autoclose int directory = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
        autostr list = {};
        int r;

        for (size_t i = 0; i < l->n; i++)
                str_printf(&list, "%s%d", i ? ":" : "", l->lowers[i]);
        if (list.failed)
                return fail(err, ENOMEM, "cannot mount the layers");
        if (directory < 0 || chdir(DESCRIPTORS) < 0)
                return fail(err, errno, "cannot enter '%s'", DESCRIPTORS);
        r = list.length <= STRING_MAX ? create_of_list(l, list.text, err)
            : l->aside                ? create_aside(l, list.text, err)
                                      : -E2BIG;
        if (r == -E2BIG)
                r = err_hint(err,
                             refuse(err, E2BIG, "%zu layers are too many for this kernel", l->n),
                             "Linux 6.7 and newer take 500");
        if (r == -EINVAL || r == -EPERM) /* "userxattr", also in a user namespace */
                (void) err_hint(
                        err, r,
                        "kernels before 5.11 cannot mount layers, and none can where --root "
                        "lies on an overlay, as in a container: put it on a volume");
        if (fchdir(directory) == 0 || r < 0)
                return r;
        close_fd(r);
        return fail(err, errno, "cannot return to the working directory");
}

int overlay_new(const OverlayLayers *layers, Err *err) {
        autoclose int fs = -EBADF;
        int r;

        r = open_context(&fs);
        if (r < 0)
                return err_denied(err, fail(err, r, "cannot use file system 'overlay'"), "fsopen",
                                  "5.2");
        r = set_descriptors(fs, layers);
        if (r == -EINVAL && layers->n_data > 0)
                return refuse(err, r, "this kernel has no layers of contents alone");
        if (r == -EINVAL) {
                r = open_context(&fs);
                r = r < 0 ? r : set_paths(fs, layers);
        }
        /* What stands in for overlay's own parser before 6.5 (fs/fs_context.c) takes no
         * descriptors at all.  Not tried there: the kernel would log the unknown option. */
        if ((r == -EINVAL || r == -EOPNOTSUPP) && layers->n_data == 0)
                return create_by_names(layers, err);
        if (r < 0)
                return err_denied(err, fail(err, r, "cannot use the layers"), "fsconfig", "5.2");
        return create(fs, layers, err);
}

bool overlay_finds_contents(int dir) {
        autoclose int notes = -EBADF, contents = -EBADF, file = -EBADF, data = -EBADF,
                      mount = -EBADF, found = -EBADF;

        if (mkdirat(dir, "notes", 0700) < 0 || mkdirat(dir, "contents", 0700) < 0)
                return false;
        notes = openat(dir, "notes", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        contents = openat(dir, "contents", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        file = openat(notes, "x", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        data = openat(contents, "x", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (file < 0 || data < 0 || ftruncate(file, 1) < 0 || ftruncate(data, 1) < 0 ||
            fsetxattr(file, OVERLAY_METACOPY, "", 0, 0) < 0 ||
            fsetxattr(file, OVERLAY_REDIRECT, "/x", 2, 0) < 0)
                return false;
        mount = overlay_new(&(OverlayLayers){ .lowers = &notes,
                                              .n = 1,
                                              .data = &contents,
                                              .n_data = 1,
                                              .upper = -EBADF,
                                              .work = -EBADF },
                            NULL);
        found = mount < 0 ? -EBADF : openat(mount, "x", O_RDONLY | O_CLOEXEC);
        return found >= 0;
}
