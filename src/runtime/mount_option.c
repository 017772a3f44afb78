/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <linux/mount.h>
#include <string.h>

#include "base/str.h"
#include "runtime/mount_option.h"

typedef enum OptionKind {
        OPTION_ATTR,        /* bits of mount_setattr(2) */
        OPTION_PROPAGATION, /* MS_* */
        OPTION_BIND,
        OPTION_IDMAP,
        OPTION_TRY_IDMAP,
        OPTION_COPY_UP,
        OPTION_SUPER,  /* a flag of the super block: only a new file system has it */
        OPTION_IGNORE, /* what is so anyway */
} OptionKind;

typedef struct MountOption {
        const char *name;
        OptionKind kind;
        uint64_t set, clear;
        bool recursive;
} MountOption;

#define ATTR(name, set, clear) \
        { name, OPTION_ATTR, set, clear, false }
#define RATTR(name, set, clear) \
        { name, OPTION_ATTR, set, clear, true }

static const MountOption table[] = {
        { "async", OPTION_IGNORE, 0, 0, false },
        ATTR("atime", 0, MOUNT_ATTR__ATIME),
        { "bind", OPTION_BIND, 0, 0, false },
        { "defaults", OPTION_IGNORE, 0, 0, false },
        ATTR("dev", 0, MOUNT_ATTR_NODEV),
        ATTR("diratime", 0, MOUNT_ATTR_NODIRATIME),
        { "dirsync", OPTION_SUPER, 0, 0, false },
        ATTR("exec", 0, MOUNT_ATTR_NOEXEC),
        { "idmap", OPTION_IDMAP, 0, 0, false },
        { "iversion", OPTION_SUPER, 0, 0, false },
        { "lazytime", OPTION_SUPER, 0, 0, false },
        { "loud", OPTION_IGNORE, 0, 0, false },
        { "mand", OPTION_SUPER, 0, 0, false },
        ATTR("noatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME),
        ATTR("nodev", MOUNT_ATTR_NODEV, 0),
        ATTR("nodiratime", MOUNT_ATTR_NODIRATIME, 0),
        ATTR("noexec", MOUNT_ATTR_NOEXEC, 0),
        { "noiversion", OPTION_IGNORE, 0, 0, false },
        { "nolazytime", OPTION_IGNORE, 0, 0, false },
        { "nomand", OPTION_IGNORE, 0, 0, false },
        ATTR("norelatime", 0, MOUNT_ATTR__ATIME),
        ATTR("nostrictatime", 0, MOUNT_ATTR__ATIME),
        ATTR("nosuid", MOUNT_ATTR_NOSUID, 0),
        ATTR("nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0),
        { "private", OPTION_PROPAGATION, MS_PRIVATE, 0, false },
        RATTR("ratime", 0, MOUNT_ATTR__ATIME),
        { "rbind", OPTION_BIND, 0, 0, true },
        RATTR("rdev", 0, MOUNT_ATTR_NODEV),
        RATTR("rdiratime", 0, MOUNT_ATTR_NODIRATIME),
        ATTR("relatime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME),
        { "remount", OPTION_IGNORE, 0, 0, false },
        RATTR("rexec", 0, MOUNT_ATTR_NOEXEC),
        { "ridmap", OPTION_IDMAP, 0, 0, true },
        RATTR("rnoatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME),
        RATTR("rnodev", MOUNT_ATTR_NODEV, 0),
        RATTR("rnodiratime", MOUNT_ATTR_NODIRATIME, 0),
        RATTR("rnoexec", MOUNT_ATTR_NOEXEC, 0),
        RATTR("rnorelatime", 0, MOUNT_ATTR__ATIME),
        RATTR("rnostrictatime", 0, MOUNT_ATTR__ATIME),
        RATTR("rnosuid", MOUNT_ATTR_NOSUID, 0),
        RATTR("rnosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0),
        ATTR("ro", MOUNT_ATTR_RDONLY, 0),
        { "rprivate", OPTION_PROPAGATION, MS_PRIVATE, 0, true },
        RATTR("rrelatime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME),
        RATTR("rro", MOUNT_ATTR_RDONLY, 0),
        RATTR("rrw", 0, MOUNT_ATTR_RDONLY),
        { "rshared", OPTION_PROPAGATION, MS_SHARED, 0, true },
        { "rslave", OPTION_PROPAGATION, MS_SLAVE, 0, true },
        RATTR("rstrictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME),
        RATTR("rsuid", 0, MOUNT_ATTR_NOSUID),
        RATTR("rsymfollow", 0, MOUNT_ATTR_NOSYMFOLLOW),
        { "runbindable", OPTION_PROPAGATION, MS_UNBINDABLE, 0, true },
        /* Says no more than that "ro" was not said: a source that the host has read-only stays so.
         */
        { "rw", OPTION_IGNORE, 0, 0, false },
        { "shared", OPTION_PROPAGATION, MS_SHARED, 0, false },
        { "silent", OPTION_IGNORE, 0, 0, false },
        { "slave", OPTION_PROPAGATION, MS_SLAVE, 0, false },
        ATTR("strictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME),
        ATTR("suid", 0, MOUNT_ATTR_NOSUID),
        ATTR("symfollow", 0, MOUNT_ATTR_NOSYMFOLLOW),
        { "sync", OPTION_SUPER, 0, 0, false },
        { "tmpcopyup", OPTION_COPY_UP, 0, 0, false },
        { "tryidmap", OPTION_TRY_IDMAP, 0, 0, false },
        { "unbindable", OPTION_PROPAGATION, MS_UNBINDABLE, 0, false },
};
#define N_OPTIONS (sizeof table / sizeof *table)

const char *mount_option_name(size_t i) {
        return i < N_OPTIONS ? table[i].name : NULL;
}

static const MountOption *find(const char *name) {
        size_t first = 0, last = N_OPTIONS;

        while (first < last) {
                size_t middle = (first + last) / 2;
                int order = strcmp(name, table[middle].name);

                if (order == 0)
                        return &table[middle];
                if (order < 0)
                        last = middle;
                else
                        first = middle + 1;
        }
        return NULL;
}

/* A later word wins over an earlier one; atime's three bits always change together. */
static void put_attr(MountAttr *attr, const MountOption *o) {
        attr->set = (attr->set & ~o->clear) | o->set;
        attr->clear = (attr->clear & ~o->set) | o->clear;
}

/*
 * Only "idmap" and "ridmap" with our own ids are known: a list of ids of its
 * own ("idmap=uids=…") would be refused as an option that nobody knows.
 */
static int put_option(const OciMount *mount, const char *name, MountOptions *o, Err *err) {
        const MountOption *option = find(name);
        MountAttr *attr;

        if (!option) {
                if (o->bind)
                        return refuse(err, EINVAL, "mount option '%s' of '%s' is not known", name,
                                      mount->destination);
                return strv_add(&o->fs, name) < 0 ? fail(err, ENOMEM, "cannot read mount options")
                                                  : 0;
        }

        attr = option->recursive ? &o->below : &o->attr;
        switch (option->kind) {
        case OPTION_ATTR:
                put_attr(attr, option);
                break;
        case OPTION_PROPAGATION:
                o->attr.propagation = option->set;
                o->below.propagation = option->recursive ? option->set : 0;
                break;
        case OPTION_IDMAP:
                o->idmap = true;
                break;
        case OPTION_TRY_IDMAP:
                o->idmap = o->try_idmap = true;
                break;
        case OPTION_COPY_UP:
                o->copy_up = true;
                break;
        case OPTION_SUPER:
                if (!o->bind && strv_add(&o->fs, name) < 0)
                        return fail(err, ENOMEM, "cannot read mount options");
                break;
        default:
                break;
        }
        return 0;
}

int mount_options_parse(const OciMount *mount, MountOptions *ret, Err *err) {
        MountOptions o = {};
        int r = 0;

        /* Nothing of a container's may show up on the host, nor the other way round. */
        o.attr.propagation = MS_PRIVATE;
        o.below.propagation = MS_PRIVATE;
        o.below.recursive = true;
        o.bind = str_equal(mount->type, "bind");
        strv_foreach(name, mount->options)
                if (str_equal(*name, "bind") || str_equal(*name, "rbind")) {
                        o.bind = true;
                        o.recursive = **name == 'r';
                }

        strv_foreach(name, mount->options) {
                r = put_option(mount, *name, &o, err);
                if (r < 0)
                        break;
        }
        /* What mountinfo and df show. */
        if (r >= 0 && !o.bind && !str_empty(mount->source) &&
            strv_addf(&o.fs, "source=%s", mount->source) < 0)
                r = fail(err, ENOMEM, "cannot read mount options");
        if (r < 0) {
                mount_options_clear(&o);
                return r;
        }
        *ret = o;
        return 0;
}

void mount_options_clear(MountOptions *options) {
        options->fs = strv_free(options->fs);
}
