/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Devices
 *
 * Where the specification mounts a tmpfs at /dev, the parent makes it, because
 * it can make real device nodes, and then maps it into the container: its nodes
 * belong to the container's root, nothing is bind-mounted node by node, and what
 * a container does to their owner or mode is its own affair.  Where it mounts
 * something else or nothing there, init makes the nodes in what is there, as runc
 * does; a /dev that is bound is the machine's and left alone.
 *
 * A node that cannot be made, for want of CAP_MKNOD or in a user namespace, is the
 * machine's own, opened and checked by the parent and bound over an empty file.
 *
 * Which devices may be opened is decided by the device filter of the cgroup.
 */

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "kernel/caps.h"
#include "kernel/denied.h"
#include "kernel/device.h"
#include "kernel/resolve.h"
#include "runtime/init_plan.h"

static const struct {
        const char *path;
        unsigned major, minor;
} default_devices[] = {
        { "/dev/null", 1, 3 },   { "/dev/zero", 1, 5 },    { "/dev/full", 1, 7 },
        { "/dev/random", 1, 8 }, { "/dev/urandom", 1, 9 }, { "/dev/tty", 5, 0 },
};

static const struct {
        const char *name, *target;
} links[] = {
        { "fd", "/proc/self/fd" },       { "stdin", "/proc/self/fd/0" },
        { "stdout", "/proc/self/fd/1" }, { "stderr", "/proc/self/fd/2" },
        { "core", "/proc/kcore" },       { "ptmx", "pts/ptmx" },
};

/* ---- what is wanted ---- */

static mode_t kind_of(const char *type) {
        if (str_equal(type, "c") || str_equal(type, "u"))
                return S_IFCHR;
        return str_equal(type, "b") ? S_IFBLK : str_equal(type, "p") ? S_IFIFO : 0;
}

static bool is_planned(const InitPlan *plan, const char *path) {
        for (size_t i = 0; i < plan->n_nodes; i++)
                if (str_equal(plan->nodes[i].path, path))
                        return true;
        return false;
}

static int plan_node(InitPlan *plan, const char *given, const DeviceNode *node, Err *err) {
        autofree char *path = init_plan_clean_path(given);
        DeviceNode *added;

        if (!path)
                return fail(err, ENOMEM, "cannot make device '%s'", given);
        if (str_equal(path, "/"))
                return refuse(err, EINVAL, "'%s' is no place for a device", given);
        /* Always a link to the container's own. */
        if (str_equal(path, "/dev/ptmx"))
                return 0;
        if (plan->dev == DEV_HOST && str_after(path, "/dev/"))
                return 0;
        added = json_grow(&plan->nodes, &plan->n_nodes, sizeof *added);
        if (!added)
                return fail(err, ENOMEM, "cannot make device '%s'", given);
        *added = *node;
        added->tree = -EBADF;
        added->in_tmpfs = plan->dev == DEV_TMPFS && str_after(path, "/dev/");
        plan->n_inside += !added->in_tmpfs;
        added->path = take_ptr(path);
        return 0;
}

/* Those of the specification come first: a default device that is said is as it says. */
static int plan_nodes(InitPlan *plan, Err *err) {
        const OciLinux *l = plan->spec->linux_;
        int r = 0;

        for (size_t i = 0; l && i < l->n_devices && r >= 0; i++) {
                const OciDevice *d = &l->devices[i];
                mode_t kind = kind_of(d->type);
                const DeviceNode node = {
                        .mode = kind | (d->file_mode >= 0 ? (mode_t) d->file_mode & 07777 : 0666),
                        .number = kind == S_IFIFO
                                          ? 0
                                          : makedev((unsigned) d->major, (unsigned) d->minor),
                        .uid = (uid_t) d->uid,
                        .gid = (gid_t) d->gid,
                };

                r = kind ? plan_node(plan, d->path, &node, err)
                         : refuse(err, EINVAL, "'%s' is not a kind of device", d->type);
        }
        for (size_t i = 0; i < sizeof default_devices / sizeof *default_devices && r >= 0; i++) {
                const DeviceNode node = {
                        .mode = S_IFCHR | 0666,
                        .number = makedev(default_devices[i].major, default_devices[i].minor),
                };

                if (!is_planned(plan, default_devices[i].path))
                        r = plan_node(plan, default_devices[i].path, &node, err);
        }
        return r;
}

/* ---- the machine's own nodes ---- */

static int open_checked(const char *path, const DeviceNode *node) {
        autoclose int tree = mount_clone_source(path, false);
        struct stat st;

        if (tree < 0)
                return tree;
        if (fstat(tree, &st) < 0)
                return -errno;
        if ((st.st_mode & S_IFMT) != (node->mode & S_IFMT) || st.st_rdev != node->number)
                return -ENODEV;
        return take_fd(tree);
}

/* By the same name, or by number where udev keeps such links. */
static int open_host_node(DeviceNode *node, Err *err) {
        autofree char *by_number =
                str_format("/dev/%s/%u:%u", S_ISBLK(node->mode) ? "block" : "char",
                           major(node->number), minor(node->number));
        int tree = open_checked(node->path, node), other;

        if (tree < 0 && by_number) {
                other = open_checked(by_number, node);
                tree = other < 0 ? tree : other;
        }
        if (tree == -ENODEV)
                return refuse(err, ENODEV, "'%s' is another device outside than it is to be inside",
                              node->path);
        if (tree < 0)
                return fail(err, tree, "cannot bind device '%s'", node->path);
        node->tree = tree;
        return 0;
}

static bool can_make_nodes(void) {
        CapSets sets;

        return caps_get(&sets) >= 0 && sets.effective & (UINT64_C(1) << CAP_MKNOD);
}

/* Those that init is to make but cannot. */
static int open_host_nodes(InitPlan *plan, Err *err) {
        int r = 0;

        if (plan->n_inside == 0 || plan->unprivileged ||
            (can_make_nodes() && !init_plan_has_userns(plan)))
                return 0;
        for (size_t i = 0; i < plan->n_nodes && r >= 0; i++)
                if (!plan->nodes[i].in_tmpfs && !S_ISFIFO(plan->nodes[i].mode))
                        r = open_host_node(&plan->nodes[i], err);
        return r;
}

/* ---- making them below a directory ---- */

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

/* What is there must be what was asked for. */
static int check_existing(int directory, const char *name, const DeviceNode *node, Err *err) {
        struct stat st;

        if (fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return fail(err, errno, "cannot look at '%s'", node->path);
        if ((st.st_mode & S_IFMT) == (node->mode & S_IFMT) &&
            (S_ISFIFO(st.st_mode) || st.st_rdev == node->number))
                return 0;
        return refuse(err, EEXIST, "cannot make device '%s': something else is there", node->path);
}

/* Returns 1 if it was made, 0 if it was there. */
static int make_node(int directory, const char *name, const DeviceNode *node, Err *err) {
        if (mknodat(directory, name, node->mode, node->number) < 0) {
                if (errno == EEXIST)
                        return check_existing(directory, name, node, err);
                return errno == EPERM ? -EPERM
                                      : fail(err, errno, "cannot make device '%s'", node->path);
        }
        if ((node->uid || node->gid) &&
            fchownat(directory, name, node->uid, node->gid, AT_SYMLINK_NOFOLLOW) < 0)
                return fail(err, errno, "cannot give device '%s' its owner", node->path);
        /* A change of owner takes the bits away that stand for it (chown(2)). */
        if ((node->uid || node->gid) && node->mode & (S_ISUID | S_ISGID) &&
            fchmodat(directory, name, node->mode & 07777, 0) < 0)
                return fail(err, errno, "cannot give device '%s' its mode", node->path);
        return 1;
}

static int make_links(int dev, Err *err) {
        bool kcore = access("/proc/kcore", F_OK) == 0;

        for (size_t i = 0; i < sizeof links / sizeof *links; i++)
                if ((!str_equal(links[i].name, "core") || kcore) &&
                    symlinkat(links[i].target, dev, links[i].name) < 0 && errno != EEXIST)
                        return fail(err, errno, "cannot make '/dev/%s'", links[i].name);
        return 0;
}

/* ---- the tmpfs ---- */

static int make_in_tmpfs(int dev, DeviceNode *node, Err *err) {
        const char *name = node->path + strlen("/dev/");
        autoclose int file = -EBADF;
        int r = make_directories(dev, name);

        if (r < 0)
                return fail(err, r, "cannot make device '%s'", node->path);
        r = make_node(dev, name, node, err);
        if (r != -EPERM)
                return r;
        r = open_host_node(node, err);
        if (r < 0)
                return r;
        file = openat(dev, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0666);
        return file < 0 ? fail(err, errno, "cannot make device '%s'", node->path) : 0;
}

static int fill(InitPlan *plan, int dev, Err *err) {
        int r = 0;

        for (size_t i = 0; i < plan->n_nodes && r >= 0; i++)
                if (plan->nodes[i].in_tmpfs)
                        r = make_in_tmpfs(dev, &plan->nodes[i], err);
        if (r >= 0)
                r = make_links(dev, err);
        /* What is mounted below would be made then; here a directory costs one call. */
        for (size_t i = 0; i < plan->spec->n_mounts && r >= 0; i++) {
                const char *name = str_after(plan->mounts[i].place, "/dev/");

                if (!str_empty(name) && !strchr(name, '/') && plan->mounts[i].directory &&
                    mkdirat(dev, name, 0755) < 0 && errno != EEXIST)
                        r = fail(err, errno, "cannot make '/dev/%s'", name);
        }
        return r;
}

static int make_tmpfs(InitPlan *plan, const InitMount *mount, Err *err) {
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

int devices_make(InitPlan *plan, InitMount *mount, Err *err) {
        int r;

        plan->dev = !mount                                                          ? DEV_ROOT
                    : mount->options.bind                                           ? DEV_HOST
                    : str_equal(mount->mount->type, "tmpfs") && !plan->unprivileged ? DEV_TMPFS
                                                                                    : DEV_ROOT;
        r = plan_nodes(plan, err);
        if (r >= 0)
                r = open_host_nodes(plan, err);
        if (r < 0 || plan->dev != DEV_TMPFS)
                return r;
        r = make_tmpfs(plan, mount, err);
        if (r >= 0)
                plan->devices = mount->tree = r;
        return r;
}

void devices_free(InitPlan *plan) {
        for (size_t i = 0; i < plan->n_nodes; i++) {
                close_fd(plan->nodes[i].tree);
                free(plan->nodes[i].path);
        }
        free(plan->nodes);
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
        for (size_t i = 0; i < plan->n_nodes; i++) {
                const DeviceNode *node = &plan->nodes[i];
                autoclose int target = -EBADF;
                int r;

                if (!node->in_tmpfs || node->tree < 0)
                        continue;
                target = openat(plan->devices, node->path + strlen("/dev/"),
                                O_PATH | O_NOFOLLOW | O_CLOEXEC);
                r = target < 0 ? -errno : mount_attach(node->tree, target);
                if (r < 0)
                        return fail(err, r, "cannot bind device '%s'", node->path);
        }
        return 0;
}

/* ---- in the root, by init ---- */

static int bind_in_root(int root, const DeviceNode *node, Err *err) {
        bool there;
        autoclose int target = resolve_place(root, node->path, false, true, &there);
        struct stat st;
        int r;

        if (target < 0)
                return fail(err, target, "cannot make device '%s'", node->path);
        if (there && fstat(target, &st) == 0 && !S_ISREG(st.st_mode) &&
            ((st.st_mode & S_IFMT) != (node->mode & S_IFMT) || st.st_rdev != node->number))
                return refuse(err, EEXIST, "cannot make device '%s': something else is there",
                              node->path);
        r = mount_attach(node->tree, target);
        return r < 0 ? fail(err, r, "cannot bind device '%s'", node->path) : 0;
}

static int make_in_root(int root, const DeviceNode *node, bool unprivileged, Err *err) {
        DeviceNode own = *node;
        autofree char *holder = strdup(node->path);
        autoclose int directory = -EBADF;
        char *name;
        int r;

        if (node->tree >= 0)
                return bind_in_root(root, node, err);
        if (!holder)
                return fail(err, ENOMEM, "cannot make device '%s'", node->path);
        name = strrchr(holder, '/');
        *name++ = 0;
        directory = resolve_make(root, *holder ? holder : "/", true);
        if (directory < 0)
                return fail(err, directory, "cannot make device '%s'", node->path);
        r = make_node(directory, name, node, err);
        if (r != -EPERM)
                return r;
        if (!unprivileged)
                return fail(err, EPERM, "cannot make device '%s'", node->path);
        r = open_host_node(&own, err);
        if (r >= 0)
                r = bind_in_root(root, &own, err);
        close_fd(own.tree);
        return r;
}

int devices_make_inside(const InitPlan *plan, int root, Err *err) {
        mode_t umask_before;
        int r = 0;

        if (plan->n_inside == 0)
                return 0;
        if (plan->dev == DEV_ROOT) {
                autoclose int dev = -EBADF;

                if (mkdirat(root, "dev", 0755) < 0 && errno != EEXIST)
                        return fail(err, errno, "cannot make '/dev'");
                dev = openat(root, "dev", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                if (dev < 0)
                        return refuse(err, ELOOP, "'/dev' is not a directory in the image");
                /* What an image has there is not the container's own; the others are as good. */
                if (unlinkat(dev, "ptmx", 0) < 0 && errno != ENOENT)
                        return fail(err, errno, "cannot make '/dev/ptmx'");
                r = make_links(dev, err);
        }
        umask_before = umask(0);
        for (size_t i = 0; i < plan->n_nodes && r >= 0; i++)
                if (!plan->nodes[i].in_tmpfs)
                        r = make_in_root(root, &plan->nodes[i], plan->unprivileged, err);
        umask(umask_before);
        return r;
}

/* ---- which may be opened ---- */

static bool is_all(const OciDeviceRule *rule) {
        return (str_empty(rule->type) || *rule->type == 'a') && rule->major < 0 &&
               rule->minor < 0 && (!rule->access || strspn("rwm", rule->access) == 3);
}

/* Rules that close nothing: none for who can make no device, or those that end in "allow all". */
static bool all_are_open(const InitPlan *plan, const OciResources *resources) {
        size_t n = resources ? resources->n_devices : 0;

        if (n == 0)
                return init_plan_has_userns(plan);
        while (n-- > 0 && resources->devices[n].allow)
                if (is_all(&resources->devices[n]))
                        return true;
        return false;
}

/*
 * Version 2's filter needs CAP_BPF over the machine.  Who has not got it has no rights over its
 * devices either: with a user namespace, a container of theirs opens only what they can open.
 */
static int apply_rules(const InitPlan *plan, const DeviceRule *rules, size_t n, Err *err) {
        const Cgroup *cgroup = plan->options->cgroup;
        autoerr problem = {};
        int r;

        if (!cgroup && !init_plan_has_userns(plan) && !idmap_is_inside())
                log_warn("the machine's devices are not closed to the container: it has no cgroup");
        if (!cgroup)
                return 0;
        if (cgroup_fd(cgroup) >= 0)
                r = device_filter_attach(cgroup_fd(cgroup), rules, n, &problem);
        else if (cgroup_devices_fd(cgroup) >= 0)
                r = device_list_write(cgroup_devices_fd(cgroup), rules, n, &problem);
        else
                r = refuse(
                        &problem, EOPNOTSUPP,
                        "devices cannot be closed to the container: there is no cgroup controller "
                        "for them");
        if (r >= 0)
                return 0;
        if (r != -EINVAL && init_plan_has_userns(plan)) {
                log_debug("%s; its user namespace stands in for it", problem.message);
                return 0;
        }
        r = refuse(err, r, "%s", problem.message);
        return problem.hint ? err_hint(err, r, "%s", problem.hint) : r;
}

int devices_filter(const InitPlan *plan, Err *err) {
        const OciResources *resources = plan->spec->linux_ ? plan->spec->linux_->resources : NULL;
        autofree DeviceRule *rules = NULL;
        const DeviceRule *standard;
        size_t n_standard, n = resources ? resources->n_devices : 0;

        if (all_are_open(plan, resources))
                return 0;
        standard = device_default_rules(&n_standard);
        rules = calloc(n + n_standard, sizeof *rules);
        if (!rules)
                return fail(err, ENOMEM, "cannot close devices");

        for (size_t i = 0; i < n; i++) {
                const OciDeviceRule *rule = &resources->devices[i];

                rules[i] = (DeviceRule){ rule->allow, str_empty(rule->type) ? 'a' : *rule->type,
                                         rule->major, rule->minor,
                                         rule->access ? rule->access : "rwm" };
        }
        memcpy(rules + n, standard, n_standard * sizeof *rules);
        return apply_rules(plan, rules, n + n_standard, err);
}
