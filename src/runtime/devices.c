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
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/str.h"
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

static int make_device(int dev, const OciDevice *d, Err *err) {
        const char *name = str_after(d->path, "/dev/");
        mode_t mode = d->file_mode ? (mode_t) d->file_mode & 07777 : 0666, kind;
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
        if (mknodat(dev, name, kind | mode, makedev((unsigned) d->major, (unsigned) d->minor)) <
            0) {
                if (errno == EEXIST)
                        return 0;
                return fail(err, errno, "cannot make device '%s'", d->path);
        }
        if ((d->uid || d->gid) &&
            fchownat(dev, name, (uid_t) d->uid, (gid_t) d->gid, AT_SYMLINK_NOFOLLOW) < 0)
                return fail(err, errno, "cannot give device '%s' its owner", d->path);
        return 0;
}

static int fill(const InitPlan *plan, int dev, Err *err) {
        const OciLinux *l = plan->spec->linux_;
        int r;

        for (size_t i = 0; i < sizeof default_devices / sizeof *default_devices; i++)
                if (mknodat(dev, default_devices[i].name, S_IFCHR | 0666,
                            makedev(default_devices[i].major, default_devices[i].minor)) < 0)
                        return fail(err, errno, "cannot make device '/dev/%s'",
                                    default_devices[i].name);
        for (size_t i = 0; i < sizeof links / sizeof *links; i++)
                if (symlinkat(links[i].target, dev, links[i].name) < 0)
                        return fail(err, errno, "cannot make '/dev/%s'", links[i].name);
        for (size_t i = 0; l && i < l->n_devices; i++) {
                r = make_device(dev, &l->devices[i], err);
                if (r < 0)
                        return r;
        }
        /* What is mounted below would be made then; here a directory costs one call. */
        for (size_t i = 0; i < plan->spec->n_mounts; i++) {
                const char *name = str_after(plan->spec->mounts[i].destination, "/dev/");

                if (!str_empty(name) && !strchr(name, '/') && plan->mounts[i].directory &&
                    mkdirat(dev, name, 0755) < 0 && errno != EEXIST)
                        return fail(err, errno, "cannot make '/dev/%s'", name);
        }
        return 0;
}

int devices_make(const InitPlan *plan, const InitMount *mount, Err *err) {
        autoclose int dev = -EBADF;
        mode_t umask_before;
        int r;

        dev = mount_new("tmpfs", (const char *const *) mount->options.fs, &mount->options.attr,
                        err);
        if (dev < 0)
                return err_prefix(err, dev, "cannot mount '/dev'");
        umask_before = umask(0);
        r = fill(plan, dev, err);
        umask(umask_before);
        return r < 0 ? r : take_fd(dev);
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
