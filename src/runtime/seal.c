/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Keeping the binary out of the container's hands (CVE-2019-5736)
 *
 * A process of the container that may write the binary outside, as its owner or
 * as the host's root, can do so by /proc/PID/exe of a process of ours.  So such a
 * process runs from something that cannot be written: a read-only clone of the
 * binary's mount that is attached nowhere, or, for want of the rights to make one,
 * a sealed copy in memory.
 *
 * That a process in the making is not dumpable is not enough: once it executes
 * what the container says, which may be /proc/self/exe or a script that names
 * that as its interpreter, it is.
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

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

#define PROGRAM       "/proc/self/exe"
#define ARGUMENTS_MAX (4u << 20)
#define SEALS         (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static bool is_read_only(void) {
        struct statvfs fs;

        return statvfs(PROGRAM, &fs) == 0 && fs.f_flag & ST_RDONLY;
}

static bool is_sealed_copy(int self) {
        int seals = fcntl(self, F_GET_SEALS);

        return seals >= 0 && (seals & SEALS) == SEALS;
}

static int clone_read_only(void) {
        const MountAttr attr = { .set = MOUNT_ATTR_RDONLY };
        autoclose int mount = mount_clone_source(PROGRAM, false);
        int r;

        if (mount < 0)
                return mount;
        r = mount_set_attr(mount, &attr);
        return r < 0 ? r : take_fd(mount);
}

static int copy_sealed(int self) {
        const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
        autoclose int copy = memfd_create("isola", flags | MFD_EXEC);
        struct stat st;
        off_t at = 0;

        if (copy < 0 && errno == EINVAL) /* before Linux 6.3 */
                copy = memfd_create("isola", flags);
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
        autoclose int self = -EBADF, sealed = -EBADF;
        autostrv arguments = NULL;
        int r;

        if (fault_weakens("seal") || is_read_only())
                return 0;
        self = open(PROGRAM, O_RDONLY | O_CLOEXEC);
        if (self < 0)
                return fail(err, errno, "cannot open '" PROGRAM "'");
        if (is_sealed_copy(self))
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

static bool has_id(const OciIdMapping *mappings, size_t n, int64_t id) {
        for (size_t i = 0; i < n; i++)
                if (id >= mappings[i].host_id && id - mappings[i].host_id < mappings[i].size)
                        return true;
        return false;
}

/* Whether somebody in the container has the rights of whoever may write the program file. */
static bool may_write(const OciSpec *spec) {
        const OciNamespace *ns = oci_namespace(spec, "user");
        const OciLinux *l = spec->linux_;
        struct stat st;

        if (!ns || ns->path || stat(PROGRAM, &st) < 0 || st.st_mode & S_IWOTH)
                return true;
        return has_id(l->uid_mappings, l->n_uid_mappings, st.st_uid) ||
               (st.st_mode & S_IWGRP && has_id(l->gid_mappings, l->n_gid_mappings, st.st_gid));
}

int runtime_seal_for(const OciSpec *spec, Err *err) {
        return may_write(spec) ? runtime_seal(err) : 0;
}
