/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <string.h>
#include <sys/utsname.h>

#include "base/log.h"
#include "base/str.h"
#include "kernel/bitlist.h"
#include "kernel/memory_policy.h"
#include "oci/spec_check.h"
#include "oci/sysctl.h"

#define HOST_NAME_MAX_ (sizeof(((struct utsname *) NULL)->nodename) - 1)

static bool is_one_of(const char *word, const char *const *words) {
        for (; *words; words++)
                if (str_equal(word, *words))
                        return true;
        return false;
}

/* ---- the whole ---- */

/* Takes "12" without leading zeros; NULL if there is none. */
static const char *skip_version_number(const char *s) {
        size_t n = strspn(s, "0123456789");

        return n == 0 || (*s == '0' && n > 1) ? NULL : s + n;
}

/* Semantic versioning 2.0.0: three numbers, then "-words.of.it", then "+words.of.it". */
static bool is_version(const char *s) {
        static const char word[] =
                "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-.";

        for (int i = 0; i < 3; i++) {
                s = skip_version_number(s);
                if (!s || (i < 2 && *s++ != '.'))
                        return false;
        }
        for (const char *mark = "-+"; *mark; mark++) {
                size_t n;

                if (*s != *mark)
                        continue;
                n = strspn(s + 1, word);
                if (n == 0 || s[1] == '.' || s[n] == '.' || memmem(s, n, "..", 2))
                        return false;
                s += 1 + n;
        }
        return *s == 0;
}

static int check_version(const OciSpec *spec, Err *err) {
        if (!is_version(spec->oci_version))
                return refuse(err, EINVAL, "ociVersion: '%s' is not a version like '1.3.0'",
                              spec->oci_version);
        if (!str_after(spec->oci_version, "1."))
                return refuse(err, EOPNOTSUPP,
                              "ociVersion: '%s' is not supported, only 1.0.0 and what is "
                              "compatible with it",
                              spec->oci_version);
        return 0;
}

static int check_name(const OciSpec *spec, const char *member, const char *name, Err *err) {
        if (str_empty(name))
                return 0;
        if (!oci_namespace(spec, "uts"))
                return refuse(err, EINVAL, "%s: the container has no uts namespace of its own",
                              member);
        if (strlen(name) > HOST_NAME_MAX_)
                return refuse(err, EINVAL, "%s: '%s' is longer than %zu characters", member, name,
                              HOST_NAME_MAX_);
        return 0;
}

/* ---- mounts ---- */

static int check_mappings(const OciIdMapping *uids, size_t n_uids, const OciIdMapping *gids,
                          size_t n_gids, const char *where, Err *err) {
        if (!n_uids != !n_gids)
                return refuse(err, EINVAL, "%s: uidMappings and gidMappings need each other",
                              where);
        for (size_t i = 0; i < n_uids + n_gids; i++) {
                const OciIdMapping *m = i < n_uids ? &uids[i] : &gids[i - n_uids];
                const int64_t end = INT64_C(1) << 32;

                if (m->size < 1 || m->size >= end || m->container_id < 0 || m->host_id < 0 ||
                    m->container_id > end - m->size || m->host_id > end - m->size)
                        return refuse(err, EINVAL,
                                      "%s: the range of %lld ids from %lld at %lld is not one of "
                                      "32 bits",
                                      where, (long long) m->size, (long long) m->container_id,
                                      (long long) m->host_id);
        }
        return 0;
}

static int check_mount(const OciSpec *spec, size_t i, Err *err) {
        const OciMount *m = &spec->mounts[i];
        autofree char *where = str_format("mounts[%zu]", i);
        bool mapped = strv_has(m->options, "idmap") || strv_has(m->options, "ridmap");

        if (!where)
                return fail(err, ENOMEM, "cannot check the specification");
        if (!*m->destination)
                return refuse(err, EINVAL, "%s.destination: it is empty", where);
        if (*m->destination != '/')
                log_warn("%s.destination: '%s' is not absolute, so it is taken from '/'", where,
                         m->destination);
        if (mapped && m->n_uid_mappings == 0 && !oci_namespace(spec, "user"))
                return refuse(err, EINVAL,
                              "%s: idmap needs mappings, of the mount or of a user namespace",
                              where);
        return check_mappings(m->uid_mappings, m->n_uid_mappings, m->gid_mappings,
                              m->n_gid_mappings, where, err);
}

/* ---- hooks ---- */

static int check_hooks(const OciHooks *h, Err *err) {
        const struct {
                const char *name;
                const OciHook *hooks;
                size_t n;
        } kinds[] = {
                { "prestart", h->prestart, h->n_prestart },
                { "createRuntime", h->create_runtime, h->n_create_runtime },
                { "createContainer", h->create_container, h->n_create_container },
                { "startContainer", h->start_container, h->n_start_container },
                { "poststart", h->poststart, h->n_poststart },
                { "poststop", h->poststop, h->n_poststop },
        };

        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
                for (size_t j = 0; j < kinds[i].n; j++) {
                        const OciHook *hook = &kinds[i].hooks[j];

                        if (*hook->path != '/')
                                return refuse(err, EINVAL,
                                              "hooks.%s[%zu].path: '%s' is not an absolute path",
                                              kinds[i].name, j, hook->path);
                        if (hook->has_timeout && hook->timeout <= 0)
                                return refuse(err, EINVAL,
                                              "hooks.%s[%zu].timeout: %d is not above 0",
                                              kinds[i].name, j, hook->timeout);
                }
        return 0;
}

/* ---- linux ---- */

static int check_namespaces(const OciSpec *spec, Err *err) {
        static const char *const types[] = { "pid",  "network", "mount", "ipc", "uts",
                                             "user", "cgroup",  "time",  NULL };
        const OciLinux *l = spec->linux_;
        const OciNamespace *user = oci_namespace(spec, "user"), *time = oci_namespace(spec, "time");

        for (size_t i = 0; i < l->n_namespaces; i++) {
                const OciNamespace *ns = &l->namespaces[i];

                if (!is_one_of(ns->type, types))
                        return refuse(err, EINVAL,
                                      "linux.namespaces: '%s' is not a kind of namespace",
                                      ns->type);
                if (oci_namespace(spec, ns->type) != ns)
                        return refuse(err, EINVAL, "linux.namespaces: '%s' is said twice",
                                      ns->type);
                if (!str_empty(ns->path) && *ns->path != '/')
                        return refuse(err, EINVAL, "linux.namespaces: '%s' is not an absolute path",
                                      ns->path);
        }
        if (l->n_uid_mappings + l->n_gid_mappings > 0 && !user)
                return refuse(err, EINVAL,
                              "linux.uidMappings: the container has no user namespace");
        if (user && str_empty(user->path) && l->n_uid_mappings == 0)
                return refuse(err, EINVAL,
                              "linux.uidMappings: a new user namespace needs id mappings");
        if ((l->monotonic || l->boottime) && (!time || !str_empty(time->path)))
                return refuse(err, EINVAL, "linux.timeOffsets: they need a new time namespace");
        return check_mappings(l->uid_mappings, l->n_uid_mappings, l->gid_mappings,
                              l->n_gid_mappings, "linux", err);
}

static int check_offset(const OciTimeOffset *o, Err *err) {
        if (o && (o->nanosecs < 0 || o->nanosecs > 999999999))
                return refuse(err, EINVAL, "linux.timeOffsets: %lld nanosecs are out of range",
                              (long long) o->nanosecs);
        return 0;
}

static int check_devices(const OciLinux *l, Err *err) {
        for (size_t i = 0; i < l->n_devices; i++) {
                const OciDevice *d = &l->devices[i];

                if (strlen(d->type) != 1 || !strchr("cbup", *d->type))
                        return refuse(err, EINVAL,
                                      "linux.devices[%zu].type: '%s' is not c, b, u or p", i,
                                      d->type);
                if (*d->path != '/')
                        return refuse(err, EINVAL,
                                      "linux.devices[%zu].path: '%s' is not an absolute path", i,
                                      d->path);
                if (d->major < 0 || d->major > UINT32_MAX || d->minor < 0 || d->minor > UINT32_MAX)
                        return refuse(err, EINVAL,
                                      "linux.devices[%zu]: the device number is out of range", i);
                /* The kind of file may be said in it, too. */
                if (d->file_mode < -1 || d->file_mode > 0177777)
                        return refuse(err, EINVAL,
                                      "linux.devices[%zu].fileMode: %lld is out of range", i,
                                      (long long) d->file_mode);
                if (d->uid < 0 || d->uid >= UINT32_MAX || d->gid < 0 || d->gid >= UINT32_MAX)
                        return refuse(err, EINVAL, "linux.devices[%zu]: its owner is out of range",
                                      i);
        }
        return 0;
}

static int check_paths(char *const *paths, const char *member, Err *err) {
        strv_foreach(path, paths) {
                if (**path != '/')
                        return refuse(err, EINVAL, "linux.%s: '%s' is not an absolute path", member,
                                      *path);
        }
        return 0;
}

static int check_sysctl(const OciSpec *spec, const char *setting, Err *err) {
        autofree char *path = NULL;
        const char *value, *type;
        int r;

        r = oci_sysctl_parse(setting, &path, &value, &type, err);
        if (r < 0)
                return err_prefix(err, r, "linux.sysctl");
        if (!oci_namespace(spec, type))
                return refuse(err, EINVAL,
                              "linux.sysctl: '%s' is the host's: the container has no %s "
                              "namespace of its own",
                              setting, type);
        if (str_equal(path, "kernel/hostname"))
                return refuse(err, EINVAL, "linux.sysctl: the host name is said by 'hostname'");
        return 0;
}

static int check_memory_policy(const OciMemoryPolicy *p, Err *err) {
        MemoryNodes wants;
        Bitlist nodes = {};
        int mode = memory_policy_mode(p->mode, &wants), flags = 0;

        if (mode < 0)
                return refuse(err, EINVAL, "linux.memoryPolicy.mode: '%s' is not a mode", p->mode);
        if (p->nodes && bitlist_parse(p->nodes, &nodes) < 0)
                return refuse(err, EINVAL,
                              "linux.memoryPolicy.nodes: '%s' is not a list like '0-3,7'",
                              p->nodes);
        if (wants == MEMORY_NODES_NONE && nodes.n > 0)
                return refuse(err, EINVAL, "linux.memoryPolicy.nodes: '%s' takes none", p->mode);
        if (wants == MEMORY_NODES_SOME && nodes.n == 0)
                return refuse(err, EINVAL, "linux.memoryPolicy.nodes: '%s' needs some", p->mode);
        strv_foreach(flag, p->flags) {
                if (memory_policy_add_flag(*flag, &flags) < 0)
                        return refuse(err, EINVAL, "linux.memoryPolicy.flags: '%s' is not a flag",
                                      *flag);
        }
        return 0;
}

static int check_personality(const OciPersonality *p, Err *err) {
        if (!str_equal(p->domain, "LINUX") && !str_equal(p->domain, "LINUX32"))
                return refuse(err, EINVAL,
                              "linux.personality.domain: '%s' is neither LINUX nor LINUX32",
                              p->domain);
        if (p->flags && *p->flags)
                return refuse(err, EOPNOTSUPP, "linux.personality.flags: '%s' is not supported",
                              *p->flags);
        return 0;
}

/* What its words mean is told when it is compiled. */
static int check_seccomp(const OciSeccomp *s, Err *err) {
        if (!str_empty(s->listener_metadata) && str_empty(s->listener_path))
                return refuse(err, EINVAL,
                              "linux.seccomp.listenerMetadata: there is no listenerPath");
        for (size_t i = 0; i < s->n_syscalls; i++)
                if (!*s->syscalls[i].names)
                        return refuse(err, EINVAL, "linux.seccomp.syscalls[%zu].names: none", i);
        return 0;
}

static int check_linux(const OciSpec *spec, Err *err) {
        static const char *const propagations[] = { "private",    "shared",      "slave",
                                                    "unbindable", "rprivate",    "rshared",
                                                    "rslave",     "runbindable", NULL };
        const OciLinux *l = spec->linux_;
        int r;

        if (l->intel_rdt)
                return refuse(err, EOPNOTSUPP, "linux.intelRdt: it is not supported");
        if (!str_empty(l->rootfs_propagation) && !is_one_of(l->rootfs_propagation, propagations))
                return refuse(err, EINVAL, "linux.rootfsPropagation: '%s' is not a propagation",
                              l->rootfs_propagation);
        if (l->n_net_devices > 0 && !oci_namespace(spec, "network"))
                return refuse(err, EINVAL,
                              "linux.netDevices: the container has no network namespace");
        r = check_namespaces(spec, err);
        if (r >= 0)
                r = check_offset(l->monotonic, err);
        if (r >= 0)
                r = check_offset(l->boottime, err);
        if (r >= 0)
                r = check_devices(l, err);
        if (r >= 0)
                r = check_paths(l->masked_paths, "maskedPaths", err);
        if (r >= 0)
                r = check_paths(l->readonly_paths, "readonlyPaths", err);
        for (size_t i = 0; r >= 0 && l->sysctl && l->sysctl[i]; i++)
                r = check_sysctl(spec, l->sysctl[i], err);
        if (r >= 0 && l->memory_policy)
                r = check_memory_policy(l->memory_policy, err);
        if (r >= 0 && l->personality)
                r = check_personality(l->personality, err);
        if (r >= 0 && l->seccomp)
                r = check_seccomp(l->seccomp, err);
        if (r >= 0 && l->resources) {
                r = oci_resources_check(l->resources, err);
                if (r < 0)
                        err_prefix(err, r, "linux.resources");
        }
        return r;
}

int oci_spec_check(const OciSpec *spec, Err *err) {
        int r;

        r = check_version(spec, err);
        if (r < 0)
                return r;
        if (str_empty(spec->root_path))
                return refuse(err, EINVAL, "root.path: the container has no root");
        if (!spec->process)
                return refuse(err, EINVAL, "process: there is no program to run");
        r = oci_process_check(spec->process, err);
        if (r < 0)
                return err_prefix(err, r, "process");
        r = check_name(spec, "hostname", spec->hostname, err);
        if (r >= 0)
                r = check_name(spec, "domainname", spec->domainname, err);
        for (size_t i = 0; i < spec->n_mounts && r >= 0; i++)
                r = check_mount(spec, i, err);
        if (r >= 0 && spec->hooks)
                r = check_hooks(spec->hooks, err);
        return r >= 0 && spec->linux_ ? check_linux(spec, err) : r;
}
