/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

#include "base/auto.h"
#include "base/file.h"
#include "base/str.h"
#include "kernel/mount_remount.h"
#include "kernel/resolve.h"

#define MOUNTINFO_MAX (16u << 20)
#define DESCRIPTOR    sizeof "/proc/self/fdinfo/2147483647"

/* What statvfs(3) says, what mount_setattr(2) and what mount(2) call it.  The times apart. */
static const struct {
        unsigned long now;
        uint64_t attr;
        unsigned long flag;
} words[] = {
        { ST_RDONLY, MOUNT_ATTR_RDONLY, MS_RDONLY },
        { ST_NOSUID, MOUNT_ATTR_NOSUID, MS_NOSUID },
        { ST_NODEV, MOUNT_ATTR_NODEV, MS_NODEV },
        { ST_NOEXEC, MOUNT_ATTR_NOEXEC, MS_NOEXEC },
        { ST_NODIRATIME, MOUNT_ATTR_NODIRATIME, MS_NODIRATIME },
        { 0x2000 /* include/linux/statfs.h: ST_NOSYMFOLLOW */, MOUNT_ATTR_NOSYMFOLLOW,
          MS_NOSYMFOLLOW },
};

static int flags_now(int mount, uint64_t *ret) {
        struct statvfs fs;
        uint64_t attr = 0;

        if (fstatvfs(mount, &fs) < 0)
                return -errno;
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
                attr |= fs.f_flag & words[i].now ? words[i].attr : 0;
        attr |= fs.f_flag & ST_NOATIME    ? MOUNT_ATTR_NOATIME
                : fs.f_flag & ST_RELATIME ? MOUNT_ATTR_RELATIME
                                          : MOUNT_ATTR_STRICTATIME;
        *ret = attr;
        return 0;
}

static unsigned long mount_flags(uint64_t attr) {
        uint64_t times = attr & MOUNT_ATTR__ATIME;
        unsigned long flags = times == MOUNT_ATTR_NOATIME       ? MS_NOATIME
                              : times == MOUNT_ATTR_STRICTATIME ? MS_STRICTATIME
                                                                : MS_RELATIME;

        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
                flags |= attr & words[i].attr ? words[i].flag : 0;
        return flags;
}

static int call(int mount, unsigned long flags) {
        char path[DESCRIPTOR];

        (void) snprintf(path, sizeof path, "/proc/self/fd/%d", mount);
        return syscall(SYS_mount, NULL, path, NULL, flags, NULL) < 0 ? -errno : 0;
}

static int remount_one(int mount, const MountAttr *attr) {
        uint64_t now;
        int r;

        r = flags_now(mount, &now);
        if (r < 0)
                return r;
        return call(mount, MS_REMOUNT | MS_BIND | mount_flags((now & ~attr->clear) | attr->set));
}

static int mount_id(int mount, int *ret) {
        autofree char *text = NULL;
        char path[DESCRIPTOR];
        const char *line;
        int r;

        (void) snprintf(path, sizeof path, "/proc/self/fdinfo/%d", mount);
        r = file_read(AT_FDCWD, path, 4096, &text, NULL);
        if (r < 0)
                return r;
        line = strstr(text, "mnt_id:");
        return line && sscanf(line, "mnt_id: %d", ret) == 1 ? 0 : -EPROTO;
}

/* "\040" and so on, as the kernel writes blanks in paths. */
static void unescape(char *path) {
        char *to = path;

        for (const char *from = path; *from; to++) {
                unsigned byte;

                if (*from == '\\' && sscanf(from + 1, "%3o", &byte) == 1) {
                        *to = (char) byte;
                        from += 4;
                } else
                        *to = *from++;
        }
        *to = 0;
}

typedef struct MountLine {
        int id, parent;
        char *path; /* as seen from this process's root; "%ms" of sscanf(3) */
        bool below; /* the mount that is asked about */
} MountLine;

typedef struct MountTable {
        MountLine *lines;
        size_t n;
} MountTable;

static void table_clear(MountTable *t) {
        for (size_t i = 0; i < t->n; i++)
                free(t->lines[i].path);
        free(t->lines);
}

/* "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 …" (proc_pid_mountinfo(5)) */
static int table_read(MountTable *t) {
        autofree char *text = NULL;
        char *save = NULL;
        int r;

        r = file_read(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, &text, NULL);
        if (r < 0)
                return r;
        for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                MountLine l = {}, *more;

                if (sscanf(line, "%d %d %*s %*s %ms", &l.id, &l.parent, &l.path) != 3) {
                        free(l.path);
                        return -EPROTO;
                }
                unescape(l.path);
                more = realloc(t->lines, (t->n + 1) * sizeof *more);
                if (!more) {
                        free(l.path);
                        return -ENOMEM;
                }
                t->lines = more;
                t->lines[t->n++] = l;
        }
        return 0;
}

static const MountLine *table_find(const MountTable *t, int id) {
        for (size_t i = 0; i < t->n; i++)
                if (t->lines[i].id == id)
                        return &t->lines[i];
        return NULL;
}

/* Marks what is mounted on it, directly or not; the lines are in no certain order. */
static void mark_below(const MountTable *t, int top) {
        bool again = true;

        while (again) {
                again = false;
                for (size_t i = 0; i < t->n; i++) {
                        MountLine *l = &t->lines[i];
                        const MountLine *parent = table_find(t, l->parent);

                        if (l->below || l->id == top ||
                            (l->parent != top && !(parent && parent->below)))
                                continue;
                        l->below = again = true;
                }
        }
}

static int remount_line(int mount, const char *path, const MountLine *l, const MountAttr *attr) {
        const char *rest = str_equal(path, "/") ? l->path : str_after(l->path, path);
        autoclose int below = -EBADF;
        int id, r;

        if (!rest)
                return -EPROTO;
        below = *rest ? resolve_open(mount, rest, O_PATH) : -ENOENT;
        if (below < 0)
                return below == -ENOENT || below == -ENOTDIR ? 0 : below; /* covered */
        r = mount_id(below, &id);
        if (r < 0)
                return r;
        return id == l->id ? remount_one(below, attr) : 0;
}

static int remount_below(int mount, const MountAttr *attr) {
        __attribute__((__cleanup__(table_clear))) MountTable table = {};
        const MountLine *own;
        int id, r;

        r = mount_id(mount, &id);
        if (r >= 0)
                r = table_read(&table);
        if (r < 0)
                return r;
        own = table_find(&table, id);
        if (!own)
                return -EINVAL;
        mark_below(&table, id);
        for (size_t i = 0; i < table.n && r >= 0; i++)
                if (table.lines[i].below)
                        r = remount_line(mount, own->path, &table.lines[i], attr);
        return r;
}

int mount_remount(int mount, const MountAttr *attr) {
        int r = 0;

        if (attr->set || attr->clear)
                r = remount_one(mount, attr);
        if (r >= 0 && attr->recursive && (attr->set || attr->clear))
                r = remount_below(mount, attr);
        if (r >= 0 && attr->propagation)
                r = call(mount, attr->propagation | (attr->recursive ? MS_REC : 0));
        return r;
}
