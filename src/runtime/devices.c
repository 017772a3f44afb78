/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * /dev
 *
 * A tmpfs made by the parent, where real device nodes can be made, and then
 * mapped into the container: its nodes belong to the container's root, nothing
 * is bind-mounted node by node, and what a container does to their owner or
 * mode is its own affair.  Which devices may be opened is decided by the device
 * filter of the cgroup.
 */

#include <fcntl.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/file.h"
#include "base/str.h"
#include "kernel/denied.h"
#include "kernel/device.h"
#include "runtime/init_plan.h"

static const struct {
        const char *name;
        unsigned major, minor;
} default_devices[] = {
        { "null", 1, 3 },   { "zero", 1, 5 },    { "full", 1, 7 },
        { "random", 1, 8 }, { "urandom", 1, 9 }, { "tty", 5, 0 },
};

static const struct {
        const char *name, *target;
} links[] = {
        { "fd", "/proc/self/fd" },       { "stdin", "/proc/self/fd/0" },
        { "stdout", "/proc/self/fd/1" }, { "stderr", "/proc/self/fd/2" },
        { "ptmx", "pts/ptmx" },          { "core", "/proc/kcore" },
};

static int make_directories(int dev, const char *path) {
        for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
                autofree char *parent = strndup(path, (size_t) (slash - path));

                if (!parent)
                        return -ENOMEM;
                if (mkdirat(dev, parent, 0755) < 0 && errno != EEXIST)
                        return -errno;
        }
        return 0;
}

/* The machine's own node, checked to be that device and no other. */
static int open_device(const char *path, mode_t kind, dev_t number) {
        autoclose int tree = mount_clone_source(path, false);
        struct stat st;

        if (tree < 0)
                return tree;
        if (fstat(tree, &st) < 0)
                return -errno;
        if ((st.st_mode & S_IFMT) != kind || st.st_rdev != number)
                return -ENODEV;
        return take_fd(tree);
}

/* Without CAP_MKNOD (isola in a container) a device is bound instead of made. */
static int make_bind(InitPlan *plan, int dev, const char *name, mode_t kind, dev_t number) {
        autofree char *path = str_format("/dev/%s", name);
        autoclose int tree = -EBADF, file = -EBADF;
        DeviceBind *bind;

        tree = path ? open_device(path, kind, number) : -ENOMEM;
        if (tree < 0)
                return tree;
        file = openat(dev, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0666);
        if (file < 0)
                return -errno;
        bind = json_grow(&plan->binds, &plan->n_binds, sizeof *bind);
        if (!bind)
                return -ENOMEM;
        bind->name = strdup(name);
        bind->tree = take_fd(tree);
        return bind->name ? 0 : -ENOMEM;
}

static int make_node(InitPlan *plan, int dev, const char *name, mode_t mode, dev_t number) {
        if (mknodat(dev, name, mode, number) == 0)
                return 0;
        if (errno != EPERM || S_ISFIFO(mode))
                return -errno;
        return make_bind(plan, dev, name, mode & S_IFMT, number);
}

static int make_device(InitPlan *plan, int dev, const OciDevice *d, Err *err) {
        const char *name = str_after(d->path, "/dev/");
        mode_t mode = d->file_mode >= 0 ? (mode_t) d->file_mode & 07777 : 0666, kind;
        int r;

        if (str_equal(d->type, "c") || str_equal(d->type, "u"))
                kind = S_IFCHR;
        else if (str_equal(d->type, "b"))
                kind = S_IFBLK;
        else if (str_equal(d->type, "p"))
                kind = S_IFIFO;
        else
                return refuse(err, EINVAL, "'%s' is not a kind of device", d->type);
        if (str_empty(name) || strstr(name, ".."))
                return refuse(err, EINVAL, "device '%s' does not lie in /dev", d->path);

        r = make_directories(dev, name);
        if (r < 0)
                return fail(err, r, "cannot make device '%s'", d->path);
        r = make_node(plan, dev, name, kind | mode,
                      makedev((unsigned) d->major, (unsigned) d->minor));
        if (r == -EEXIST)
                return 0;
        if (r < 0)
                return fail(err, r, "cannot make device '%s'", d->path);
        if ((d->uid || d->gid) &&
            fchownat(dev, name, (uid_t) d->uid, (gid_t) d->gid, AT_SYMLINK_NOFOLLOW) < 0)
                return fail(err, errno, "cannot give device '%s' its owner", d->path);
        return 0;
}

static int fill(InitPlan *plan, int dev, Err *err) {
        const OciLinux *l = plan->spec->linux_;
        int r;

        for (size_t i = 0; i < sizeof default_devices / sizeof *default_devices; i++) {
                r = make_node(plan, dev, default_devices[i].name, S_IFCHR | 0666,
                              makedev(default_devices[i].major, default_devices[i].minor));
                if (r < 0)
                        return fail(err, r, "cannot make device '/dev/%s'",
                                    default_devices[i].name);
        }
        for (size_t i = 0; i < sizeof links / sizeof *links; i++)
                if (symlinkat(links[i].target, dev, links[i].name) < 0)
                        return fail(err, errno, "cannot make '/dev/%s'", links[i].name);
        for (size_t i = 0; l && i < l->n_devices; i++) {
                r = make_device(plan, dev, &l->devices[i], err);
                if (r < 0)
                        return r;
        }
        /* What is mounted below would be made then; here a directory costs one call. */
        for (size_t i = 0; i < plan->spec->n_mounts; i++) {
                const char *name = str_after(plan->mounts[i].place, "/dev/");

                if (!str_empty(name) && !strchr(name, '/') && plan->mounts[i].directory &&
                    mkdirat(dev, name, 0755) < 0 && errno != EEXIST)
                        return fail(err, errno, "cannot make '/dev/%s'", name);
        }
        return 0;
}

int devices_make(InitPlan *plan, const InitMount *mount, Err *err) {
        MountAttr attr = mount->options.attr;
        autoclose int dev = -EBADF;
        mode_t umask_before;
        int r;

        attr.set &= ~(uint64_t) MOUNT_ATTR_RDONLY; /* not before it is filled */
        dev = mount_new("tmpfs", (const char *const *) mount->options.fs, &attr, err);
        if (dev < 0)
                return err_denied(err, err_prefix(err, dev, "cannot mount '/dev'"), "fsmount",
                                  "5.2");
        umask_before = umask(0);
        r = fill(plan, dev, err);
        umask(umask_before);
        return r < 0 ? r : take_fd(dev);
}

static int give(const InitPlan *plan, int directory, const char *name) {
        autoclose int below = -EBADF;
        autostrv names = NULL;
        struct stat st;
        int r;

        if (fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) < 0 ||
            fchownat(directory, name, (uid_t) idmap_outside(plan->uids, plan->n_uids, st.st_uid),
                     (gid_t) idmap_outside(plan->gids, plan->n_gids, st.st_gid),
                     AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) < 0)
                return -errno;
        if (!S_ISDIR(st.st_mode))
                return 0;
        below = openat(directory, *name ? name : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        r = below < 0 ? -errno : dir_list(below, ".", &names);
        for (char **n = names; r >= 0 && n && *n; n++)
                r = give(plan, below, *n);
        return r;
}

int devices_give(const InitPlan *plan) {
        return give(plan, plan->devices, "");
}

int devices_bind(const InitPlan *plan, Err *err) {
        for (size_t i = 0; i < plan->n_binds; i++) {
                const DeviceBind *bind = &plan->binds[i];
                autoclose int target =
                        openat(plan->devices, bind->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
                int r = target < 0 ? -errno : mount_attach(bind->tree, target);

                if (r < 0)
                        return fail(err, r, "cannot bind device '/dev/%s'", bind->name);
        }
        return 0;
}

int devices_filter(const InitPlan *plan, Err *err) {
        const OciResources *resources = plan->spec->linux_ ? plan->spec->linux_->resources : NULL;
        const Cgroup *cgroup = plan->options->cgroup;
        autofree DeviceRule *rules = NULL;
        const DeviceRule *standard;
        size_t n_standard, n;

        if (!resources || resources->n_devices == 0)
                return 0;
        if (!cgroup || cgroup_fd(cgroup) < 0)
                return refuse(err, EOPNOTSUPP,
                              "devices cannot be closed to the container without cgroup version 2");
        standard = device_default_rules(&n_standard);
        n = resources->n_devices;
        rules = calloc(n + n_standard, sizeof *rules);
        if (!rules)
                return fail(err, ENOMEM, "cannot close devices");

        for (size_t i = 0; i < n; i++) {
                const OciDeviceRule *rule = &resources->devices[i];

                rules[i] = (DeviceRule){ rule->allow, rule->type ? *rule->type : 'a', rule->major,
                                         rule->minor, rule->access ? rule->access : "rwm" };
        }
        memcpy(rules + n, standard, n_standard * sizeof *rules);
        return device_filter_attach(cgroup_fd(cgroup), rules, n + n_standard, err);
}
