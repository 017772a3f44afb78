/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The mounts of a specification, before the first process exists
 *
 * Options are read, destinations made absolute, and what comes from outside is
 * opened as a detached mount: the sources of bind mounts, and what shows a
 * namespace that the container does not own.  Owners are mapped once the
 * container's user namespace is there; a mount with ids of its own gets a user
 * namespace made for it.
 */

#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/str.h"
#include "kernel/denied.h"
#include "kernel/lsm.h"
#include "runtime/init_plan.h"

/* Which namespace a file system shows. */
static const struct {
        const char *type;
        int shows;
        const char *at; /* where we see it ourselves */
} views[] = {
        { "proc", CLONE_NEWPID, "/proc" },
        { "sysfs", CLONE_NEWNET, "/sys" },
        { "mqueue", CLONE_NEWIPC, "/dev/mqueue" },
        { "cgroup", CLONE_NEWCGROUP, "/sys/fs/cgroup" },
        { "cgroup2", CLONE_NEWCGROUP, "/sys/fs/cgroup" },
};

char *init_plan_clean_path(const char *path) {
        autostrv names = NULL;
        autostrv kept = NULL;
        autostr text = {};

        if (strv_split(path, "/", true, &names) < 0)
                return NULL;
        strv_foreach(name, names) {
                size_t n = strv_length(kept);

                if (str_equal(*name, "..") && n > 0) {
                        free(kept[n - 1]);
                        kept[n - 1] = NULL;
                } else if (!str_equal(*name, ".") && !str_equal(*name, "..") &&
                           strv_add(&kept, *name) < 0)
                        return NULL;
        }
        strv_foreach(name, kept) {
                str_put_char(&text, '/');
                str_put(&text, *name);
        }
        if (!kept || !*kept)
                str_put_char(&text, '/');
        return str_take(&text);
}

/* A link that is to be made again, if the source is one. */
static int copy_link(InitMount *m, const char *source, Err *err) {
        char text[PATH_MAX];
        ssize_t n = readlink(source, text, sizeof text);

        if (n < 0 && errno == EINVAL)
                return 0;
        if (n < 0 || n == sizeof text)
                return fail(err, n < 0 ? errno : ENAMETOOLONG, "cannot read the link '%s'", source);
        m->link = strndup(text, (size_t) n);
        return m->link ? 1 : fail(err, ENOMEM, "cannot read the link '%s'", source);
}

int plan_open_source(const InitMount *m, const char *source, Err *err) {
        int tree = m->options.source_itself ? mount_clone(AT_FDCWD, source, m->options.recursive)
                                            : mount_clone_source(source, m->options.recursive);

        if (tree >= 0)
                return tree;
        fail(err, tree, "cannot mount '%s' at '%s'", source, m->place);
        return err_denied(err, tree, "open_tree", "5.2");
}

static int plan_bind(const InitPlan *plan, InitMount *m, Err *err) {
        const char *given = m->mount->source, *bundle = plan->options->bundle;
        autofree char *source = NULL;
        struct stat st;
        int r;

        if (str_empty(given))
                return refuse(err, EINVAL, "the mount at '%s' has no source", m->place);
        if (*given != '/' && !bundle)
                return refuse(err, EINVAL, "the source of '%s' is not an absolute path", m->place);
        source = *given == '/' ? strdup(given) : str_format("%s/%s", bundle, given);
        if (!source)
                return fail(err, ENOMEM, "cannot mount '%s'", given);
        r = m->options.copy_symlink ? copy_link(m, source, err) : 0;
        if (r != 0)
                return r;
        if (plan->unprivileged) {
                if (fstatat(AT_FDCWD, source, &st,
                            m->options.source_itself ? AT_SYMLINK_NOFOLLOW : 0) < 0)
                        return fail(err, errno, "cannot mount '%s'", source);
                m->directory = S_ISDIR(st.st_mode);
                m->source = take_ptr(source);
                return 0;
        }
        m->tree = plan_open_source(m, source, err);
        if (m->tree < 0)
                return m->tree;
        if (fstat(m->tree, &st) < 0)
                return fail(err, errno, "cannot mount '%s'", source);
        m->directory = S_ISDIR(st.st_mode);
        return 0;
}

/*
 * linux.mountLabel: the SELinux label of all files of a file system that is the
 * container's own.  A message queue has no such option, only a root to label; what
 * shows the kernel has labels of the policy's.
 */
static int plan_label(InitMount *m, const char *label, Err *err) {
        const char *type = m->mount->type;

        if (str_empty(label) || m->options.bind || m->options.remount || str_empty(type))
                return 0;
        if (str_equal(type, "mqueue")) {
                m->label = label;
                return 0;
        }
        for (size_t i = 0; i < sizeof views / sizeof *views; i++)
                if (str_equal(type, views[i].type))
                        return 0;
        return strv_addf(&m->options.fs, "context=%s", label) < 0
                       ? fail(err, ENOMEM, "cannot read the mounts")
                       : 0;
}

static int plan_mount(const InitPlan *plan, InitMount *m, uint64_t propagation, Err *err) {
        MountOptions *o = &m->options;
        int r;

        m->place = init_plan_clean_path(m->mount->destination);
        if (!m->place)
                return fail(err, ENOMEM, "cannot read the mounts");
        r = mount_options_parse(m->mount, o, err);
        if (r < 0)
                return r;
        if (o->bind && !o->attr.propagation)
                o->attr.propagation = o->below.propagation = propagation;
        if (o->idmap && plan->unprivileged)
                return refuse(err, EPERM, "the owners of '%s' can be mapped by root only",
                              m->place);
        if (o->idmap && !init_plan_has_userns(plan) && (!o->ids.n_uids || !o->ids.n_gids))
                return err_hint(err,
                                refuse(err, EINVAL,
                                       "the owners of '%s' cannot be mapped: neither the mount nor "
                                       "the container has id mappings",
                                       m->place),
                                "uidMappings and gidMappings of the mount say how");
        r = plan_label(m, plan->spec->linux_ ? plan->spec->linux_->mount_label : NULL, err);
        if (r < 0)
                return r;
        return o->bind && !o->remount ? plan_bind(plan, m, err) : 0;
}

/* What mounts are that do not say: as the root is, or private. */
static uint64_t default_propagation(const InitPlan *plan) {
        const char *word = plan->spec->linux_ ? plan->spec->linux_->rootfs_propagation : NULL;
        uint64_t flag = MS_PRIVATE;
        bool recursive;

        if (word && mount_propagation(word, &flag, &recursive) && flag == MS_UNBINDABLE)
                flag = MS_PRIVATE;
        return flag;
}

int plan_mounts_make(InitPlan *plan, Err *err) {
        const OciSpec *spec = plan->spec;
        InitMount *dev = NULL;
        int r;

        if (spec->linux_ && !str_empty(spec->linux_->mount_label) && !lsm_has_selinux())
                return refuse(err, EOPNOTSUPP,
                              "the mount label '%s' cannot be applied: SELinux is not enabled on "
                              "this machine",
                              spec->linux_->mount_label);
        plan->mounts = calloc(spec->n_mounts ? spec->n_mounts : 1, sizeof *plan->mounts);
        if (!plan->mounts)
                return fail(err, ENOMEM, "cannot read the mounts");
        for (size_t i = 0; i < spec->n_mounts; i++) {
                plan->mounts[i].mount = &spec->mounts[i];
                plan->mounts[i].tree = -EBADF;
                plan->mounts[i].directory = true;
        }

        for (size_t i = 0; i < spec->n_mounts; i++) {
                r = plan_mount(plan, &plan->mounts[i], default_propagation(plan), err);
                if (r < 0)
                        return r;
        }
        /* Only now it is known what is to be attached in /dev, and which of them stays on top. */
        for (size_t i = 0; i < spec->n_mounts; i++) {
                InitMount *m = &plan->mounts[i];

                if (str_equal(m->place, "/dev") && !m->options.remount)
                        dev = m;
        }
        return devices_make(plan, dev, err);
}

void plan_mounts_free(InitPlan *plan) {
        for (size_t i = 0; plan->mounts && i < plan->spec->n_mounts; i++) {
                InitMount *m = &plan->mounts[i];

                mount_options_clear(&m->options);
                close_fd(m->tree);
                free(m->place);
                free(m->link);
                free(m->source);
        }
        free(plan->mounts);
}

/* Version 1's hierarchies are bound from where the process is (cgroup_view.h): by init. */
static bool is_bound(const InitPlan *plan, const char *type) {
        return str_equal(type, "cgroup") && plan->options->cgroup &&
               cgroup_needs_join(plan->options->cgroup);
}

/* Whoever has no rights over the namespace either, as root of a user namespace has none over the
 * machine's, shares what he sees of it himself. */
static int share_view(const char *at, const MountAttr *attr, int code) {
        MountAttr all = *attr;
        autoclose int tree = -EBADF;
        int r;

        if (code != -EPERM || !idmap_is_inside())
                return code;
        tree = mount_clone_source(at, true);
        /* A machine on which nobody looks at its message queues: nor does the container. */
        if (tree == -ENOENT && str_equal(at, "/dev/mqueue"))
                return mount_new("tmpfs", NULL,
                                 &(MountAttr){ .set = attr->set | MOUNT_ATTR_RDONLY }, NULL);
        if (tree < 0)
                return tree;
        all.recursive = true;
        all.propagation = MS_PRIVATE;
        r = mount_set_attr(tree, &all);
        return r < 0 ? r : take_fd(tree);
}

int init_plan_mount_outside(InitPlan *plan, Err *err) {
        /* An ordinary user has no more rights outside than inside. */
        bool outside = (init_plan_has_userns(plan) || idmap_is_inside()) && !plan->unprivileged;

        for (size_t i = 0; outside && i < plan->spec->n_mounts; i++) {
                InitMount *m = &plan->mounts[i];
                MountAttr attr = m->options.attr;
                const char *type = m->mount->type, *at = NULL;
                autoerr why = {};
                int shows = 0;

                for (size_t v = 0; v < sizeof views / sizeof *views; v++)
                        if (!m->options.bind && str_equal(type, views[v].type))
                                shows = views[v].shows, at = views[v].at;
                if (!shows || !init_plan_is_foreign(plan, shows) || is_bound(plan, type))
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
                m->tree =
                        mount_new(str_equal(type, "cgroup") ? "cgroup2" : type, NULL, &attr, &why);
                if (m->tree < 0)
                        m->tree = share_view(at, &attr, m->tree);
                if (m->tree < 0)
                        return fail(err, m->tree, "cannot mount '%s'", m->place);
        }
        return 0;
}

int plan_map_tree(int tree, const MountAttr *attr, int userns, const char *path, Err *err) {
        int r = mount_idmap(tree, attr, userns);

        if (r == -ENOSYS) /* before 5.12 */
                refuse(err, EOPNOTSUPP,
                       "this kernel cannot map the owners of files to a container's own ids");
        else if (r == -EINVAL || r == -EPERM || r == -EOPNOTSUPP)
                refuse(err, EOPNOTSUPP,
                       "the file system of '%s' cannot map the owners of files to a container's "
                       "own ids",
                       path);
        else if (r < 0)
                return fail(err, r, "cannot map the owners of '%s'", path);
        return r < 0 ? err_hint(err, -EOPNOTSUPP,
                                "--userns=host runs the container without ids of its own")
                     : 0;
}

/*
 * The mounts below a bind mount may be of kinds that cannot be mapped (proc,
 * sysfs): then only the topmost is, and theirs stay nobody's inside.
 */
static int map_bind(InitMount *m, int userns, Err *err) {
        MountAttr all = { .recursive = true }, top = {};

        if (m->options.idmap_below)
                return plan_map_tree(m->tree, &all, userns, m->mount->source, err);
        if (m->options.recursive && mount_idmap(m->tree, &all, userns) == 0)
                return 0;
        if (m->options.try_idmap) {
                if (mount_idmap(m->tree, &top, userns) < 0)
                        log_debug("the owner of '%s' stays nobody inside", m->place);
                return 0;
        }
        return plan_map_tree(m->tree, &top, userns, m->mount->source, err);
}

/* Finds what ids of the container's are outside; all of a range must lie in one piece. */
static int outside(const MountIdRange *range, const IdRange *container, size_t n_container,
                   IdRange *ret) {
        int64_t first = range->becomes, last = range->becomes + range->count - 1;

        if (range->inside) {
                first = idmap_outside(container, n_container, first);
                last = idmap_outside(container, n_container, last);
                if (first < 0 || last - first != range->count - 1)
                        return -EINVAL;
        }
        *ret = (IdRange){ range->on_disk, first, range->count };
        return 0;
}

/* The ranges of one kind: the mount's own, or else the container's. */
static int ranges_of(const MountIdRange *own, size_t n_own, const IdRange *container,
                     size_t n_container, IdRange **ret, size_t *ret_n) {
        size_t n = n_own ? n_own : n_container;
        autofree IdRange *ranges = calloc(n ? n : 1, sizeof *ranges);

        if (!ranges)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                if (!n_own)
                        ranges[i] = container[i];
                else if (outside(&own[i], container, n_container, &ranges[i]) < 0)
                        return -EINVAL;
        }
        *ret = take_ptr(ranges);
        *ret_n = n;
        return 0;
}

/* A user namespace with the ids of this mount. */
static int own_userns(const InitPlan *plan, const InitMount *m, Err *err) {
        const MountIds *ids = &m->options.ids;
        autofree IdRange *uids = NULL, *gids = NULL;
        size_t n_uids, n_gids;
        int r;

        r = ranges_of(ids->uids, ids->n_uids, plan->uids, plan->n_uids, &uids, &n_uids);
        if (r >= 0)
                r = ranges_of(ids->gids, ids->n_gids, plan->gids, plan->n_gids, &gids, &n_gids);
        if (r == -EINVAL)
                return refuse(err, r, "an id that '%s' is mapped to is none of the container's",
                              m->place);
        if (r < 0)
                return fail(err, r, "cannot map the owners of '%s'", m->place);
        r = idmap_userns(uids, n_uids, gids, n_gids, err);
        return r < 0 ? err_prefix(err, r, "cannot map the owners of '%s'", m->place) : r;
}

static int map_own(const InitPlan *plan, const InitMount *m, Err *err) {
        MountAttr attr = { .recursive = m->options.idmap_below };
        autoclose int userns = own_userns(plan, m, err);

        if (userns < 0)
                return userns;
        return plan_map_tree(m->tree, &attr, userns, m->mount->source, err);
}

int plan_mounts_idmap(InitPlan *plan, int userns, Err *err) {
        for (size_t i = 0; i < plan->spec->n_mounts; i++) {
                InitMount *m = &plan->mounts[i];
                bool own = m->options.ids.n_uids || m->options.ids.n_gids;
                int r = 0;

                if (!m->options.idmap || m->tree < 0)
                        continue;
                if (own)
                        r = map_own(plan, m, err);
                else if (userns >= 0)
                        r = map_bind(m, userns, err);
                if (r < 0)
                        return r;
        }
        return 0;
}
