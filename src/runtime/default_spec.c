/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "oci/state.h"
#include "runtime/default_spec.h"

#define OPEN_FILES 1024

static const char *const capabilities[] = { "CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE",
                                            NULL };
static const char *const environment[] = {
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm", NULL
};
static const char *const masked[] = {
        "/proc/acpi",
        "/proc/asound",
        "/proc/kcore",
        "/proc/keys",
        "/proc/kmsg",
        "/proc/latency_stats",
        "/proc/sched_debug",
        "/proc/scsi",
        "/proc/timer_list",
        "/proc/timer_stats",
        "/sys/firmware",
        "/sys/devices/virtual/powercap",
        NULL,
};
static const char *const readonly[] = { "/proc/bus",           "/proc/fs", "/proc/irq", "/proc/sys",
                                        "/proc/sysrq-trigger", NULL };
static const char *const namespaces[] = { "pid", "network", "ipc", "uts", "mount", "cgroup" };

static const struct {
        const char *destination, *type, *source, *options;
} mounts[] = {
        { "/proc", "proc", "proc", "" },
        { "/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k" },
        { "/dev/pts", "devpts", "devpts",
          "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5" },
        { "/dev/shm", "tmpfs", "shm", "nosuid,noexec,nodev,mode=1777,size=65536k" },
        { "/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev" },
        { "/sys", "sysfs", "sysfs", "nosuid,noexec,nodev,ro" },
        { "/sys/fs/cgroup", "cgroup", "cgroup", "nosuid,noexec,nodev,relatime,ro" },
};

static int set_process(OciProcess *p) {
        OciCapabilities *c = p->capabilities = calloc(1, sizeof *c);
        OciRlimit *limit = json_grow(&p->rlimits, &p->n_rlimits, sizeof *limit);

        if (!c || !limit || str_set(&p->cwd, "/") < 0 || strv_add(&p->args, "sh") < 0 ||
            strv_add_words(&p->env, environment) < 0 ||
            strv_add_words(&c->bounding, capabilities) < 0 ||
            strv_add_words(&c->effective, capabilities) < 0 ||
            strv_add_words(&c->permitted, capabilities) < 0 ||
            str_set(&limit->type, "RLIMIT_NOFILE") < 0)
                return -ENOMEM;
        limit->soft = limit->hard = OPEN_FILES;
        p->terminal = p->no_new_privileges = true;
        p->user.umask = -1;
        return 0;
}

/* A single id cannot own group 5's terminals, and the host's network shows itself in the host's
 * sysfs only. */
static bool skip_option(const char *option, bool rootless) {
        return rootless && str_equal(option, "gid=5");
}

static int add_mount(OciSpec *spec, size_t i, bool rootless) {
        bool host_sys = rootless && str_equal(mounts[i].type, "sysfs");
        autostrv all = NULL;
        autostrv options = NULL;
        int r = strv_split(host_sys ? "rbind,nosuid,noexec,nodev,ro" : mounts[i].options, ",", true,
                           &all);

        strv_foreach(option, all)
                if (r >= 0 && !skip_option(*option, rootless))
                        r = strv_add(&options, *option);
        if (r < 0)
                return r;
        return oci_mount_add(spec, mounts[i].destination, host_sys ? "none" : mounts[i].type,
                             host_sys ? "/sys" : mounts[i].source, options);
}

static int add_namespace(OciLinux *l, const char *type) {
        OciNamespace *ns = json_grow(&l->namespaces, &l->n_namespaces, sizeof *ns);

        return ns ? str_set(&ns->type, type) : -ENOMEM;
}

static int map_own_id(OciIdMapping **list, size_t *n, unsigned id) {
        OciIdMapping *mapping = json_grow(list, n, sizeof *mapping);

        if (!mapping)
                return -ENOMEM;
        *mapping = (OciIdMapping){ .container_id = 0, .host_id = id, .size = 1 };
        return 0;
}

static int set_linux(OciLinux *l, bool rootless) {
        OciDeviceRule *rule;
        int r = 0;

        for (size_t i = 0; i < sizeof namespaces / sizeof *namespaces && r >= 0; i++)
                if (!rootless || !str_equal(namespaces[i], "network"))
                        r = add_namespace(l, namespaces[i]);
        if (r < 0 || strv_add_words(&l->masked_paths, masked) < 0 ||
            strv_add_words(&l->readonly_paths, readonly) < 0)
                return -ENOMEM;
        if (rootless) {
                r = add_namespace(l, "user");
                if (r >= 0)
                        r = map_own_id(&l->uid_mappings, &l->n_uid_mappings, geteuid());
                return r < 0 ? r : map_own_id(&l->gid_mappings, &l->n_gid_mappings, getegid());
        }
        l->resources = calloc(1, sizeof *l->resources);
        rule = l->resources
                       ? json_grow(&l->resources->devices, &l->resources->n_devices, sizeof *rule)
                       : NULL;
        if (!rule)
                return -ENOMEM;
        rule->major = rule->minor = -1;
        return str_set(&rule->access, "rwm");
}

int default_spec(bool rootless, OciSpec **ret) {
        autoptr(OciSpec) spec = calloc(1, sizeof *spec);
        int r;

        if (!spec || !(spec->process = calloc(1, sizeof *spec->process)) ||
            !(spec->linux_ = calloc(1, sizeof *spec->linux_)) ||
            str_set(&spec->oci_version, OCI_VERSION) < 0 ||
            str_set(&spec->root_path, "rootfs") < 0 || str_set(&spec->hostname, "isola") < 0)
                return -ENOMEM;
        spec->root_readonly = true;
        r = set_process(spec->process);
        for (size_t i = 0; i < sizeof mounts / sizeof *mounts && r >= 0; i++)
                r = add_mount(spec, i, rootless);
        if (r >= 0)
                r = set_linux(spec->linux_, rootless);
        if (r < 0)
                return r;
        *ret = take_ptr(spec);
        return 0;
}
