/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stddef.h>
#include <sys/vfs.h>

#include "kernel/filesystem.h"

/* Numbers of linux/magic.h, and of those who have none there. */
static const struct {
        long type;
        const char *name;
} unfit[] = {
        { 0x6969, "NFS" },          { 0xff534d42, "CIFS" },
        { 0xfe534d42, "SMB" },      { 0x517b, "SMB" },
        { 0x01021997, "9p" },       { 0x5346414f, "AFS" },
        { 0x73757245, "Coda" },     { 0x4d44, "vfat" },
        { 0x2011bab0, "exFAT" },    { 0x5346544e, "NTFS" },
        { 0x7366746e, "NTFS" },     { 0x9660, "ISO 9660" },
        { 0x73717368, "squashfs" }, { 0xe0f5e1e2, "EROFS" },
        { 0xf15f, "eCryptfs" },     { 0x786f4256, "VirtualBox's shared folders" },
        { 0x28cd3d45, "cramfs" },
};

const char *filesystem_unfit(long type) {
        for (size_t i = 0; i < sizeof unfit / sizeof *unfit; i++)
                if (unfit[i].type == type)
                        return unfit[i].name;
        return NULL;
}

int filesystem_check(int dir, const char *path, const char *what, Err *err) {
        const char *name;
        struct statfs fs;

        if (fstatfs(dir, &fs) < 0)
                return fail(err, errno, "cannot examine '%s'", path);
        name = filesystem_unfit((long) ((unsigned long) fs.f_type & 0xffffffff));
        if (!name)
                return 0;
        return err_hint(
                err,
                refuse(err, EOPNOTSUPP, "'%s' lies on %s, which cannot hold %s", path, name, what),
                "put it on a local file system such as ext4, xfs, btrfs or tmpfs: --root "
                "DIR, $ISOLA_ROOT or $XDG_DATA_HOME");
}
