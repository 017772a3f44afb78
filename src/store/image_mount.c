/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "kernel/idmap.h"
#include "kernel/mount.h"
#include "store/flatten.h"
#include "store/image_mount.h"

#define MOUNTS_DIR "image-mounts"
#define UNMOUNT_NOFOLLOW \
        8 /* <sys/mount.h> cannot be included beside <linux/mount.h> (glibc 2.36) */
#define UNMOUNT_DETACH 2

char *image_mount_path(const Home *home, const char *id) {
        return str_format("%s/" MOUNTS_DIR "/%s", home->run, digest_hex(id));
}

/* A mount is a directory on another file system, or of another mount, than the one above it. */
bool image_is_mounted(const Home *home, const char *id) {
        autofree char *path = image_mount_path(home, id);
        struct statx st;

        return path && statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &st) == 0 &&
               st.stx_attributes & STATX_ATTR_MOUNT_ROOT;
}

/* The image's files as a detached mount. */
static int open_files(const Image *image, Err *err) {
        const MountAttr attr = { .set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV };
        autoclose int tree = -EBADF;
        int r;

        if (!image->lowers)
                return refuse(err, ENOENT, "the image has no files");
        tree = image->lowers[1] ? flatten_open(image->lowers, err)
                                : mount_clone_source(image->lowers[0], false);
        if (tree < 0)
                return image->lowers[1] ? tree : fail(err, tree, "cannot mount the image");
        r = mount_set_attr(tree, &attr);
        return r < 0 ? fail(err, r, "cannot mount the image read-only") : take_fd(tree);
}

int image_mount(const Home *home, const Image *image, char **ret, Err *err) {
        autofree char *path = image_mount_path(home, image->id);
        autoclose int tree = -EBADF, place = -EBADF;
        int r;

        if (!path)
                return fail(err, ENOMEM, "cannot mount the image");
        /* Each of a user's commands has a mount namespace to itself. */
        if (idmap_is_inside())
                return err_hint(err,
                                refuse(err, EPERM,
                                       "an ordinary user cannot mount an image where others than "
                                       "the command itself see it"),
                                "look into it from a container of it, or write its files out: "
                                "isola create --name x IMAGE && isola cp x:/ DIR");
        if (image_is_mounted(home, image->id)) {
                *ret = take_ptr(path);
                return 1;
        }
        tree = open_files(image, err);
        if (tree < 0)
                return tree;
        r = dir_make(home->run_fd, MOUNTS_DIR, 0700);
        if (r >= 0)
                r = dir_make(AT_FDCWD, path, 0700);
        if (r >= 0) {
                place = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                r = place < 0 ? -errno : mount_attach(tree, place);
        }
        if (r < 0)
                return fail(err, r, "cannot mount the image at '%s'", path);
        *ret = take_ptr(path);
        return 0;
}

int image_unmount(const Home *home, const char *id, Err *err) {
        autofree char *path = image_mount_path(home, id);
        bool mounted = image_is_mounted(home, id);

        if (!path)
                return fail(err, ENOMEM, "cannot unmount the image");
        if (mounted && syscall(SYS_umount2, path, UNMOUNT_NOFOLLOW | UNMOUNT_DETACH) < 0)
                return fail(err, errno, "cannot unmount '%s'", path);
        (void) rmdir(path);
        return mounted;
}

int image_mounts(const Home *home, char ***ret, Err *err) {
        autostrv names = NULL;
        int r = dir_list(home->run_fd, MOUNTS_DIR, &names);

        if (r < 0 && r != -ENOENT)
                return fail(err, r, "cannot list the mounts of images");
        strv_foreach(name, names) {
                autofree char *id = str_format("sha256:%s", *name);

                if (!id || !digest_is_valid(id))
                        continue;
                if (!image_is_mounted(home, id))
                        (void) image_unmount(home, id, NULL);
                else if (strv_add(ret, id) < 0)
                        return fail(err, ENOMEM, "cannot list the mounts of images");
        }
        return 0;
}
