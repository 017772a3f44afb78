/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What a container sees where: the standard file systems, its small files, volumes and binds. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "engine/spec.h"
#include "engine/spec_internal.h"
#include "engine/userns.h"
#include "engine/volume.h"
#include "kernel/idmap.h"

/* Adds a mount whose options are one comma-separated string. */
static int add(OciSpec *spec, const char *destination, const char *type, const char *source,
               const char *options) {
        autostrv list = NULL;

        if (strv_split(options, ",", true, &list) < 0)
                return -ENOMEM;
        return oci_mount_add(spec, destination, type, source, list);
}

static int add_shared_memory(const Container *c, OciSpec *spec) {
        autofree char *size = NULL, *peer = NULL;

        if (str_equal(c->host.ipc_mode, "host"))
                return add(spec, "/dev/shm", "bind", "/dev/shm", "rbind,rprivate");
        if (str_after(c->host.ipc_mode, "container:")) {
                const OciNamespace *ipc = oci_namespace(spec, "ipc");
                const char *end = ipc && ipc->path ? strstr(ipc->path, "/ns/") : NULL;

                peer = end ? str_format("%.*s/root/dev/shm", (int) (end - ipc->path), ipc->path)
                           : NULL;
                return peer ? add(spec, "/dev/shm", "bind", peer, "rbind,rprivate") : -ENOMEM;
        }
        size = str_format("nosuid,noexec,nodev,mode=1777,size=%lld", (long long) c->host.shm_size);
        return size ? add(spec, "/dev/shm", "tmpfs", "shm", size) : -ENOMEM;
}

#define TTY_GROUP   5 /* what "tty" is everywhere */
#define PTS_OPTIONS "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620"

static int add_standard(const Container *c, OciSpec *spec) {
        bool rw = c->host.privileged;

        if (add(spec, "/proc", "proc", "proc", "nosuid,noexec,nodev") < 0 ||
            add(spec, "/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k") < 0 ||
            add(spec, "/dev/pts", "devpts", "devpts",
                setup_groups(spec->linux_) > TTY_GROUP ? PTS_OPTIONS ",gid=5" : PTS_OPTIONS) < 0 ||
            add(spec, "/sys", "sysfs", "sysfs",
                rw ? "nosuid,noexec,nodev" : "nosuid,noexec,nodev,ro") < 0 ||
            add(spec, "/sys/fs/cgroup", "cgroup2", "cgroup",
                rw ? "nosuid,noexec,nodev" : "nosuid,noexec,nodev,ro") < 0 ||
            add(spec, "/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev") < 0)
                return -ENOMEM;
        return add_shared_memory(c, spec);
}

static bool is_covered(const Container *c, const char *target) {
        for (size_t i = 0; i < c->host.n_mounts; i++)
                if (str_equal(c->host.mounts[i].target, target))
                        return true;
        return false;
}

static int add_files(const Container *c, OciSpec *spec, const char *files) {
        static const char *const names[] = { "hosts", "resolv.conf", "hostname" };

        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
                autofree char *source = i == 0 && c->host.hosts_file
                                                ? strdup(c->host.hosts_file)
                                                : str_format("%s/%s", files, names[i]);
                autofree char *target = str_format("/etc/%s", names[i]);

                if (!source || !target)
                        return -ENOMEM;
                if (is_covered(c, target))
                        continue;
                if (add(spec, target, "bind", source,
                        container_has_userns(c) ? "bind,rprivate,tryidmap" : "bind,rprivate") < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int add_tmpfs(const ContainerMount *m, OciSpec *spec) {
        autostr options = {};

        str_put(&options, "nosuid,nodev");
        if (!m->options || !strstr(m->options, "exec"))
                str_put(&options, ",noexec");
        if (!str_empty(m->options))
                str_printf(&options, ",%s", m->options);
        if (m->tmpfs_size > 0)
                str_printf(&options, ",size=%lld", (long long) m->tmpfs_size);
        if (m->tmpfs_mode > 0)
                str_printf(&options, ",mode=%o", (unsigned) m->tmpfs_mode);
        if (m->read_only)
                str_put(&options, ",ro");
        return options.failed ? -ENOMEM : add(spec, m->target, "tmpfs", "tmpfs", options.text);
}

/* True if it came from -v, which makes a missing directory where --mount refuses it. */
static bool came_as_bind(const Container *c, const ContainerMount *m) {
        strv_foreach(bind, c->host.binds) {
                const char *rest = str_after(*bind, m->source);

                if (rest && *rest == ':')
                        return true;
        }
        return false;
}

static int add_bind(const Container *c, const ContainerMount *m, const char *source, OciSpec *spec,
                    Err *err) {
        autostr options = {};
        struct stat st;

        if (stat(source, &st) < 0) {
                if (errno != ENOENT || !came_as_bind(c, m))
                        return fail(err, errno, "cannot mount '%s' at '%s'", source, m->target);
                if (dir_make(AT_FDCWD, source, 0755) < 0)
                        return fail(err, errno, "cannot make '%s'", source);
        }
        str_put(&options, m->no_recursive ? "bind" : "rbind");
        str_printf(&options, ",%s", str_empty(m->propagation) ? "rprivate" : m->propagation);
        if (m->read_only)
                str_put(&options, m->no_recursive ? ",ro" : ",rro");
        if (container_has_userns(c))
                str_put(&options, ",idmap");
        /* A new volume begins with what the image has there. */
        if (str_equal(m->type, "volume") && !m->read_only && !m->no_copy)
                str_put(&options, ",tmpcopyup");
        if (options.failed || add(spec, m->target, "bind", source, options.text) < 0)
                return fail(err, ENOMEM, "cannot mount '%s'", source);
        return 0;
}

static int add_user_mount(const Container *c, const ContainerMount *m, OciSpec *spec, Err *err) {
        autofree char *data = NULL;
        int r;

        if (str_equal(m->type, "tmpfs"))
                return add_tmpfs(m, spec) < 0 ? fail(err, ENOMEM, "cannot mount '%s'", m->target)
                                              : 0;
        if (str_equal(m->type, "volume")) {
                r = volume_use(c->home, m->source, m->anonymous, &data, err);
                if (r < 0)
                        return r;
                r = userns_give_nobodys(c, AT_FDCWD, data);
                return r < 0 ? fail(err, r, "cannot give volume '%s' to the container's root",
                                    m->source)
                             : add_bind(c, m, data, spec, err);
        }
        return add_bind(c, m, m->source, spec, err);
}

static int allow_device(const ContainerDevice *d, const struct stat *st, OciResources *resources) {
        OciDeviceRule *rule;

        if (!resources)
                return 0;
        rule = json_grow(&resources->devices, &resources->n_devices, sizeof *rule);
        if (!rule)
                return -ENOMEM;
        rule->allow = true;
        rule->type = strdup(S_ISBLK(st->st_mode) ? "b" : "c");
        rule->major = major(st->st_rdev);
        rule->minor = minor(st->st_rdev);
        rule->access = strdup(str_empty(d->permissions) ? "rwm" : d->permissions);
        return rule->type && rule->access ? 0 : -ENOMEM;
}

/* Outside of /dev a device is its host's node bound over an empty file. */
static int bind_device(const ContainerDevice *d, const char *target, OciSpec *spec, Err *err) {
        if (add(spec, target, "bind", d->path_on_host, "bind,rprivate") < 0)
                return fail(err, ENOMEM, "cannot use device '%s'", d->path_on_host);
        return 0;
}

/* In /dev it is a node of the container's own, which belongs to the container's root. */
static int add_device(const ContainerDevice *d, OciSpec *spec, Err *err) {
        const char *target =
                str_empty(d->path_in_container) ? d->path_on_host : d->path_in_container;
        OciLinux *l = spec->linux_;
        OciDevice *device;
        struct stat st;

        if (stat(d->path_on_host, &st) < 0)
                return fail(err, errno, "cannot use device '%s'", d->path_on_host);
        if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
                return refuse(err, EINVAL, "'%s' is not a device", d->path_on_host);
        if (allow_device(d, &st, l->resources) < 0)
                return fail(err, ENOMEM, "cannot use device '%s'", d->path_on_host);
        /* Nor does root of a user namespace make nodes: mknod(2). */
        if (!str_after(target, "/dev/") || idmap_is_inside())
                return bind_device(d, target, spec, err);

        device = json_grow(&l->devices, &l->n_devices, sizeof *device);
        if (!device)
                return fail(err, ENOMEM, "cannot use device '%s'", d->path_on_host);
        device->path = strdup(target);
        device->type = strdup(S_ISBLK(st.st_mode) ? "b" : "c");
        if (!device->path || !device->type)
                return fail(err, ENOMEM, "cannot use device '%s'", d->path_on_host);
        device->major = major(st.st_rdev);
        device->minor = minor(st.st_rdev);
        device->file_mode = (int) (st.st_mode & 0777);
        return 0;
}

static bool is_default_device(const char *name) {
        static const char *const names[] = { "null",    "zero", "full", "random",
                                             "urandom", "tty",  "ptmx", "console" };

        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
                if (str_equal(name, names[i]))
                        return true;
        return false;
}

/* --privileged sees every device of the host. */
static int add_all_devices(OciSpec *spec, Err *err) {
        autostrv names = NULL;

        if (dir_list(AT_FDCWD, "/dev", &names) < 0)
                return 0;
        strv_foreach(name, names) {
                autofree char *path = str_format("/dev/%s", *name);
                ContainerDevice device = { .path_on_host = path };
                struct stat st;
                int r;

                if (!path || lstat(path, &st) < 0 || (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode)))
                        continue;
                if (is_default_device(*name))
                        continue;
                r = add_device(&device, spec, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

int setup_mounts(const Container *c, const char *files, OciSpec *spec, Err *err) {
        int r;

        if (add_standard(c, spec) < 0 || add_files(c, spec, files) < 0)
                return fail(err, ENOMEM, "cannot set up container '%s'", c->name);
        for (size_t i = 0; i < c->host.n_mounts; i++) {
                r = add_user_mount(c, &c->host.mounts[i], spec, err);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < c->host.n_devices; i++) {
                r = add_device(&c->host.devices[i], spec, err);
                if (r < 0)
                        return r;
        }
        return c->host.privileged ? add_all_devices(spec, err) : 0;
}
