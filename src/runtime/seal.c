/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Keeping the binary out of the container's hands (CVE-2019-5736)
 *
 * A process of the container that has the host's root ids can open /proc/PID/exe
 * of a process of ours and write to the file.  So such a process runs from
 * something that cannot be written: a read-only clone of the binary's mount that
 * is attached nowhere, or a sealed copy in memory.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/str.h"
#include "kernel/mount.h"
#include "runtime/runtime.h"

#define ARGUMENTS_MAX (4u << 20)
#define SEALS         (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static bool is_sealed(int self) {
        struct statvfs fs;
        int seals;

        if (fstatvfs(self, &fs) == 0 && fs.f_flag & ST_RDONLY)
                return true;
        seals = fcntl(self, F_GET_SEALS);
        return seals >= 0 && (seals & SEALS) == SEALS;
}

static int clone_read_only(void) {
        const MountAttr attr = { .set = MOUNT_ATTR_RDONLY };
        autoclose int mount = mount_clone_source("/proc/self/exe", false);
        int r;

        if (mount < 0)
                return mount;
        r = mount_set_attr(mount, &attr);
        return r < 0 ? r : take_fd(mount);
}

static int copy_sealed(int self) {
        autoclose int copy = memfd_create("isola", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        struct stat st;
        off_t at = 0;

        if (copy < 0 || fstat(self, &st) < 0)
                return -errno;
        while (at < st.st_size)
                if (sendfile(copy, self, &at, (size_t) (st.st_size - at)) <= 0)
                        return errno ? -errno : -EIO;
        if (fcntl(copy, F_ADD_SEALS, SEALS) < 0)
                return -errno;
        return take_fd(copy);
}

/* The arguments as they were given: what main() has may have been changed since. */
static int read_arguments(char ***ret) {
        autofree char *text = NULL;
        autostrv list = NULL;
        size_t size;
        int r;

        r = file_read(AT_FDCWD, "/proc/self/cmdline", ARGUMENTS_MAX, &text, &size);
        if (r < 0)
                return r;
        for (size_t at = 0; at < size; at += strlen(text + at) + 1) {
                r = strv_add(&list, text + at);
                if (r < 0)
                        return r;
        }
        *ret = take_ptr(list);
        return *ret ? 0 : -EINVAL;
}

int runtime_seal(Err *err) {
        autoclose int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), sealed = -EBADF;
        autostrv arguments = NULL;
        int r;

        if (self < 0)
                return fail(err, errno, "cannot open '/proc/self/exe'");
        if (is_sealed(self) || fault_weakens("seal"))
                return 0;
        sealed = clone_read_only();
        if (sealed < 0)
                sealed = copy_sealed(self);
        if (sealed < 0)
                return fail(err, sealed, "cannot protect the program file from the container");

        r = read_arguments(&arguments);
        if (r < 0)
                return fail(err, r, "cannot read the arguments of this program");

        syscall(SYS_execveat, sealed, "", arguments, environ, AT_EMPTY_PATH);
        return fail(err, errno, "cannot run from a protected copy");
}
