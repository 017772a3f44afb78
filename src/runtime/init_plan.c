/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/log.h"
#include "base/str.h"
#include "kernel/overlay.h"
#include "runtime/init_plan.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

/* Which namespace a file system shows. */
static const struct {
        const char *type;
        int shows;
} views[] = {
        { "proc", CLONE_NEWPID },      { "sysfs", CLONE_NEWNET },      { "mqueue", CLONE_NEWIPC },
        { "cgroup", CLONE_NEWCGROUP }, { "cgroup2", CLONE_NEWCGROUP },
};

bool init_plan_has_userns(const InitPlan *plan) {
        return (plan->new_namespaces | plan->joined) & CLONE_NEWUSER;
}

int init_plan_late_namespaces(const InitPlan *plan) {
        return CLONE_NEWCGROUP | (init_plan_has_userns(plan) ? CLONE_NEWIPC : 0);
}

bool init_plan_is_foreign(const InitPlan *plan, int namespace_flag) {
        if (plan->new_namespaces & namespace_flag)
                return false;
        /* What is joined together with its owner is as good as one's own. */
        return !(plan->joined & namespace_flag && plan->joined & CLONE_NEWUSER);
}

static int plan_namespaces(InitPlan *plan, Err *err) {
        const OciLinux *l = plan->spec->linux_;

        for (size_t i = 0; l && i < l->n_namespaces; i++) {
                const OciNamespace *ns = &l->namespaces[i];
                const NsKind *kind = ns_kind(ns->type);

                if (!kind)
                        return refuse(err, EINVAL, "'%s' is not a kind of namespace", ns->type);
                if ((plan->new_namespaces | plan->joined) & kind->flag)
                        return refuse(err, EINVAL, "the %s namespace is given twice", ns->type);
                if (!ns->path) {
                        plan->new_namespaces |= kind->flag;
                        continue;
                }
                plan->joins[kind - ns_kinds] = ns_open(kind, ns->path, err);
                if (plan->joins[kind - ns_kinds] < 0)
                        return plan->joins[kind - ns_kinds];
                plan->joined |= kind->flag;
        }
        if (!(plan->new_namespaces & CLONE_NEWNS))
                return refuse(err, EINVAL, "a container needs a mount namespace of its own");
        if (l && (l->monotonic || l->boottime) && !(plan->new_namespaces & CLONE_NEWTIME))
                return refuse(err, EINVAL, "a time offset needs a new time namespace");
        return 0;
}

static int copy_ranges(const OciIdMapping *mappings, size_t n, IdRange **ret, size_t *ret_n) {
        *ret_n = n;
        *ret = calloc(n ? n : 1, sizeof **ret);
        if (!*ret)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                (*ret)[i] = (IdRange){ mappings[i].container_id, mappings[i].host_id,
                                       mappings[i].size };
        return 0;
}

static int plan_ids(InitPlan *plan, Err *err) {
        const OciLinux *l = plan->spec->linux_;

        if (!(plan->new_namespaces & CLONE_NEWUSER))
                return 0;
        if (l->n_uid_mappings == 0 || l->n_gid_mappings == 0)
                return refuse(err, EINVAL, "a new user namespace needs id mappings");
        if (copy_ranges(l->uid_mappings, l->n_uid_mappings, &plan->uids, &plan->n_uids) < 0 ||
            copy_ranges(l->gid_mappings, l->n_gid_mappings, &plan->gids, &plan->n_gids) < 0)
                return fail(err, ENOMEM, "cannot map ids");
        return 0;
}

static int clone_layer(const char *path, Err *err) {
        int tree = mount_clone_source(path, false);

        return tree < 0 ? fail(err, tree, "cannot open '%s'", path) : tree;
}

/* Splits an absolute path into the directory (owned by the caller) and the name in it. */
static char *parent_of(const char *path, const char **ret_name) {
        const char *slash = strrchr(path, '/');

        *ret_name = slash ? slash + 1 : path;
        if (!slash || !slash[1])
                return NULL;
        return slash == path ? strdup("/") : strndup(path, (size_t) (slash - path));
}

static int plan_root(InitPlan *plan, Err *err) {
        const RuntimeRoot *root = &plan->options->root;
        autofree char *holder = NULL, *other = NULL;
        size_t n = 0;

        if (root->path) {
                plan->storage = clone_layer(root->path, err);
                return plan->storage < 0 ? plan->storage : 0;
        }
        while (root->lowers && root->lowers[n])
                n++;
        if (n == 0)
                return refuse(err, EINVAL, "a container needs a root or layers");
        plan->lowers = calloc(n, sizeof *plan->lowers);
        if (!plan->lowers)
                return fail(err, ENOMEM, "cannot open the layers");
        for (; plan->n_lowers < n; plan->n_lowers++) {
                int tree = clone_layer(root->lowers[plan->n_lowers], err);

                if (tree < 0)
                        return tree;
                plan->lowers[plan->n_lowers] = tree;
        }
        if (!root->upper)
                return 0;

        /* One clone for both: the kernel wants them on one mount, and each clone is its own. */
        holder = parent_of(root->upper, &plan->upper);
        other = root->work ? parent_of(root->work, &plan->work) : NULL;
        if (!holder || !other || strcmp(holder, other) != 0)
                return refuse(err, EINVAL, "'%s' and '%s' must lie in one directory", root->upper,
                              root->work ? root->work : "");
        plan->storage = clone_layer(holder, err);
        return plan->storage < 0 ? plan->storage : 0;
}

static int plan_bind(InitMount *m, Err *err) {
        const char *source = m->mount->source;
        struct stat st;

        if (str_empty(source) || *source != '/')
                return refuse(err, EINVAL, "the source of '%s' is not an absolute path",
                              m->mount->destination);
        m->tree = mount_clone_source(source, m->options.recursive);
        if (m->tree < 0)
                return fail(err, m->tree, "cannot mount '%s' at '%s'", source,
                            m->mount->destination);
        if (fstat(m->tree, &st) < 0)
                return fail(err, errno, "cannot mount '%s'", source);
        m->directory = S_ISDIR(st.st_mode);
        return 0;
}

static int plan_mounts(InitPlan *plan, Err *err) {
        const OciSpec *spec = plan->spec;
        int r;

        plan->mounts = calloc(spec->n_mounts ? spec->n_mounts : 1, sizeof *plan->mounts);
        if (!plan->mounts)
                return fail(err, ENOMEM, "cannot read the mounts");
        for (size_t i = 0; i < spec->n_mounts; i++) {
                plan->mounts[i].mount = &spec->mounts[i];
                plan->mounts[i].tree = -EBADF;
                plan->mounts[i].directory = true;
        }

        for (size_t i = 0; i < spec->n_mounts; i++) {
                InitMount *m = &plan->mounts[i];

                r = mount_options_parse(m->mount, &m->options, err);
                if (r >= 0 && m->options.bind)
                        r = plan_bind(m, err);
                if (r < 0)
                        return r;
        }
        /* Only now it is known what is to be attached in /dev. */
        for (size_t i = 0; i < spec->n_mounts; i++) {
                InitMount *m = &plan->mounts[i];

                if (m->options.bind || !str_equal(m->mount->type, "tmpfs") ||
                    !str_equal(m->mount->destination, "/dev"))
                        continue;
                r = devices_make(plan, m, err);
                if (r < 0)
                        return r;
                plan->devices = r;
        }
        return 0;
}

static int plan_seccomp(InitPlan *plan, Err *err) {
        const OciLinux *l = plan->spec->linux_;
        int r;

        plan->seccomp = plan->options->seccomp;
        if (plan->seccomp || !l || !l->seccomp)
                return 0;
        r = runtime_seccomp(l->seccomp, plan->options->seccomp_cache, &plan->own_seccomp, err);
        if (r >= 0)
                plan->seccomp = plan->own_seccomp;
        return r;
}

int init_plan_make(const OciSpec *spec, const RuntimeOptions *options, InitPlan **ret, Err *err) {
        autoptr(InitPlan) plan = calloc(1, sizeof *plan);
        int r;

        if (!plan)
                return fail(err, ENOMEM, "cannot plan the container");
        plan->spec = spec;
        plan->options = options;
        plan->storage = plan->devices = plan->null = -EBADF;
        for (size_t i = 0; i < NS_KINDS; i++)
                plan->joins[i] = -EBADF;

        if (!spec->process || !spec->process->args || !spec->process->args[0])
                return refuse(err, EINVAL, "no program to run");
        r = plan_namespaces(plan, err);
        if (r >= 0)
                r = plan_ids(plan, err);
        if (r >= 0)
                r = plan_root(plan, err);
        if (r >= 0)
                r = plan_mounts(plan, err);
        if (r >= 0)
                r = plan_seccomp(plan, err);
        if (r < 0)
                return r;
        plan->null = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (plan->null < 0)
                return fail(err, errno, "cannot open '/dev/null'");

        *ret = take_ptr(plan);
        return 0;
}

InitPlan *init_plan_free(InitPlan *plan) {
        if (!plan)
                return NULL;
        for (size_t i = 0; plan->mounts && i < plan->spec->n_mounts; i++) {
                mount_options_clear(&plan->mounts[i].options);
                close_fd(plan->mounts[i].tree);
        }
        for (size_t i = 0; i < plan->n_lowers; i++)
                close_fd(plan->lowers[i]);
        for (size_t i = 0; i < NS_KINDS; i++)
                close_fd(plan->joins[i]);
        close_fd(plan->storage);
        close_fd(plan->devices);
        for (size_t i = 0; i < plan->n_binds; i++) {
                close_fd(plan->binds[i].tree);
                free(plan->binds[i].name);
        }
        free(plan->binds);
        plan->own_seccomp = seccomp_free(plan->own_seccomp);
        close_fd(plan->null);
        free(plan->mounts);
        free(plan->lowers);
        free(plan->uids);
        free(plan->gids);
        free(plan);
        return NULL;
}

int init_plan_mount_outside(InitPlan *plan, Err *err) {
        for (size_t i = 0; init_plan_has_userns(plan) && i < plan->spec->n_mounts; i++) {
                InitMount *m = &plan->mounts[i];
                MountAttr attr = m->options.attr;
                const char *type = m->mount->type;
                int shows = 0;

                for (size_t v = 0; v < sizeof views / sizeof *views; v++)
                        if (!m->options.bind && str_equal(type, views[v].type))
                                shows = views[v].shows;
                if (!shows || !init_plan_is_foreign(plan, shows))
                        continue;
                if (shows == CLONE_NEWPID && plan->joined & CLONE_NEWPID)
                        return err_hint(
                                err,
                                refuse(err, EOPNOTSUPP,
                                       "cannot show the processes of a namespace that belongs to "
                                       "another user namespace"),
                                "join its user namespace as well");
                /* The host's devices and cgroups are to be looked at only. */
                if (shows == CLONE_NEWNET || shows == CLONE_NEWCGROUP)
                        attr.set |= MOUNT_ATTR_RDONLY;
                m->tree = mount_new(str_equal(type, "cgroup") ? "cgroup2" : type, NULL, &attr, err);
                if (m->tree < 0)
                        return err_prefix(err, m->tree, "cannot mount '%s'", m->mount->destination);
        }
        return 0;
}

/* Maps one tree, and says for the user why that cannot be. */
static int map_tree(int tree, const MountAttr *attr, int userns, const char *path, Err *err) {
        int r = mount_idmap(tree, attr, userns);

        if (r == -EINVAL || r == -EPERM || r == -EOPNOTSUPP || r == -ENOSYS)
                return err_hint(
                        err,
                        refuse(err, EOPNOTSUPP,
                               "the file system of '%s' cannot map the owners of files to a "
                               "container's own ids",
                               path),
                        "--userns=host runs the container without ids of its own");
        return r < 0 ? fail(err, r, "cannot map the owners of '%s'", path) : 0;
}

/*
 * The mounts below a bind mount may be of kinds that cannot be mapped (proc,
 * sysfs): then only the topmost is, and theirs stay nobody's inside.
 */
static int map_bind(InitMount *m, int userns, Err *err) {
        MountAttr all = { .propagation = MS_PRIVATE, .recursive = true };
        MountAttr top = { .propagation = MS_PRIVATE };

        if (m->options.recursive && mount_idmap(m->tree, &all, userns) == 0)
                return 0;
        if (m->options.try_idmap) {
                if (mount_idmap(m->tree, &top, userns) < 0)
                        log_debug("the owner of '%s' stays nobody inside", m->mount->destination);
                return 0;
        }
        return map_tree(m->tree, &top, userns, m->mount->source, err);
}

static int map_root(InitPlan *plan, int userns, Err *err) {
        const RuntimeRoot *root = &plan->options->root;
        MountAttr private = { .propagation = MS_PRIVATE };
        int r;

        if (plan->storage >= 0) {
                r = map_tree(plan->storage, &private, userns, root->path ? root->path : root->upper,
                             err);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < plan->n_lowers; i++) {
                r = map_tree(plan->lowers[i], &private, userns, root->lowers[i], err);
                if (r < 0)
                        return r;
        }
        return 0;
}

int init_plan_idmap(InitPlan *plan, int userns, Err *err) {
        MountAttr private = { .propagation = MS_PRIVATE };
        int r;

        r = map_root(plan, userns, err);
        if (r < 0)
                return r;
        if (plan->devices >= 0) {
                r = mount_idmap(plan->devices, &private, userns);
                if (r < 0)
                        r = devices_give(plan);
                if (r < 0)
                        return fail(err, r, "cannot give the devices to the container");
        }
        for (size_t i = 0; i < plan->spec->n_mounts; i++) {
                InitMount *m = &plan->mounts[i];

                if (!m->options.idmap || m->tree < 0)
                        continue;
                r = map_bind(m, userns, err);
                if (r < 0)
                        return r;
        }
        return r;
}
