/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Choosing a container's ids. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/id.h"
#include "base/str.h"
#include "engine/spec.h"
#include "engine/userns_internal.h"
#include "kernel/resolve.h"
#include "kernel/subid.h"
#include "store/flatten.h"

#define AUTO_MIN 1024  /* ids of a container at least, as Podman has it */
#define NOBODY   65534 /* in every passwd, of no use to anybody */
#define NO_RANGE \
        "have a range added: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER"

/* How many there are from 0 on. */
static int64_t count_of(const IdPlan *own) {
        int64_t count = 0;

        for (size_t i = 0; i < own->n; i++)
                if (own->ranges[i].inside == count)
                        count += own->ranges[i].count;
        return count;
}

/* --- modes --- */

static int needs_user(const char *mode, Err *err) {
        if (idmap_is_inside())
                return 0;
        return err_hint(
                err,
                refuse(err, EINVAL, "--userns=%s is for ordinary users: root has every id", mode),
                "--userns=auto, or --uidmap and --gidmap, choose ids as root");
}

static int no_range(const char *mode, Err *err) {
        return err_hint(err,
                        refuse(err, EINVAL,
                               "--userns=%s needs more ids than your own, and /etc/subuid and "
                               "/etc/subgid give you none",
                               mode),
                        NO_RANGE);
}

/* Himself as @id, the others around him in order. */
static int keep(IdPlan *plan, int64_t id, int64_t total, int64_t size) {
        int64_t others = (size > 0 && size < total ? size : total) - 1;
        int64_t below = id < others ? id : others;
        int r = idplan_add(plan, 0, 1, below);

        if (r >= 0)
                r = idplan_add(plan, id, 0, 1);
        return r < 0 ? r : idplan_add(plan, id + 1, id + 1, others - id);
}

static int plan_keep_id(const UsernsOptions *o, const ContainerIds *own, ContainerIds *ret,
                        Err *err) {
        int64_t uid = o->uid >= 0 ? o->uid : own->uids.ranges->outside;
        int64_t gid = o->gid >= 0 ? o->gid : own->gids.ranges->outside;
        int64_t uids = count_of(&own->uids), gids = count_of(&own->gids);
        int r = needs_user("keep-id", err);

        if (r < 0)
                return r;
        if (uids < 2 || gids < 2)
                return no_range("keep-id", err);
        r = keep(&ret->uids, uid, uids, o->size);
        if (r >= 0)
                r = keep(&ret->gids, gid, gids, o->size);
        return r < 0 ? fail(err, r, "cannot map ids") : 0;
}

static int plan_nomap(const ContainerIds *own, ContainerIds *ret, Err *err) {
        int64_t uids = count_of(&own->uids), gids = count_of(&own->gids);
        int r = needs_user("nomap", err);

        if (r < 0)
                return r;
        if (uids < 2 || gids < 2)
                return no_range("nomap", err);
        r = idplan_add(&ret->uids, 0, 1, uids - 1);
        if (r >= 0)
                r = idplan_add(&ret->gids, 0, 1, gids - 1);
        return r < 0 ? fail(err, r, "cannot map ids") : 0;
}

/* The highest number in the third field of passwd or group, plus one. */
static int64_t ids_in(int root, const char *path) {
        autoclose int file = resolve_open(root, path, O_RDONLY);
        autofree char *text = NULL;
        int64_t most = 0;

        if (file < 0 || fd_read_text(file, 1 << 20, &text, NULL) < 0)
                return 0;
        for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
                uint64_t id;

                (void) strsep(&line, ":");
                (void) strsep(&line, ":");
                if (line && parse_u64(strsep(&line, ":"), &id) >= 0 && id < UINT32_MAX &&
                    id != NOBODY && (int64_t) id >= most)
                        most = (int64_t) id + 1;
        }
        return most;
}

/* How many ids the image's own users and groups take. */
static int64_t size_of_image(const Container *c) {
        autoclose int root = flatten_open(c->lowers, NULL);
        int64_t users = root < 0 ? 0 : ids_in(root, "/etc/passwd"),
                groups = root < 0 ? 0 : ids_in(root, "/etc/group");
        int64_t most = users > groups ? users : groups;

        return most > AUTO_MIN ? most : AUTO_MIN;
}

/* What other containers have: the records say so, and the lock that nobody adds one meanwhile. */
static int read_taken(const Home *home, IdPlan *ret, Err *err) {
        autostrv ids = NULL;
        int r = dir_list(home->data_fd, "containers", &ids);

        if (r < 0 && r != -ENOENT)
                return fail(err, r, "cannot list the containers");
        strv_foreach(id, ids) {
                autoptr(Container) other = NULL;
                autocontainerids theirs = {};

                if (strlen(*id) != ID_LENGTH ||
                    container_read_record(home, *id, &other, NULL) < 0 ||
                    !userns_is_mode(other->host.userns_mode, "auto") ||
                    idplan_read(other->host.id_mappings.uids, &theirs.uids) < 0 ||
                    idplan_read(other->host.id_mappings.gids, &theirs.gids) < 0)
                        continue;
                for (size_t i = 0; i < theirs.uids.n + theirs.gids.n; i++) {
                        const IdRange *range = i < theirs.uids.n
                                                       ? &theirs.uids.ranges[i]
                                                       : &theirs.gids.ranges[i - theirs.uids.n];

                        if (idplan_add(ret, 0, range->outside, range->count) < 0)
                                return fail(err, ENOMEM, "cannot map ids");
                }
        }
        return 0;
}

static int64_t find_room(const IdPlan *taken, int64_t total, int64_t size) {
        int64_t base = 1;

        for (size_t i = 0; i < taken->n; i++) {
                const IdRange *range = &taken->ranges[i];

                if (range->outside < base + size && base < range->outside + range->count) {
                        base = range->outside + range->count;
                        i = (size_t) -1; /* from the beginning: they are in no order */
                }
        }
        return base + size <= total ? base : -1;
}

static int put_all(IdPlan *plan, const IdPlan *more) {
        int r = 0;

        for (size_t i = 0; i < more->n && r >= 0; i++)
                r = idplan_put(plan, &more->ranges[i]);
        return r;
}

int userns_auto(const UsernsOptions *o, int64_t base, int64_t size, ContainerIds *ret) {
        int r = idplan_add(&ret->uids, 0, base, size);

        if (r >= 0)
                r = idplan_add(&ret->gids, 0, base, size);
        if (r >= 0)
                r = put_all(&ret->uids, &o->uids);
        return r < 0 ? r : put_all(&ret->gids, &o->gids);
}

static int plan_auto_user(const Home *home, const Container *c, const UsernsOptions *o,
                          const ContainerIds *own, ContainerIds *ret, int *ret_lock, Err *err) {
        int64_t uids = count_of(&own->uids), gids = count_of(&own->gids), size, base;
        autoclose int dir = dir_open(home->run_fd, "ids", 0700), lock = -EBADF;
        autoidplan taken = {};
        int r;

        if (uids < 2 || gids < 2)
                return no_range("auto", err);
        size = o->size ? o->size : size_of_image(c);
        lock = dir < 0 ? dir : lock_dir(dir, true);
        if (lock < 0)
                return fail(err, lock, "cannot lock '%s/ids'", home->run);
        r = read_taken(home, &taken, err);
        if (r < 0)
                return r;
        base = find_room(&taken, uids < gids ? uids : gids, size);
        if (base < 0)
                return err_hint(err,
                                refuse(err, ENOSPC,
                                       "there are no %lld ids that no other container has",
                                       (long long) size),
                                "remove containers made with --userns=auto, say size=, or have a "
                                "larger range in /etc/subuid and /etc/subgid");
        r = userns_auto(o, base, size, ret);
        if (r < 0)
                return fail(err, r, "cannot map ids");
        *ret_lock = take_fd(lock);
        return 0;
}

/* --- --uidmap and --gidmap, --subuidname and --subgidname --- */

/* @group: which of two meanings a word has that is not for this one alone. */
static int plan_words(char *const *words, const char *option, bool group, const IdPlan *own,
                      IdPlan *ret, Err *err) {
        bool amends = false;
        int r = 0;

        strv_foreach(text, words) {
                IdWord word;

                r = idplan_word(*text, option, &word, err);
                if (r < 0)
                        return r;
                if (group ? word.user_only : word.group_only)
                        continue;
                if (word.machine) {
                        int64_t mine = idplan_inside(own, word.range.outside);

                        if (mine < 0)
                                return refuse(err, EINVAL,
                                              "option '--%s': '%s': the machine's id %lld is not "
                                              "yours to give",
                                              option, *text, (long long) word.range.outside);
                        word.range.outside = mine;
                }
                if (word.amends && ret->n == 0)
                        r = idplan_add(ret, 0, 0, count_of(own));
                amends |= word.amends;
                if (r >= 0)
                        r = amends ? idplan_put(ret, &word.range)
                                   : idplan_add(ret, word.range.inside, word.range.outside,
                                                word.range.count);
                if (r < 0)
                        return fail(err, r, "cannot map ids");
        }
        r = amends ? idplan_fill(ret, count_of(own)) : 0;
        return r < 0 ? fail(err, r, "cannot map ids") : 0;
}

/* Those that a file gives to a name, in its order, from 0 on. */
static int plan_name(const char *file, const char *name, const IdPlan *own, IdPlan *ret, Err *err) {
        autofree IdRange *given = NULL;
        int64_t next = 0;
        size_t n = 0;
        int r = subid_read_name(file, name, &given, &n);

        for (size_t i = 0; i < n && r >= 0; i++) {
                int64_t mine = idplan_inside(own, given[i].outside);

                if (mine < 0)
                        return refuse(err, EPERM, "the ids of '%s' in %s are not yours to give",
                                      name, file);
                r = idplan_add(ret, next, mine, given[i].count);
                next += given[i].count;
        }
        if (r < 0)
                return fail(err, r, "cannot read '%s'", file);
        return n ? 0 : refuse(err, ENOENT, "%s gives '%s' no ids", file, name);
}

static int plan_names(const HostConfig *h, const ContainerIds *own, ContainerIds *ret, Err *err) {
        const char *users = h->subuid_name ? h->subuid_name : h->subgid_name;
        const char *groups = h->subgid_name ? h->subgid_name : h->subuid_name;
        int r = plan_name("/etc/subuid", users, &own->uids, &ret->uids, err);

        return r < 0 ? r : plan_name("/etc/subgid", groups, &own->gids, &ret->gids, err);
}

/* One of the two alone stands for both. */
static int plan_maps(const HostConfig *h, const ContainerIds *own, ContainerIds *ret, Err *err) {
        const bool users = h->id_mappings.uids, groups = h->id_mappings.gids;
        int r = plan_words(users ? h->id_mappings.uids : h->id_mappings.gids,
                           users ? "uidmap" : "gidmap", false, &own->uids, &ret->uids, err);

        if (r < 0)
                return r;
        return plan_words(groups ? h->id_mappings.gids : h->id_mappings.uids,
                          groups ? "gidmap" : "uidmap", true, &own->gids, &ret->gids, err);
}

/* --- the plan --- */

/* Whose user namespace it joins has the ids. */
static int plan_as_peer(const Home *home, const Container *c, ContainerIds *ret, Err *err) {
        const char *const modes[] = { c->host.network_mode, c->host.pid_mode, c->host.ipc_mode };

        for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
                const char *peer = modes[i] ? str_after(modes[i], "container:") : NULL;
                autoptr(Container) other = NULL;
                int r;

                if (!peer)
                        continue;
                r = container_load(home, peer, &other, err);
                if (r < 0)
                        return r;
                if (!userns_is_planned(other))
                        continue;
                r = idplan_read(other->host.id_mappings.uids, &ret->uids);
                if (r >= 0)
                        r = idplan_read(other->host.id_mappings.gids, &ret->gids);
                return r < 0 ? fail(err, r, "cannot map ids") : 1;
        }
        return 0;
}

static int choose(const Home *home, const Container *c, const ContainerIds *own, ContainerIds *ret,
                  int *ret_lock, Err *err) {
        const HostConfig *h = &c->host;
        const char *mode = h->userns_mode;
        autousernsoptions o = {};
        int r = userns_options_read(mode, &o, err);

        if (r < 0)
                return r;
        if (h->id_mappings.uids || h->id_mappings.gids)
                return plan_maps(h, own, ret, err);
        if (h->subuid_name || h->subgid_name)
                return plan_names(h, own, ret, err);
        if (userns_is_mode(mode, "keep-id"))
                return plan_keep_id(&o, own, ret, err);
        if (userns_is_mode(mode, "nomap"))
                return plan_nomap(own, ret, err);
        if (userns_is_mode(mode, "auto") && idmap_is_inside())
                return plan_auto_user(home, c, &o, own, ret, ret_lock, err);
        r = plan_as_peer(home, c, ret, err);
        return r < 0 ? r : 0;
}

static int note(HostConfig *h, const ContainerIds *ids, Err *err) {
        strv_free(take_ptr(h->id_mappings.uids));
        strv_free(take_ptr(h->id_mappings.gids));
        if (idplan_write(&ids->uids, &h->id_mappings.uids) < 0 ||
            idplan_write(&ids->gids, &h->id_mappings.gids) < 0)
                return fail(err, ENOMEM, "cannot map ids");
        return 0;
}

int userns_plan(const Home *home, Container *c, int *ret_lock, Err *err) {
        autocontainerids own = {}, ids = {};
        int r;

        if (!container_has_userns(c))
                return 0;
        r = userns_read_own(&own);
        if (r < 0)
                return fail(err, r, "cannot find out which ids are yours");
        r = choose(home, c, &own, &ids, ret_lock, err);
        if (r < 0 || ids.uids.n == 0)
                return r;
        r = idplan_check(&ids.uids, &own.uids, "user", err);
        if (r >= 0)
                r = idplan_check(&ids.gids, &own.gids, "group", err);
        return r < 0 ? r : note(&c->host, &ids, err);
}

int userns_default_user(Container *c, Err *err) {
        autocontainerids own = {};
        autousernsoptions o = {};
        int r;

        if (c->config.user || !userns_is_mode(c->host.userns_mode, "keep-id") || !idmap_is_inside())
                return 0;
        r = userns_options_read(c->host.userns_mode, &o, err);
        if (r < 0)
                return r;
        r = userns_read_own(&own);
        if (r < 0)
                return fail(err, r, "cannot find out which ids are yours");
        c->config.user =
                str_format("%lld:%lld", (long long) (o.uid >= 0 ? o.uid : own.uids.ranges->outside),
                           (long long) (o.gid >= 0 ? o.gid : own.gids.ranges->outside));
        return c->config.user ? 0 : fail(err, ENOMEM, "cannot make a container");
}
