/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "kernel/idmap.h"
#include "kernel/mount.h"
#include "lab/host_tree.h"

#define MOUNTINFO_MAX ((size_t) 16 << 20)

void host_tree_clear(HostTree *tree) {
        for (size_t i = 0; i < tree->n_mounts; i++) {
                free(tree->mounts[i].path);
                close_fd(tree->mounts[i].mount);
        }
        free(tree->mounts);
}

/* File systems that are no files on disk. */
static bool is_kernel_type(const char *type) {
        static const char *const types[] = { "proc",      "sysfs",   "cgroup",      "cgroup2",
                                             "devtmpfs",  "devpts",  "tmpfs",       "ramfs",
                                             "mqueue",    "debugfs", "tracefs",     "securityfs",
                                             "bpf",       "fusectl", "pstore",      "configfs",
                                             "hugetlbfs", "autofs",  "binfmt_misc", "rpc_pipefs",
                                             "efivarfs",  "nsfs",    "selinuxfs",   NULL };

        return strv_has((char *const *) types, type);
}

static bool is_replaced(const char *path) {
        static const char *const places[] = { "/proc", "/sys",     "/dev",     "/run",
                                              "/tmp",  "/var/tmp", "/var/run", NULL };

        for (int i = 0; places[i]; i++) {
                const char *rest = str_after(path, places[i]);

                if (rest && (!*rest || *rest == '/'))
                        return true;
        }
        return false;
}

/* "\040" and the like (proc_pid_mountinfo(5)), in place. */
static void unescape(char *s) {
        char *to = s;

        for (; *s; s++) {
                unsigned code;

                if (*s == '\\' && sscanf(s + 1, "%3o", &code) == 1) {
                        *to++ = (char) code;
                        s += 3;
                } else
                        *to++ = *s;
        }
        *to = '\0';
}

static int open_source(const char *path, bool recursive, bool read_only, int userns, Err *err) {
        const MountAttr attr = { .set = read_only ? MOUNT_ATTR_RDONLY : 0,
                                 .propagation = MS_PRIVATE,
                                 .recursive = recursive };
        autoclose int mount = mount_clone_source(path, recursive);
        int r = -EINVAL;

        if (mount < 0)
                return fail(err, mount, "cannot open '%s'", path);
        if (userns >= 0)
                r = mount_idmap(mount, &attr, userns);
        /* A file system that cannot map owners shows those that are not the lab's as nobody; so do
         * all where the lab is an ordinary user's. */
        if (r == -EINVAL || (r == -EPERM && idmap_is_inside()))
                r = mount_set_attr(mount, &attr);
        return r < 0 ? fail(err, r, "cannot open '%s' for a lab", path) : take_fd(mount);
}

int host_tree_source(const char *path, int userns, bool read_only, Err *err) {
        return open_source(path, true, read_only, userns, err);
}

static int add_mount(HostTree *tree, const char *path, bool recursive, Err *err) {
        autoclose int mount = -EBADF;
        HostMount *place;

        for (size_t i = 0; i < tree->n_mounts; i++)
                if (str_equal(tree->mounts[i].path, path))
                        return 0; /* covered by another one, which is what was opened */
        mount = open_source(path, recursive, true, tree->userns, err);
        if (mount < 0)
                return mount;
        place = json_grow(&tree->mounts, &tree->n_mounts, sizeof *place);
        if (!place)
                return fail(err, ENOMEM, "cannot open '%s'", path);
        place->path = strdup(path);
        place->mount = take_fd(mount);
        return place->path ? 0 : fail(err, ENOMEM, "cannot open '%s'", path);
}

/* "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw" */
static int read_line(HostTree *tree, char *line, Err *err) {
        char *type = strstr(line, " - "), *path = line;

        for (int i = 0; path && i < 4; i++) {
                path = strchr(path, ' ');
                path = path ? path + 1 : NULL;
        }
        if (!type || !path)
                return 0;
        type += 3;
        type[strcspn(type, " ")] = '\0';
        path[strcspn(path, " ")] = '\0';
        unescape(path);
        if (*path != '/' || str_equal(path, "/") || is_kernel_type(type) || is_replaced(path))
                return 0;
        if (file_access(AT_FDCWD, path, F_OK) < 0)
                return 0; /* below something else */
        return add_mount(tree, path, false, err);
}

int host_tree_open(int userns, HostTree *ret, Err *err) {
        autohosttree tree = { .userns = userns };
        autofree char *text = NULL;
        char *rest, *line;
        bool whole;
        int r = file_read(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, &text, NULL);

        if (r < 0)
                return fail(err, r, "cannot read '/proc/self/mountinfo'");
        /* What root of the machine has mounted, a user cannot take apart. */
        whole = idmap_is_inside();
        r = add_mount(&tree, "/", whole, err);
        rest = whole ? NULL : text;
        while (r >= 0 && (line = strsep(&rest, "\n")))
                r = read_line(&tree, line, err);
        if (r < 0)
                return r;
        *ret = tree;
        tree = (HostTree){};
        return 0;
}

/* ---- inside ---- */

static int attach(int mount, int root, const char *path, Err *err) {
        const char *below = root == AT_FDCWD ? path : path[1] ? path + 1 : ".";
        autoclose int target = openat(root, below, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        int r = target < 0 ? -errno : mount_attach(mount, target);

        return r < 0 ? fail(err, r, "cannot mount '%s' in the lab", path) : 0;
}

static int enter_root(const HostTree *tree, Err *err) {
        int root = tree->mounts[0].mount, r;

        /* Anywhere, from where it becomes the root. */
        r = attach(root, AT_FDCWD, "/proc", err);
        for (size_t i = 1; r >= 0 && i < tree->n_mounts; i++)
                r = attach(tree->mounts[i].mount, root, tree->mounts[i].path, err);
        if (r < 0)
                return r;
        if (fchdir(root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
            umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
                return fail(err, errno, "cannot change the root of the lab");
        return 0;
}

static int mount_at(const char *type, const char *const *options, uint64_t flags, const char *path,
                    Err *err) {
        autoclose int mount = mount_new(type, options, &(MountAttr){ .set = flags }, err);

        return mount < 0 ? mount : attach(mount, AT_FDCWD, path, err);
}

int node_bind(int mount, const char *target, Err *err) {
        autoclose int place = open(target, O_PATH | O_CLOEXEC);
        int r = place < 0 ? -errno : mount_attach(mount, place);

        return r < 0 ? fail(err, r, "cannot bind '%s'", target) : 0;
}

/* A device of the host's, before its /dev is covered. */
static int bind_device(int dev, const char *name, Err *err) {
        autofree char *path = str_format("/dev/%s", name);
        autoclose int mount = path ? mount_clone_source(path, false) : -ENOMEM;
        autoclose int place = -EBADF;
        int r;

        if (mount == -ENOENT)
                return 0; /* the host has none */
        if (mount < 0)
                return fail(err, mount, "cannot open '/dev/%s'", name);
        if (strchr(name, '/'))
                (void) mkdirat(dev, "net", 0755);
        place = openat(dev, name, O_RDONLY | O_CREAT | O_CLOEXEC, 0666);
        r = place < 0 ? -errno : mount_attach(mount, place);
        return r < 0 ? fail(err, r, "cannot make '/dev/%s'", name) : 0;
}

static int fill_dev(int dev, Err *err) {
        static const char *const devices[] = { "null",    "zero", "full",    "random",
                                               "urandom", "tty",  "net/tun", NULL };
        static const char *const links[][2] = {
                { "ptmx", "pts/ptmx" },          { "fd", "/proc/self/fd" },
                { "stdin", "/proc/self/fd/0" },  { "stdout", "/proc/self/fd/1" },
                { "stderr", "/proc/self/fd/2" },
        };
        int r = 0;

        for (int i = 0; r >= 0 && devices[i]; i++)
                r = bind_device(dev, devices[i], err);
        for (size_t i = 0; r >= 0 && i < sizeof links / sizeof *links; i++)
                if (symlinkat(links[i][1], dev, links[i][0]) < 0)
                        r = fail(err, errno, "cannot make '/dev/%s'", links[i][0]);
        if (r >= 0 && (mkdirat(dev, "pts", 0755) < 0 || mkdirat(dev, "shm", 01777) < 0 ||
                       fchmodat(dev, "shm", 01777, 0) < 0))
                r = fail(err, errno, "cannot fill '/dev'");
        return r;
}

/* Made while the host's is still there to take devices from. */
static int make_dev(Err *err) {
        static const char *const options[] = { "mode=755", "size=64k", NULL };
        int dev = mount_new("tmpfs", options, &(MountAttr){ .set = MOUNT_ATTR_NOSUID }, err), r;

        if (dev < 0)
                return dev;
        r = attach(dev, AT_FDCWD, "/sys", err);
        if (r >= 0)
                r = fill_dev(dev, err);
        if (r < 0)
                close_fd(dev);
        return r < 0 ? r : dev;
}

/* The kernel mounts a /proc and a /sys only where one is in sight already (mnt_already_visible(),
 * fs/namespace.c), so the host's stay until a node has its own. */
static int keep(const char *path, Err *err) {
        int mount = mount_clone_source(path, true);

        return mount < 0 ? fail(err, mount, "cannot open '%s'", path) : mount;
}

int host_tree_enter(const HostTree *tree, Err *err) {
        static const char *const pts[] = { "newinstance", "ptmxmode=0666", "mode=620", NULL };
        static const char *const run[] = { "mode=755", NULL };
        autoclose int proc = keep("/proc", err), sys = proc < 0 ? proc : keep("/sys", err);
        autoclose int dev = sys < 0 ? sys : make_dev(err), moved = -EBADF;
        int r = dev < 0 ? dev : 0;

        if (r >= 0) {
                moved = mount_clone(dev, "", true);
                r = moved < 0 ? fail(err, moved, "cannot make '/dev'") : enter_root(tree, err);
        }
        if (r >= 0)
                r = attach(moved, AT_FDCWD, "/dev", err);
        if (r >= 0)
                r = attach(proc, AT_FDCWD, "/proc", err);
        if (r >= 0)
                r = attach(sys, AT_FDCWD, "/sys", err);
        if (r >= 0)
                r = mount_at("devpts", pts, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, "/dev/pts", err);
        return r < 0 ? r
                     : mount_at("tmpfs", run, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, "/run", err);
}

/* One tmpfs for all that a node may write. */
static int make_writable(Err *err) {
        static const char *const options[] = { "mode=755", NULL };
        static const struct {
                const char *name, *target;
                mode_t mode;
        } places[] = {
                { "/run/.tmp", "/tmp", 01777 },
                { "/run/.vartmp", "/var/tmp", 01777 },
                { "/run/.log", "/var/log", 0755 },
                { "/run/.shm", "/dev/shm", 01777 },
        };
        int r = mount_at("tmpfs", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, "/run", err);

        for (size_t i = 0; r >= 0 && i < sizeof places / sizeof *places; i++) {
                autoclose int mount = -EBADF;

                if (mkdir(places[i].name, 0755) < 0 || chmod(places[i].name, places[i].mode) < 0)
                        return fail(err, errno, "cannot make '%s'", places[i].name);
                if (file_access(AT_FDCWD, places[i].target, F_OK) < 0)
                        continue;
                mount = mount_clone(AT_FDCWD, places[i].name, false);
                r = mount < 0 ? fail(err, mount, "cannot open '%s'", places[i].name)
                              : node_bind(mount, places[i].target, err);
        }
        if (r >= 0 && mkdir("/run/lock", 01777) < 0)
                r = fail(err, errno, "cannot make '/run/lock'");
        return r;
}

int node_mounts_open(NodeMounts *ret, Err *err) {
        const MountAttr attr = { .set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC };
        const MountAttr sys_attr = { .set = attr.set | MOUNT_ATTR_RDONLY };
        int r;

        r = ret->proc = mount_new("proc", NULL, &attr, err);
        if (r < 0)
                return err_hint(err, r,
                                "the host hides parts of /proc: run isola outside of a container");
        r = ret->sys = mount_new("sysfs", NULL, &sys_attr, err);
        return r < 0 ? r : 0;
}

void node_mounts_close(NodeMounts *m) {
        m->proc = close_fd(m->proc);
        m->sys = close_fd(m->sys);
}

int node_mounts_attach(const NodeMounts *m, Err *err) {
        int r = make_writable(err);

        if (r >= 0)
                r = attach(m->sys, AT_FDCWD, "/sys", err);
        return r < 0 ? r : attach(m->proc, AT_FDCWD, "/proc", err);
}

int node_mounts_clear(Err *err) {
        static const char *const places[] = { "/proc", "/sys" };

        for (int i = 0; i < 2; i++)
                if (umount2(places[i], MNT_DETACH) < 0)
                        return fail(err, errno, "cannot take the host's '%s' away", places[i]);
        return 0;
}

int node_mounts(Err *err) {
        NodeMounts mounts = NODE_MOUNTS_NONE;
        int r = node_mounts_open(&mounts, err);

        if (r >= 0)
                r = node_mounts_clear(err);
        if (r >= 0)
                r = node_mounts_attach(&mounts, err);
        node_mounts_close(&mounts);
        return r;
}
