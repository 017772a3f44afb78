/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The container's root
 *
 * Runs in the container's first process, in its new mount namespace, as root of
 * its user namespace.  The root is attached over the host's "/", everything is
 * attached below it by descriptor, and pivot_root(2) makes it the only tree
 * there is.  Paths below the root go through kernel/resolve.h, and /proc, /sys
 * and /dev must be directories themselves: an image in which one is a link
 * would have them made elsewhere (CVE-2019-16884, CVE-2026-41579).
 */

#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include "base/file.h"
#include "base/str.h"
#include "kernel/denied.h"
#include "kernel/lsm.h"
#include "kernel/overlay.h"
#include "kernel/resolve.h"
#include "oci/sysctl.h"
#include "runtime/copy_up.h"
#include "runtime/rootfs.h"

static int make_read_only(int mount, const char *what, Err *err) {
        int r = mount_set_attr(mount, &(MountAttr){ .set = MOUNT_ATTR_RDONLY });

        return r < 0 ? fail(err, r, "cannot make '%s' read-only", what) : 0;
}

static int attach_at(int mount, const char *place) {
        autoclose int target = open(place, O_PATH | O_DIRECTORY | O_CLOEXEC);

        return target < 0 ? -errno : mount_attach(mount, target);
}

#define ASIDE "/sys"

/*
 * Attaches what needs to be somewhere, no matter where, in the host's tree, with
 * which it goes away.  Not over "/": rootfs_enter() would find it on top of the
 * old root and let go of it alone.
 */
static int attach_aside(int mount) {
        int r = attach_at(mount, ASIDE);

        return r == -ENOENT || r == -ENOTDIR ? attach_at(mount, "/proc") : r;
}

/* Only layers that lie in this mount namespace may go into an overlay of this user namespace
 * (clone_private_mount(), fs/namespace.c). */
static int attach_layers(const InitPlan *plan) {
        int r = plan->storage >= 0 ? attach_aside(plan->storage) : 0;

        for (size_t i = 0; i < plan->n_lowers && r >= 0; i++)
                r = attach_aside(plan->lowers[i]);
        return r;
}

/* Whether the root is a single layer as it is, which must then not be written. */
static bool shows_layer(const InitPlan *plan) {
        return !plan->options->root.path && !plan->upper && plan->n_lowers == 1;
}

static int overlay_mount(const InitPlan *plan, int upper, int work, Err *err) {
        const OverlayLayers layers = { .lowers = plan->lowers,
                                       .n = plan->n_lowers,
                                       .upper = upper,
                                       .work = work,
                                       .scratch = plan->options->root.scratch,
                                       .aside = ASIDE };
        int r = overlay_new(&layers, err);

        if (r == -EINVAL && init_plan_has_userns(plan))
                return err_hint(err, r,
                                "an overlay takes the layers of a container with ids of its own "
                                "since Linux 5.19: --userns=host does without");
        return r;
}

static int root_mount(const InitPlan *plan, Err *err) {
        autoclose int upper = -EBADF, work = -EBADF;
        int r;

        if (plan->unprivileged) {
                const char *path = plan->options->root.path;
                int tree = mount_clone_source(path, true);

                return tree < 0 ? err_denied(err, fail(err, tree, "cannot open '%s'", path),
                                             "open_tree", "5.2")
                                : tree;
        }
        if (plan->options->root.path || plan->options->root.by_maker)
                return plan->storage;
        if (shows_layer(plan))
                return plan->lowers[0];
        r = attach_layers(plan);
        if (r < 0)
                return err_denied(err, fail(err, r, "cannot attach the layers"), "move_mount",
                                  "5.2");
        if (!plan->upper)
                return overlay_mount(plan, -EBADF, -EBADF, err);

        upper = openat(plan->storage, plan->upper, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (upper < 0)
                return fail(err, errno, "cannot open '%s'", plan->options->root.upper);
        work = openat(plan->storage, plan->work, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (work < 0)
                return fail(err, errno, "cannot open '%s'", plan->options->root.work);
        return overlay_mount(plan, upper, work, err);
}

#define PROC_ROOT_INO 1 /* fs/proc/root.c */

static bool is_standard(const char *place) {
        return str_equal(place, "/proc") || str_equal(place, "/sys") || str_equal(place, "/dev");
}

/* The parts of /proc that may be replaced (lxcfs does); anything else there would let a container
 * fool whoever trusts its proc. */
static bool may_cover(const char *place) {
        static const char *const files[] = { "cpuinfo",
                                             "diskstats",
                                             "loadavg",
                                             "meminfo",
                                             "stat",
                                             "swaps",
                                             "slabinfo",
                                             "uptime",
                                             "net/dev",
                                             "sys/kernel/ns_last_pid",
                                             "sys/crypto/fips_enabled",
                                             NULL };
        const char *rest = str_after(place, "/proc/");

        for (const char *const *file = files; rest && *file; file++)
                if (str_equal(rest, *file))
                        return true;
        return false;
}

/* Read-only last, because there is still something to be made in it: devices, mount points. */
static bool is_late(const InitMount *m) {
        return !m->options.bind &&
               (str_equal(m->mount->type, "tmpfs") || str_equal(m->place, "/dev")) &&
               (m->options.attr.set | m->options.below.set) & MOUNT_ATTR_RDONLY;
}

static bool is_proc(int fd) {
        struct statfs fs;

        return fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}

static bool is_whole_proc(int fd) {
        struct stat st;

        return is_proc(fd) && fstat(fd, &st) == 0 && st.st_ino == PROC_ROOT_INO;
}

static int open_standard(int root, const InitMount *m, Err *err) {
        const int how = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
        int target = openat(root, m->place + 1, how);

        if (target < 0 && errno == ENOENT) {
                if (mkdirat(root, m->place + 1, 0755) < 0 && errno != EEXIST)
                        return fail(err, errno, "cannot make '%s'", m->place);
                target = openat(root, m->place + 1, how);
        }
        if (target < 0 && (errno == ENOTDIR || errno == ELOOP))
                return refuse(err, ELOOP, "'%s' is not a directory in the image", m->place);
        return target < 0 ? fail(err, errno, "cannot open '%s'", m->place) : target;
}

/* Opens what a mount is to cover, once; *ret_there tells whether it was there before. */
static int open_target(int root, const InitMount *m, bool *ret_there, Err *err) {
        int target;

        *ret_there = true;
        if (is_standard(m->place))
                return open_standard(root, m, err);
        if (str_equal(m->place, "/") || (str_after(m->place, "/proc/") && !may_cover(m->place)))
                return refuse(err, EPERM, "nothing may be mounted at '%s'", m->place);
        target = resolve_place(root, m->place, m->directory, m->options.target_itself, ret_there);
        if (target == -ENOTDIR && m->directory)
                return refuse(err, target, "'%s' is not a directory in the container", m->place);
        if (target == -EISDIR)
                return refuse(err, target, "'%s' is a directory in the container, '%s' is not",
                              m->place, m->mount->source);
        if (target < 0)
                return fail(err, target, "cannot make '%s' in the container", m->place);
        if (is_proc(target) && !may_cover(m->place)) {
                close_fd(target);
                return refuse(err, EPERM, "nothing may be mounted at '%s', which leads into proc",
                              m->place);
        }
        return target;
}

/*
 * Both attribute sets of a mount, in one call where one is enough.  It is attached by then, as it
 * must be before Linux 5.12, but nothing is attached to it, which would show in the host where a
 * bind mount is still shared.
 */
static int set_attributes(const InitMount *m, int mount, Err *err) {
        const MountOptions *o = &m->options;
        MountAttr top = o->attr, below = o->below;
        int r = 0;

        if (!o->recursive)
                below.propagation = 0;
        if (below.set || below.clear || below.propagation) {
                r = mount_set_attr(mount, &below);
                if (top.propagation == below.propagation)
                        top.propagation = 0;
        }
        if (r == 0 && (top.set || top.clear || top.propagation))
                r = mount_set_attr(mount, &top);
        return r < 0 ? fail(err, r, "cannot set the options of '%s'", m->place) : 0;
}

static int new_file_system(Rootfs *rootfs, const char *type, const char *const *options,
                           const MountAttr *attr, Err *err) {
        int context = -EBADF, mount = mount_new_keeping(type, options, attr, &context, err);

        (void) spend(&rootfs->spent, context);
        return mount;
}

/* A tmpfs that does not say its mode has that of the directory which it covers. */
static int make_tmpfs(const InitMount *m, Rootfs *rootfs, const MountAttr *attr, int target,
                      bool there, Err *err) {
        autostrv options = NULL;
        bool said = false;
        struct stat st;

        strv_foreach(option, m->options.fs)
                said = said || str_after(*option, "mode=");
        if (said || !there || fstat(target, &st) < 0)
                return new_file_system(rootfs, "tmpfs", (const char *const *) m->options.fs, attr,
                                       err);
        if (strv_copy(m->options.fs, &options) < 0 ||
            strv_addf(&options, "mode=%04o", st.st_mode & 07777) < 0)
                return fail(err, ENOMEM, "cannot make a tmpfs");
        return new_file_system(rootfs, "tmpfs", (const char *const *) options, attr, err);
}

static bool shows_hierarchies(const InitMount *m, const Rootfs *rootfs) {
        return str_equal(m->mount->type, "cgroup") && rootfs->cgroups.n_legacy > 0;
}

static int fill_cgroup(const InitMount *m, const Rootfs *rootfs, int mount, Err *err) {
        const MountAttr attr = { .set = m->options.attr.set | m->options.below.set };
        int r = cgroup_view_fill(&rootfs->cgroups, mount, &attr, err);

        if (r < 0)
                return err_prefix(err, r, "cannot mount '%s'", m->place);
        r = mount_set_attr(mount, &attr);
        return r < 0 ? fail(err, r, "cannot set the options of '%s'", m->place) : 0;
}

/* Version 2; where that may not be mounted (a user namespace in the host's cgroup namespace), as it
 * is mounted outside. */
static int make_cgroup2(const InitMount *m, Rootfs *rootfs, const MountAttr *attr, Err *err) {
        int mount = new_file_system(rootfs, "cgroup2", (const char *const *) m->options.fs, attr,
                                    NULL),
            r;
        MountAttr all = *attr;

        if (mount >= 0)
                return mount;
        if (mount != -EPERM && mount != -EBUSY)
                return fail(err, mount, "cannot make a 'cgroup2' file system");
        mount = mount_clone_source("/sys/fs/cgroup", true);
        if (mount < 0)
                return fail(err, mount, "cannot copy the mount of '/sys/fs/cgroup'");
        all.set |= MOUNT_ATTR_RDONLY; /* it is the host's */
        all.recursive = true;
        r = mount_set_attr(mount, &all);
        return r < 0 ? (close_fd(mount), fail(err, r, "cannot set its options")) : mount;
}

/* A file system of its own: what is written to it before the end makes it read-only last. */
static int make_new(const InitMount *m, Rootfs *rootfs, int target, bool there, Err *err) {
        const MountAttr plain = { .set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC };
        const char *const wide[] = { "mode=755", "source=cgroup", NULL };
        const char *type = m->mount->type;
        MountAttr attr = m->options.attr;
        int mount;

        if (str_empty(type))
                return refuse(err, EINVAL, "the mount at '%s' has no type", m->place);
        attr.set |= m->options.below.set;
        if (is_late(m))
                attr.set &= ~(uint64_t) MOUNT_ATTR_RDONLY;
        if (str_equal(type, "tmpfs"))
                mount = make_tmpfs(m, rootfs, &attr, target, there, err);
        else if (shows_hierarchies(m, rootfs))
                mount = mount_new("tmpfs", wide, &plain, err);
        else if (str_equal(type, "cgroup") || str_equal(type, "cgroup2"))
                mount = make_cgroup2(m, rootfs, &attr, err);
        else
                mount = new_file_system(rootfs, type, (const char *const *) m->options.fs, &attr,
                                        err);
        if (mount == -EPERM && (str_equal(type, "proc") || str_equal(type, "sysfs")))
                err_hint(err, mount,
                         "parts of %s are hidden here, which a user namespace may not undo: start "
                         "the container around this one with --security-opt "
                         "systempaths=unconfined (Podman: unmask=ALL), or try --userns=host",
                         m->place);
        else if (mount < 0)
                err_denied(err, mount, "fsmount", "5.2");
        if (mount < 0)
                return err_prefix(err, mount, "cannot mount '%s'", m->place);
        if (m->label) {
                int r = lsm_label_mount(mount, m->label);

                if (r < 0)
                        return (close_fd(mount), fail(err, r, "cannot label '%s'", m->place));
        }
        return mount;
}

/* Returns the mount, detached; *ret_own if the caller is to close it. */
static int make_mount(const InitMount *m, Rootfs *rootfs, int target, bool there, bool *ret_own,
                      Err *err) {
        int r;

        *ret_own = false;
        if (m->tree >= 0)
                return m->tree;
        r = m->source ? plan_open_source(m, m->source, err)
                      : make_new(m, rootfs, target, there, err);
        *ret_own = r >= 0;
        return r;
}

/* Fills a mount with what it covers: a new tmpfs, or a volume with nothing in it. */
static int fill(const InitMount *m, int target, int mount, bool there, bool own, Err *err) {
        int r = 0;

        if (own && !m->options.bind)
                r = copy_up(target, mount, err);
        else if (m->directory && there)
                r = copy_up_if_empty(target, mount, err);
        return r < 0 ? err_prefix(err, r, "cannot fill '%s'", m->place) : 0;
}

static int make_link(int root, const InitMount *m, Err *err) {
        autofree char *holder = strdup(m->place);
        autoclose int directory = -EBADF;
        char text[PATH_MAX];
        char *name;
        ssize_t n;

        if (!holder)
                return fail(err, ENOMEM, "cannot make the link '%s'", m->place);
        name = strrchr(holder, '/');
        *name++ = 0;
        directory = resolve_make(root, *holder ? holder : "/", true);
        if (directory < 0)
                return fail(err, directory, "cannot make the link '%s'", m->place);
        if (symlinkat(m->link, directory, name) == 0)
                return 0;
        if (errno != EEXIST)
                return fail(err, errno, "cannot make the link '%s'", m->place);
        n = readlinkat(directory, name, text, sizeof text - 1);
        if (n >= 0)
                text[n] = 0;
        return n >= 0 && str_equal(text, m->link)
                       ? 0
                       : refuse(err, EEXIST, "cannot make the link '%s': something else is there",
                                m->place);
}

/* Changes the mount that is there. */
static int remount(int root, const InitMount *m, Err *err) {
        autoclose int target = resolve_open(root, m->place, O_PATH);
        int r;

        if (target < 0)
                return fail(err, target, "cannot open '%s' to change its mount", m->place);
        r = m->options.fs ? mount_reconfigure(target, (const char *const *) m->options.fs, err) : 0;
        if (r < 0)
                return err_prefix(err, r, "cannot change the mount at '%s'", m->place);
        return set_attributes(m, target, err);
}

/* Whether making it takes a look at what it is to cover. */
static bool looks_at_target(const InitMount *m) {
        return m->options.copy_up ||
               (!m->options.bind && m->tree < 0 && str_equal(m->mount->type, "tmpfs"));
}

/*
 * Attaches it without opening what it covers, where that can lead nowhere: to a standard directory,
 * or in the tmpfs at /dev to a directory that is our own.  Where it cannot be, another way is to
 * find out why.
 */
static bool attach_by_name(const InitPlan *plan, const Rootfs *rootfs, const InitMount *m,
                           int mount) {
        const char *name = str_after(m->place, "/dev/");

        if (is_standard(m->place))
                return mount_attach_below(mount, rootfs->root, m->place + 1) == 0;
        return rootfs->has_devices && m->directory && !str_empty(name) && !strchr(name, '/') &&
               mount_attach_below(mount, plan->devices, name) == 0;
}

/* Makes it and attaches it, filled if need be. */
static int attach(const InitPlan *plan, const InitMount *m, Rootfs *rootfs, int *ret_mount,
                  bool *ret_own, Err *err) {
        int target = -EBADF, mount, r;
        bool there = true;

        if (looks_at_target(m)) {
                target = spend(&rootfs->spent, open_target(rootfs->root, m, &there, err));
                if (target < 0)
                        return target;
        }
        mount = make_mount(m, rootfs, target, there, ret_own, err);
        if (mount < 0)
                return mount;
        *ret_mount = mount;
        /* Only another proc may take the place of proc: whoever is told what is in there would
         * believe it (CVE-2019-16884). */
        if (m->options.bind && str_equal(m->place, "/proc") && !is_whole_proc(mount))
                return refuse(err, EPERM, "what is mounted at '/proc' must be a proc");

        if (target < 0 && attach_by_name(plan, rootfs, m, mount))
                return 0;
        if (target < 0)
                target = spend(&rootfs->spent, open_target(rootfs->root, m, &there, err));
        if (target < 0)
                return target;
        r = m->options.copy_up ? fill(m, target, mount, there, *ret_own, err) : 0;
        if (r < 0)
                return r;
        r = mount_attach(mount, target);
        return r < 0 ? fail(err, r, "cannot mount '%s'", m->place) : 0;
}

/* Gives it what it can have only once it is attached. */
static int finish(const InitPlan *plan, const InitMount *m, int mount, bool own, Err *err) {
        int r = 0;

        if (own && m->options.attr.propagation)
                r = mount_set_attr(mount,
                                   &(MountAttr){ .propagation = m->options.attr.propagation });
        if (r < 0)
                return fail(err, r, "cannot set the options of '%s'", m->place);
        if (m->options.bind)
                r = set_attributes(m, mount, err);
        if (r >= 0 && mount == plan->devices)
                r = devices_bind(plan, err);
        return r;
}

/* Remembers those that are needed later. */
static int keep(const InitMount *m, Rootfs *rootfs, int mount, bool own, Err *err) {
        bool is_proc = str_equal(m->place, "/proc") &&
                       (m->options.bind || str_equal(m->mount->type, "proc"));

        if (is_late(m)) {
                int *late = json_grow(&rootfs->late, &rootfs->n_late, sizeof *late);

                if (!late)
                        return fail(err, ENOMEM, "cannot mount '%s'", m->place);
                *late = mount;
        } else if (is_proc)
                rootfs->proc = mount;
        else if (own && str_equal(m->mount->type, "devpts"))
                rootfs->devpts = mount;
        else if (own) {
                (void) spend(&rootfs->spent, mount);
                return shows_hierarchies(m, rootfs) ? fill_cgroup(m, rootfs, mount, err) : 0;
        }
        return 0;
}

/* What is opened or made here is owned by the process, which ends where something fails. */
static int mount_one(const InitPlan *plan, const InitMount *m, Rootfs *rootfs, Err *err) {
        int mount = -EBADF, r;
        bool own = false;

        spent_ease(&rootfs->spent);
        if (m->link)
                return make_link(rootfs->root, m, err);
        if (m->options.remount)
                return remount(rootfs->root, m, err);
        r = attach(plan, m, rootfs, &mount, &own, err);
        if (r >= 0)
                r = finish(plan, m, mount, own, err);
        if (r < 0)
                return r;
        rootfs->has_devices = rootfs->has_devices || mount == plan->devices;
        return keep(m, rootfs, mount, own, err);
}

static bool shows_cgroup(const InitMount *m) {
        return !m->options.bind && m->tree < 0 &&
               (str_equal(m->mount->type, "cgroup") || str_equal(m->mount->type, "cgroup2"));
}

int rootfs_open_place(const InitPlan *plan, Rootfs *rootfs, Err *err) {
        const char *place = plan->options->root.path;

        if (!plan->hooks_see_root)
                return 0;
        rootfs->place = open(place, O_PATH | O_DIRECTORY | O_CLOEXEC);
        return rootfs->place < 0 ? fail(err, errno, "cannot open '%s'", place) : 0;
}

/*
 * A directory leaves the peers that it has outside, or what is mounted in it would appear there; it
 * may go on to hear from them.
 */
static int finish_root(const InitPlan *plan, int root, Err *err) {
        const char *word = plan->spec->linux_ ? plan->spec->linux_->rootfs_propagation : NULL;
        MountAttr attr = { .recursive = true };
        bool recursive;
        int r;

        if (shows_layer(plan))
                return make_read_only(root, "/", err);
        if (!plan->options->root.path)
                return 0;
        if (plan->is_private)
                return 0;
        if (word)
                (void) mount_propagation(word, &attr.propagation, &recursive);
        attr.propagation = attr.propagation == MS_SLAVE ? MS_SLAVE : MS_PRIVATE;
        r = mount_set_attr(root, &attr);
        return r < 0 ? fail(err, r, "cannot detach the root from the host's mounts") : 0;
}

int rootfs_make(const InitPlan *plan, Rootfs *rootfs, Err *err) {
        int r;

        rootfs->root = root_mount(plan, err);
        if (rootfs->root < 0)
                return rootfs->root;
        r = rootfs->place >= 0 ? mount_attach(rootfs->root, rootfs->place)
                               : mount_attach_over_root(rootfs->root);
        if (r < 0)
                return err_denied(err, fail(err, r, "cannot attach the root"), "move_mount", "5.2");
        r = finish_root(plan, rootfs->root, err);
        for (size_t i = 0; i < plan->spec->n_mounts && r >= 0; i++)
                if (!shows_cgroup(&plan->mounts[i]))
                        r = mount_one(plan, &plan->mounts[i], rootfs, err);
        return r < 0 ? r : devices_make_inside(plan, rootfs->root, err);
}

int rootfs_see_cgroup(const InitPlan *plan, Rootfs *rootfs, Err *err) {
        const Cgroup *cgroup = plan->options->cgroup;

        for (size_t i = 0; i < plan->spec->n_mounts; i++) {
                const InitMount *m = &plan->mounts[i];

                if (!shows_cgroup(m) || !str_equal(m->mount->type, "cgroup"))
                        continue;
                rootfs->cgroups.own = plan->new_namespaces & CLONE_NEWCGROUP;
                if (cgroup && cgroup_is_in_v2_alone(cgroup))
                        return 0;
                return cgroup_view_read(cgroup ? cgroup_path(cgroup) : NULL, &rootfs->cgroups, err);
        }
        return 0;
}

int rootfs_mount_cgroup(const InitPlan *plan, Rootfs *rootfs, Err *err) {
        int r = 0;

        for (size_t i = 0; i < plan->spec->n_mounts && r >= 0; i++)
                if (shows_cgroup(&plan->mounts[i]))
                        r = mount_one(plan, &plan->mounts[i], rootfs, err);
        return r;
}

int rootfs_open_devpts(const Rootfs *rootfs, Err *err) {
        int devpts = rootfs->devpts >= 0
                             ? fcntl(rootfs->devpts, F_DUPFD_CLOEXEC, 3)
                             : resolve_open(rootfs->root, "/dev/pts", O_PATH | O_DIRECTORY);

        return devpts < 0 ? refuse(err, ENOTTY, "a terminal needs a devpts at /dev/pts") : devpts;
}

int rootfs_place_console(const Rootfs *rootfs, int slave, Err *err) {
        autoclose int target = -EBADF, tree = -EBADF;
        struct stat st;
        bool there;
        int r;

        target = resolve_place(rootfs->root, "/dev/console", false, true, &there);
        if (target < 0 || fstat(target, &st) < 0)
                return fail(err, target < 0 ? target : errno, "cannot make '/dev/console'");
        if (S_ISLNK(st.st_mode) || S_ISDIR(st.st_mode))
                return refuse(err, ELOOP,
                              "'/dev/console' is neither a file nor a device in the image");
        tree = mount_clone(slave, "", false);
        r = tree < 0 ? tree : mount_attach(tree, target);
        return r < 0 ? fail(err, r, "cannot put the terminal at '/dev/console'") : 0;
}

/*
 * Sysctls.  Only those that belong to a namespace of the container's own; the
 * others are the host's.  They are written below our own proc mount, before
 * anything covers it.
 */

static int set_sysctl(const InitPlan *plan, const Rootfs *rootfs, const char *setting, Err *err) {
        autofree char *path = NULL, *file_path = NULL;
        autoclose int file = -EBADF, own = -EBADF;
        const char *value, *type;
        int r;

        r = oci_sysctl_parse(setting, &path, &value, &type, err);
        if (r < 0)
                return r;
        if (!((plan->new_namespaces | plan->joined) & ns_kind(type)->flag))
                return refuse(err, EPERM,
                              "sysctl '%s' is the host's: the container has no %s namespace of its "
                              "own",
                              setting, type);
        file_path = str_format("sys/%s", path);
        if (!file_path)
                return fail(err, ENOMEM, "cannot set sysctl '%s'", setting);
        if (rootfs->proc < 0) {
                own = mount_new("proc", NULL, &(MountAttr){}, err);
                if (own < 0)
                        return err_prefix(err, own, "cannot set sysctl '%s'", setting);
        }
        file = resolve_open(own >= 0 ? own : rootfs->proc, file_path, O_WRONLY | O_NOFOLLOW);
        if (file < 0)
                return fail(err, file, "cannot set sysctl '%s'", setting);
        if (write(file, value, strlen(value)) < 0)
                return fail(err, errno, "cannot set sysctl '%s'", setting);
        return 0;
}

/* One read-only tmpfs serves all masks: the empty directory itself, and an empty file in it. */
static int make_mask(Rootfs *rootfs, const char *label, Err *err) {
        autofree char *context = str_empty(label) ? NULL : str_format("context=%s", label);
        const char *const options[] = { "size=4k", "nr_inodes=4", context, NULL };
        const MountAttr attr = { .set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC },
                        read_only = { .set = MOUNT_ATTR_RDONLY };
        int mask, r;

        mask = new_file_system(rootfs, "tmpfs", options, &attr, err);
        if (mask < 0)
                return mask;
        if (mknodat(mask, "empty", S_IFREG | 0444, 0) < 0 || mkdirat(mask, "none", 0555) < 0)
                return fail(err, errno, "cannot make the mask");

        r = mount_set_attr(mask, &read_only);
        if (r < 0) { /* before Linux 5.12 only an attached mount can be changed */
                r = attach_aside(mask);
                r = r < 0 ? fail(err, r, "cannot attach the mask")
                          : make_read_only(mask, "the mask", err);
        }
        return r < 0 ? r : mask;
}

static int clone_mask(int mask, const char *name) {
        int tree = mount_clone(mask, name, false);

        /* Before Linux 6.15 only an attached mount can be cloned. */
        if (tree == -EINVAL && attach_aside(mask) == 0)
                tree = mount_clone(mask, name, false);
        return tree;
}

static int mask_path(int root, const char *path, int mask, Spent *spent, Err *err) {
        int target, tree, r;
        bool directory;

        spent_ease(spent);
        target = spend(spent, resolve_open(root, path, O_PATH | O_DIRECTORY));
        directory = target >= 0;
        if (target == -ENOTDIR)
                target = spend(spent, resolve_open(root, path, O_PATH));
        if (target == -ENOENT || target == -ENOTDIR || target == -EACCES)
                return 0;
        if (target < 0)
                return fail(err, target, "cannot hide '%s'", path);
        tree = spend(spent, clone_mask(mask, directory ? "none" : "empty"));
        r = tree < 0 ? tree : mount_attach(tree, target);
        return r < 0 ? err_denied(err, fail(err, r, "cannot hide '%s'", path), "open_tree", "5.2")
                     : 0;
}

static int protect_path(int root, const char *path, Spent *spent, Err *err) {
        MountAttr read_only = { .set = MOUNT_ATTR_RDONLY, .recursive = true };
        int target, tree, r;
        bool done;

        spent_ease(spent);
        target = spend(spent, resolve_open(root, path, O_PATH));
        if (target == -ENOENT || target == -ENOTDIR)
                return 0;
        if (target < 0)
                return fail(err, target, "cannot make '%s' read-only", path);
        tree = spend(spent, mount_clone_with(target, "", &read_only));
        done = tree >= 0;
        if (!done)
                tree = spend(spent, mount_clone(target, "", true));
        r = tree < 0 ? tree : mount_attach(tree, target);
        if (r >= 0 && !done)
                r = mount_set_attr(tree, &read_only);
        return r < 0 ? err_denied(err, fail(err, r, "cannot make '%s' read-only", path),
                                  "open_tree", "5.2")
                     : 0;
}

int rootfs_protect(const InitPlan *plan, Rootfs *rootfs, Err *err) {
        const OciLinux *l = plan->spec->linux_;
        int mask, r = 0;

        if (!l)
                return 0;
        strv_foreach(setting, l->sysctl) {
                r = set_sysctl(plan, rootfs, *setting, err);
                if (r < 0)
                        return r;
        }
        strv_foreach(path, l->readonly_paths) {
                r = protect_path(rootfs->root, *path, &rootfs->spent, err);
                if (r < 0)
                        return r;
        }
        if (!l->masked_paths || !*l->masked_paths)
                return 0;

        mask = make_mask(rootfs, l->mount_label, err);
        if (mask < 0)
                return mask;
        strv_foreach(path, l->masked_paths) {
                r = mask_path(rootfs->root, *path, mask, &rootfs->spent, err);
                if (r < 0)
                        return r;
        }
        (void) spend(&rootfs->spent, mask);
        return 0;
}

/*
 * "." twice: the old root ends up on top of the new one, where it can be let go (pivot_root(2)).
 * Where the old root is the initramfs, which cannot be pivoted from, the new one is moved over it.
 */
static int change_root(const InitPlan *plan, const Rootfs *rootfs, Err *err) {
        if (fchdir(rootfs->root) < 0)
                return fail(err, errno, "cannot enter the root");
        if (plan->options->no_pivot) {
                if (mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0)
                        return fail(err, errno, "cannot move the root over the host's");
                return 0;
        }
        if (syscall(SYS_pivot_root, ".", ".") < 0)
                return err_hint(err, fail(err, errno, "cannot change the root"),
                                "--no-pivot does without, where the host's root is an initramfs");
        /* Which leaves the working directory at the new one. */
        if (syscall(SYS_umount2, ".", MNT_DETACH) < 0)
                return fail(err, errno, "cannot leave the host's root");
        return 0;
}

/* A working directory that is missing, before nothing can be made any more; whoever enters it tells
 * what is wrong with it. */
static void make_working_directory(const InitPlan *plan, const Rootfs *rootfs) {
        const char *path = plan->spec->process->cwd;

        if ((plan->spec->root_readonly || rootfs->n_late > 0) && path && *path == '/' && path[1])
                close_fd(resolve_make(rootfs->root, path, true));
}

int rootfs_enter(const InitPlan *plan, Rootfs *rootfs, Err *err) {
        const char *word = plan->spec->linux_ ? plan->spec->linux_->rootfs_propagation : NULL;
        MountAttr attr = {};
        int r = 0;

        spent_close(&rootfs->spent);
        make_working_directory(plan, rootfs);
        for (size_t i = 0; i < rootfs->n_late && r >= 0; i++)
                r = make_read_only(rootfs->late[i], "a tmpfs", err);
        if (r >= 0 && plan->spec->root_readonly)
                r = make_read_only(rootfs->root, "/", err);
        if (r >= 0)
                r = change_root(plan, rootfs, err);
        if (r < 0)
                return r;

        if (word && mount_propagation(word, &attr.propagation, &attr.recursive) &&
            attr.propagation != MS_PRIVATE &&
            mount(NULL, "/", NULL, attr.propagation | (attr.recursive ? MS_REC : 0), NULL) < 0)
                return fail(err, errno, "cannot set the root's propagation");
        return 0;
}
