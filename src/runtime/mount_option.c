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
        OPTION_UNSAY,  /* takes bits back that an earlier word has set */
        OPTION_SUPER,  /* a flag of the super block: only a new file system has it */
        OPTION_FLAG,   /* a bool of MountOptions */
        OPTION_IGNORE, /* what is so anyway, or what no mount has */
} OptionKind;

typedef struct MountOption {
        const char *name;
        OptionKind kind;
        uint64_t set, clear; /* set: for a flag where it lies, for a super block 0 */
        bool recursive;
} MountOption;

#define ATTR(name, set, clear) \
        { name, OPTION_ATTR, set, clear, false }
#define RATTR(name, set, clear) \
        { name, OPTION_ATTR, set, clear, true }
#define FLAG(name, member) \
        { name, OPTION_FLAG, offsetof(MountOptions, member), 0, false }
#define SUPER(name) \
        { name, OPTION_SUPER, 0, 0, false }
#define IGNORE(name) \
        { name, OPTION_IGNORE, 0, 0, false }

static const MountOption table[] = {
        IGNORE("async"),
        ATTR("atime", 0, MOUNT_ATTR__ATIME),
        { "bind", OPTION_BIND, 0, 0, false },
        FLAG("copy-symlink", copy_symlink),
        IGNORE("defaults"),
        FLAG("dest-nofollow", target_itself),
        ATTR("dev", 0, MOUNT_ATTR_NODEV),
        ATTR("diratime", 0, MOUNT_ATTR_NODIRATIME),
        SUPER("dirsync"),
        ATTR("exec", 0, MOUNT_ATTR_NOEXEC),
        FLAG("idmap", idmap),
        /* No file system that a container mounts has it as a choice any more. */
        IGNORE("iversion"),
        SUPER("lazytime"),
        IGNORE("loud"),
        SUPER("mand"),
        ATTR("noatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME),
        ATTR("nodev", MOUNT_ATTR_NODEV, 0),
        ATTR("nodiratime", MOUNT_ATTR_NODIRATIME, 0),
        ATTR("noexec", MOUNT_ATTR_NOEXEC, 0),
        IGNORE("noiversion"),
        IGNORE("nolazytime"),
        IGNORE("nomand"),
        ATTR("norelatime", 0, MOUNT_ATTR__ATIME),
        ATTR("nostrictatime", 0, MOUNT_ATTR__ATIME),
        ATTR("nosuid", MOUNT_ATTR_NOSUID, 0),
        ATTR("nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0),
        { "private", OPTION_PROPAGATION, MS_PRIVATE, 0, false },
        IGNORE("rasync"),
        RATTR("ratime", 0, MOUNT_ATTR__ATIME),
        { "rbind", OPTION_BIND, 0, 0, true },
        RATTR("rdev", 0, MOUNT_ATTR_NODEV),
        RATTR("rdiratime", 0, MOUNT_ATTR_NODIRATIME),
        SUPER("rdirsync"),
        ATTR("relatime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME),
        FLAG("remount", remount),
        RATTR("rexec", 0, MOUNT_ATTR_NOEXEC),
        FLAG("ridmap", idmap_below),
        SUPER("rmand"),
        RATTR("rnoatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME),
        RATTR("rnodev", MOUNT_ATTR_NODEV, 0),
        RATTR("rnodiratime", MOUNT_ATTR_NODIRATIME, 0),
        RATTR("rnoexec", MOUNT_ATTR_NOEXEC, 0),
        IGNORE("rnomand"),
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
        SUPER("rsync"),
        { "runbindable", OPTION_PROPAGATION, MS_UNBINDABLE, 0, true },
        /* Says no more than that "ro" was not said: a source that the host has read-only stays so.
         */
        { "rw", OPTION_UNSAY, 0, MOUNT_ATTR_RDONLY, false },
        { "shared", OPTION_PROPAGATION, MS_SHARED, 0, false },
        IGNORE("silent"),
        { "slave", OPTION_PROPAGATION, MS_SLAVE, 0, false },
        FLAG("src-nofollow", source_itself),
        ATTR("strictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME),
        ATTR("suid", 0, MOUNT_ATTR_NOSUID),
        ATTR("symfollow", 0, MOUNT_ATTR_NOSYMFOLLOW),
        SUPER("sync"),
        FLAG("tmpcopyup", copy_up),
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

bool mount_propagation(const char *word, uint64_t *ret, bool *ret_recursive) {
        const MountOption *option = find(word);

        if (!option || option->kind != OPTION_PROPAGATION)
                return false;
        *ret = option->set;
        *ret_recursive = option->recursive;
        return true;
}

/* Reads "@0-1000-10": ids on disk, what they become, how many; with '@' as the container counts. */
static int parse_range(const char *text, MountIdRange *ret) {
        autostrv parts = NULL;
        int r;

        ret->inside = *text == '@';
        r = strv_split(text + ret->inside, "-", false, &parts);
        if (r < 0)
                return r;
        if (strv_length(parts) != 3 || parse_i64(parts[0], &ret->on_disk) < 0 ||
            parse_i64(parts[1], &ret->becomes) < 0 || parse_i64(parts[2], &ret->count) < 0)
                return -EINVAL;
        return ret->on_disk < 0 || ret->becomes < 0 || ret->count <= 0 ? -EINVAL : 0;
}

static int parse_ranges(const char *text, MountIdRange **ranges, size_t *n) {
        autostrv list = NULL;
        int r = strv_split(text, "#", false, &list);

        strv_foreach(item, list) {
                MountIdRange *range = r < 0 ? NULL : json_grow(ranges, n, sizeof *range);

                if (!range)
                        return r < 0 ? r : -ENOMEM;
                r = parse_range(*item, range);
        }
        return r < 0 ? r : *n == 0 ? -EINVAL : 0;
}

/* crun's "idmap=uids=0-1000-10#…;gids=…". */
static int parse_ids(const char *text, MountIds *ids) {
        autostrv kinds = NULL;
        int r = strv_split(text, ";", true, &kinds);

        strv_foreach(kind, kinds) {
                const char *uids = str_after(*kind, "uids="), *gids = str_after(*kind, "gids=");

                if (r < 0)
                        break;
                r = uids   ? parse_ranges(uids, &ids->uids, &ids->n_uids)
                    : gids ? parse_ranges(gids, &ids->gids, &ids->n_gids)
                           : -EINVAL;
        }
        return r;
}

static int copy_mappings(const OciIdMapping *mappings, size_t n, MountIdRange **ranges,
                         size_t *ret_n) {
        for (size_t i = 0; i < n; i++) {
                MountIdRange *range = json_grow(ranges, ret_n, sizeof *range);

                if (!range)
                        return -ENOMEM;
                *range = (MountIdRange){ mappings[i].container_id, mappings[i].host_id,
                                         mappings[i].size, false };
        }
        return 0;
}

static int put_word(const OciMount *mount, const char *name, MountOptions *o, Err *err) {
        const char *ids = str_after(name, "idmap=");

        if (!ids)
                ids = str_after(name, "ridmap=");
        if (str_equal(name, "tryidmap")) {
                o->try_idmap = true;
                return 0;
        }
        if (ids) {
                o->idmap = true;
                o->idmap_below = *name == 'r';
                return parse_ids(ids, &o->ids) < 0
                               ? refuse(err, EINVAL,
                                        "mount option '%s' of '%s' is not of the form "
                                        "'idmap=uids=0-1000-1;gids=0-1000-1'",
                                        name, mount->destination)
                               : 0;
        }
        if (o->bind)
                return refuse(err, EINVAL, "mount option '%s' of '%s' is not known", name,
                              mount->destination);
        return strv_add(&o->fs, name) < 0 ? fail(err, ENOMEM, "cannot read mount options") : 0;
}

static int put_option(const OciMount *mount, const char *name, MountOptions *o, Err *err) {
        const MountOption *option = find(name);

        if (!option)
                return put_word(mount, name, o, err);
        switch (option->kind) {
        case OPTION_ATTR:
                put_attr(option->recursive ? &o->below : &o->attr, option);
                break;
        case OPTION_UNSAY:
                o->attr.set &= ~option->clear;
                break;
        case OPTION_PROPAGATION:
                o->attr.propagation = option->set;
                o->below.propagation = option->recursive ? option->set : 0;
                break;
        case OPTION_FLAG:
                *(bool *) ((char *) o + option->set) = true;
                break;
        case OPTION_SUPER:
                if (!o->bind && strv_add(&o->fs, name + (*name == 'r')) < 0)
                        return fail(err, ENOMEM, "cannot read mount options");
                break;
        default:
                break;
        }
        return 0;
}

/* What follows from the words together. */
static int complete(const OciMount *mount, MountOptions *o, Err *err) {
        if (copy_mappings(mount->uid_mappings, mount->n_uid_mappings, &o->ids.uids,
                          &o->ids.n_uids) < 0 ||
            copy_mappings(mount->gid_mappings, mount->n_gid_mappings, &o->ids.gids,
                          &o->ids.n_gids) < 0)
                return fail(err, ENOMEM, "cannot read mount options");
        o->idmap = o->idmap || o->idmap_below || o->try_idmap || o->ids.n_uids || o->ids.n_gids;
        if (o->idmap && !o->bind)
                return refuse(err, EINVAL,
                              "owners can be mapped for a bind mount only, and '%s' is none",
                              mount->destination);
        /* What mountinfo and df show. */
        if (!o->bind && !o->remount && !str_empty(mount->source) &&
            strv_addf(&o->fs, "source=%s", mount->source) < 0)
                return fail(err, ENOMEM, "cannot read mount options");
        return 0;
}

int mount_options_parse(const OciMount *mount, MountOptions *ret, Err *err) {
        MountOptions o = {};
        int r = 0;

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
        if (r >= 0)
                r = complete(mount, &o, err);
        if (r < 0) {
                mount_options_clear(&o);
                return r;
        }
        *ret = o;
        return 0;
}

void mount_options_clear(MountOptions *options) {
        options->fs = strv_free(options->fs);
        free(options->ids.uids);
        free(options->ids.gids);
        options->ids = (MountIds){};
}
