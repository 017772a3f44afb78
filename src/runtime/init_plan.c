/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/log.h"
#include "base/str.h"
#include "kernel/denied.h"
#include "kernel/overlay.h"
#include "runtime/attributes.h"
#include "runtime/hooks.h"
#include "runtime/identity.h"
#include "runtime/init_plan.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

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

/* A namespace that the caller is in already is shared with it, like one that is not said: what is
 * in it is not the container's to change. */
static int plan_join(InitPlan *plan, const NsKind *kind, const char *path, Err *err) {
        autoclose int join = ns_open(kind, path, err), own = -EBADF;
        char own_path[32];

        if (join < 0)
                return join;
        snprintf(own_path, sizeof own_path, "/proc/self/ns/%s", kind->file);
        own = open(own_path, O_RDONLY | O_CLOEXEC);
        if (own >= 0 && ns_same(own, join) > 0)
                return 0;
        plan->joins[kind - ns_kinds] = take_fd(join);
        plan->joined |= kind->flag;
        return 0;
}

static int plan_namespaces(InitPlan *plan, Err *err) {
        const OciLinux *l = plan->spec->linux_;
        int r;

        for (size_t i = 0; l && i < l->n_namespaces; i++) {
                const OciNamespace *ns = &l->namespaces[i];
                const NsKind *kind = ns_kind(ns->type);

                if (!kind)
                        return refuse(err, EINVAL, "'%s' is not a kind of namespace", ns->type);
                if ((plan->new_namespaces | plan->joined) & kind->flag)
                        return refuse(err, EINVAL, "the %s namespace is given twice", ns->type);
                if (str_empty(ns->path)) {
                        plan->new_namespaces |= kind->flag;
                        continue;
                }
                r = plan_join(plan, kind, ns->path, err);
                if (r < 0)
                        return r;
        }
        if (!((plan->new_namespaces | plan->joined) & CLONE_NEWNS))
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

static int cannot_open(int code, const char *path, Err *err) {
        return err_denied(err, fail(err, code, "cannot open '%s'", path), "open_tree", "5.2");
}

/*
 * In the mount namespace of an ordinary user those of the machine are locked together: what is
 * below one must not come to light (has_locked_children() in fs/namespace.c), so that it cannot
 * be cloned alone, and not be a layer either.
 */
static bool is_locked(const char *path) {
        autoclose int whole = mount_clone_source(path, true);

        return whole >= 0;
}

static int clone_layer(const char *path, Err *err) {
        int tree = mount_clone_source(path, false);

        if (tree == -EINVAL && is_locked(path))
                return err_hint(err,
                                refuse(err, EPERM,
                                       "an ordinary user cannot have '%s' for a layer: other file "
                                       "systems are mounted in it",
                                       path),
                                "root can");
        return tree < 0 ? cannot_open(tree, path, err) : tree;
}

/* Splits an absolute path into the directory (owned by the caller) and the name in it. */
static char *parent_of(const char *path, const char **ret_name) {
        const char *slash = strrchr(path, '/');

        *ret_name = slash ? slash + 1 : path;
        if (!slash || !slash[1])
                return NULL;
        return slash == path ? strdup("/") : strndup(path, (size_t) (slash - path));
}

/* A directory with all that is mounted in it. */
static int plan_directory(InitPlan *plan, Err *err) {
        const char *word = plan->spec->linux_ ? plan->spec->linux_->rootfs_propagation : NULL;
        uint64_t flag;
        bool recursive;

        if (word && !mount_propagation(word, &flag, &recursive))
                return refuse(err, EINVAL, "'%s' is not a kind of mount propagation", word);
        /* One that is said may be a slave of the host's, which it would be no more. */
        plan->storage = word ? -EBADF : mount_clone_private(plan->options->root.path);
        plan->is_private = plan->storage >= 0;
        if (!plan->is_private)
                plan->storage = mount_clone_source(plan->options->root.path, true);
        plan->unprivileged = plan->storage == -EPERM && plan->new_namespaces & CLONE_NEWUSER;
        if (plan->storage < 0 && !plan->unprivileged)
                return cannot_open(plan->storage, plan->options->root.path, err);
        return 0;
}

/* @paths: NULL-terminated, or NULL; opened one by one, so that the caller can close them. */
static int open_directories(const char *const *paths, int **ret, size_t *ret_n, Err *err) {
        size_t n = 0;

        while (paths && paths[n])
                n++;
        *ret = calloc(n + 1, sizeof **ret);
        if (!*ret)
                return fail(err, ENOMEM, "cannot open the layers");
        for (; *ret_n < n; (*ret_n)++) {
                int layer = open(paths[*ret_n], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

                if (layer < 0)
                        return fail(err, errno, "cannot open '%s'", paths[*ret_n]);
                (*ret)[*ret_n] = layer;
        }
        return 0;
}

/* The whole overlay, which is then a root like any other mount. */
static int plan_overlay(InitPlan *plan, Err *err) {
        const RuntimeRoot *root = &plan->options->root;
        autoclose int upper = -EBADF, work = -EBADF;
        int *lowers = NULL, *data = NULL, r;
        size_t n_lowers = 0, n_data = 0;

        r = open_directories(root->lowers, &lowers, &n_lowers, err);
        if (r >= 0)
                r = open_directories(root->data, &data, &n_data, err);
        if (r >= 0 && root->upper) {
                upper = open(root->upper, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                work = open(root->work, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                if (upper < 0 || work < 0)
                        r = fail(err, errno, "cannot open '%s' and '%s'", root->upper, root->work);
        }
        if (r >= 0)
                r = plan->storage = overlay_new(&(OverlayLayers){ .lowers = lowers,
                                                                  .n = n_lowers,
                                                                  .data = data,
                                                                  .n_data = n_data,
                                                                  .upper = upper,
                                                                  .work = work,
                                                                  .scratch = root->scratch },
                                                err);
        for (size_t i = 0; i < n_lowers; i++)
                close_fd(lowers[i]);
        for (size_t i = 0; i < n_data; i++)
                close_fd(data[i]);
        free(lowers);
        free(data);
        return r < 0 ? r : 0;
}

static int plan_root(InitPlan *plan, Err *err) {
        const RuntimeRoot *root = &plan->options->root;
        autofree char *holder = NULL, *other = NULL;
        size_t n = 0;

        if (root->path)
                return plan_directory(plan, err);
        if (root->by_maker)
                return plan_overlay(plan, err);
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
        plan->storage = plan->devices = plan->null = plan->proc = -EBADF;
        for (size_t i = 0; i < NS_KINDS; i++)
                plan->joins[i] = -EBADF;

        if (!spec->process || !spec->process->args || !spec->process->args[0])
                return refuse(err, EINVAL, "no program to run");
        plan->hooks_outside = hooks_any(spec->hooks, HOOK_PRESTART) ||
                              hooks_any(spec->hooks, HOOK_CREATE_RUNTIME);
        plan->hooks_see_root =
                options->root.path &&
                (plan->hooks_outside || hooks_any(spec->hooks, HOOK_CREATE_CONTAINER));
        r = plan_namespaces(plan, err);
        if (r >= 0)
                r = plan_ids(plan, err);
        if (r >= 0)
                r = plan_root(plan, err);
        plan->confined = plan->unprivileged || idmap_is_inside();
        if (r >= 0)
                r = plan_mounts_make(plan, err);
        if (r >= 0 && !init_plan_has_userns(plan))
                r = plan_mounts_idmap(plan, -EBADF, err);
        if (r >= 0)
                r = plan_seccomp(plan, err);
        if (r < 0)
                return r;
        for (int i = 0; i < 3 && plan->null < 0; i++)
                if (options->stdio[i] < 0) {
                        plan->null = open("/dev/null", O_RDWR | O_CLOEXEC);
                        if (plan->null < 0)
                                return fail(err, errno, "cannot open '/dev/null'");
                }
        if (attributes_need_proc(spec->process)) {
                plan->proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
                if (plan->proc < 0)
                        return fail(err, errno, "cannot open '/proc'");
        }
        plan->keep_groups = identity_keeps_groups(spec);

        *ret = take_ptr(plan);
        return 0;
}

InitPlan *init_plan_free(InitPlan *plan) {
        if (!plan)
                return NULL;
        plan_mounts_free(plan);
        for (size_t i = 0; i < plan->n_lowers; i++)
                close_fd(plan->lowers[i]);
        for (size_t i = 0; i < NS_KINDS; i++)
                close_fd(plan->joins[i]);
        close_fd(plan->storage);
        devices_free(plan);
        plan->own_seccomp = seccomp_free(plan->own_seccomp);
        close_fd(plan->null);
        close_fd(plan->proc);
        free(plan->lowers);
        free(plan->uids);
        free(plan->gids);
        free(plan);
        return NULL;
}

static int map_root(InitPlan *plan, int userns, Err *err) {
        const RuntimeRoot *root = &plan->options->root;
        MountAttr private = { .propagation = MS_PRIVATE };
        int r;

        if (plan->storage >= 0 && !root->as_is) {
                r = plan_map_tree(plan->storage, &private, userns,
                                  root->path ? root->path : root->upper, err);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < plan->n_lowers; i++) {
                r = plan_map_tree(plan->lowers[i], &private, userns, root->lowers[i], err);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* What mapping the root does besides. */
static int make_private(const InitPlan *plan, Err *err) {
        MountAttr private = { .propagation = MS_PRIVATE };
        int r = plan->storage >= 0 ? mount_set_attr(plan->storage, &private) : 0;

        for (size_t i = 0; i < plan->n_lowers && r >= 0; i++)
                r = mount_set_attr(plan->lowers[i], &private);
        return r < 0 ? fail(err, r, "cannot make the container's mounts private") : 0;
}

int init_plan_idmap(InitPlan *plan, int userns, Err *err) {
        MountAttr private = { .propagation = MS_PRIVATE };
        int r;

        if (plan->options->owners_stay) {
                r = make_private(plan, err);
                if (r >= 0 && plan->devices >= 0 && plan->options->root.by_maker) {
                        r = devices_give(plan);
                        if (r < 0)
                                return fail(err, r, "cannot give the devices to the container");
                }
                return r;
        }
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
        return plan_mounts_idmap(plan, userns, err);
}
