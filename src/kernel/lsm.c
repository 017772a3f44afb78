/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>

#include "base/auto.h"
#include "base/file.h"
#include "base/str.h"
#include "kernel/lsm.h"

bool lsm_has_apparmor(void) {
        autoclose int file = open("/sys/module/apparmor/parameters/enabled", O_RDONLY | O_CLOEXEC);
        char answer = 'N';

        return file >= 0 && read(file, &answer, 1) == 1 && answer == 'Y';
}

bool lsm_has_selinux(void) {
        return access("/sys/fs/selinux/enforce", F_OK) == 0;
}

/* One write is one wish. */
static int wish(int proc, const char *file, const char *text) {
        autoclose int exec = openat(proc, file, O_WRONLY | O_CLOEXEC);

        if (exec < 0)
                return -errno;
        return write(exec, text, strlen(text)) < 0 ? -errno : 0;
}

int lsm_set_exec_profile(int proc, const char *profile) {
        autofree char *text = str_format("exec %s", profile);
        int r;

        if (!text)
                return -ENOMEM;
        /* Where several modules are active, "attr/exec" is that of the first (Linux 5.8). */
        r = wish(proc, "self/attr/apparmor/exec", text);
        return r == -ENOENT && file_access(proc, "self/attr/apparmor", F_OK) < 0
                       ? wish(proc, "self/attr/exec", text)
                       : r;
}

int lsm_set_exec_label(int proc, const char *label) {
        return wish(proc, "self/attr/exec", label);
}

int lsm_label_mount(int mount, const char *label) {
        autoclose int root = openat(mount, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (root < 0 || fsetxattr(root, "security.selinux", label, strlen(label) + 1, 0) < 0)
                return -errno;
        return 0;
}
