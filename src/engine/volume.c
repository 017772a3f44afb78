/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/id.h"
#include "base/remove.h"
#include "base/str.h"
#include "engine/container.h"
#include "engine/volume.h"

#define RECORD_VERSION 1
#define GONE           ".gone-"

static const JsonField fields[] = {
        JSON_INT(Volume, version, "Version"),
        JSON_STRING(Volume, created, "CreatedAt"),
        JSON_PAIRS(Volume, labels, "Labels"),
        JSON_BOOL(Volume, anonymous, "Anonymous"),
        {},
};
static const JsonType volume_type = { sizeof(Volume), fields };

Volume *volume_free(Volume *v) {
        if (v) {
                free(v->name);
                json_clear(&volume_type, v);
                free(v);
        }
        return NULL;
}

void volume_list_free(Volume **list, size_t n) {
        for (size_t i = 0; i < n; i++)
                volume_free(list[i]);
        free(list);
}

/* ---- records ---- */

/* The name is the directory's; one without a record is as old as its directory. */
static int load(const Home *home, const char *name, Volume **ret, Err *err) {
        autofree char *data = str_format("volumes/%s/_data", name),
                      *record = str_format("volumes/%s/volume.json", name);
        autoptr(Volume) v = calloc(1, sizeof *v);
        struct stat st;
        int r;

        if (!data || !record || !v)
                return fail(err, ENOMEM, "cannot read volume '%s'", name);
        if (fstatat(home->data_fd, data, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? -ENOENT
                                       : fail(err, errno, "cannot read volume '%s'", name);
        r = json_load(&volume_type, home->data_fd, record, v, err);
        if (r < 0 && r != -ENOENT)
                return r;
        if (r == -ENOENT && err)
                err_clear(err);
        if (v->version > RECORD_VERSION)
                return refuse(err, EPROTONOSUPPORT,
                              "volume '%s' was made by a newer isola (record version %d)", name,
                              v->version);
        v->name = strdup(name);
        if (!v->created)
                v->created = clock_rfc3339(st.st_ctim.tv_sec * INT64_C(1000000000));
        if (!v->name || !v->created)
                return fail(err, ENOMEM, "cannot read volume '%s'", name);
        *ret = take_ptr(v);
        return 0;
}

/* The record first: with its _data the volume is there, and whole. */
static int make(const Home *home, const Volume *v, Err *err) {
        autofree char *path = str_format("volumes/%s", v->name);
        Volume record = { .version = RECORD_VERSION,
                          .created = clock_rfc3339(clock_now_ns()),
                          .labels = v->labels,
                          .anonymous = v->anonymous };
        autofree char *created = record.created;
        autoclose int dir = -EBADF;
        int r;

        if (!path || !created)
                return fail(err, ENOMEM, "cannot make volume '%s'", v->name);
        r = dir = dir_open(home->data_fd, path, 0755);
        if (r < 0)
                return fail(err, r, "cannot make volume '%s'", v->name);
        r = json_save(&volume_type, dir, "volume.json", &record, false, err);
        if (r < 0)
                return err_prefix(err, r, "cannot make volume '%s'", v->name);
        fault_point("volume.record");
        r = dir_make(dir, "_data", 0755);
        return r < 0 ? fail(err, r, "cannot make volume '%s'", v->name) : 0;
}

static int check_name(const char *name, Err *err) {
        if (name_is_valid(name))
                return 0;
        return err_hint(err, refuse(err, EINVAL, "'%s' is not a volume name", name),
                        "use letters, digits, '_', '.', '-'; a path to bind must begin with '/'");
}

int volume_use(const Home *home, const char *name, bool anonymous, char **ret, Err *err) {
        autofree char *path = str_format("volumes/%s/_data", name),
                      *absolute = str_format("%s/volumes/%s/_data", home->data, name);
        Volume wanted = { .name = (char *) name, .anonymous = anonymous };
        int r;

        r = check_name(name, err);
        if (r < 0)
                return r;
        if (!path || !absolute)
                return fail(err, ENOMEM, "cannot use volume '%s'", name);
        r = file_access(home->data_fd, path, F_OK) == 0 ? 0 : make(home, &wanted, err);
        if (r < 0)
                return r;
        *ret = take_ptr(absolute);
        return 0;
}

static bool same_labels(const Volume *a, const Volume *b) {
        if (strv_length(a->labels) != strv_length(b->labels))
                return false;
        strv_foreach(label, a->labels)
                if (!strv_has(b->labels, *label))
                        return false;
        return true;
}

int volume_create(const Home *home, Volume *wanted, Err *err) {
        autoptr(Volume) there = NULL;
        char id[ID_LENGTH + 1];
        int r;

        if (!wanted->name) {
                id_new(id);
                wanted->name = strdup(id);
                wanted->anonymous = true;
                if (!wanted->name)
                        return fail(err, ENOMEM, "cannot make a volume");
        }
        r = check_name(wanted->name, err);
        if (r >= 0)
                r = load(home, wanted->name, &there, err);
        if (r >= 0 && wanted->labels && !same_labels(wanted, there))
                return refuse(err, EEXIST, "there is already a volume '%s', with other labels",
                              wanted->name);
        if (r >= 0)
                return 0;
        if (r == -ENOENT)
                r = make(home, wanted, err);
        return r < 0 ? r : 1;
}

int volume_load(const Home *home, const char *name, Volume **ret, Err *err) {
        int r = name_is_valid(name) ? load(home, name, ret, err) : -ENOENT;

        if (r == -ENOENT)
                return err_hint(err, refuse(err, ENOENT, "there is no volume '%s'", name),
                                "'isola volume ls' lists the ones there are");
        return r;
}

int volume_list(const Home *home, Volume ***ret, size_t *ret_n, Err *err) {
        autostrv names = NULL;
        Volume **list;
        size_t n = 0;
        int r;

        r = dir_list(home->data_fd, "volumes", &names);
        if (r < 0 && r != -ENOENT)
                return fail(err, r, "cannot list the volumes");
        list = calloc(strv_length(names) + 1, sizeof *list);
        if (!list)
                return fail(err, ENOMEM, "cannot list the volumes");
        strv_foreach(name, names) {
                r = name_is_valid(*name) ? load(home, *name, &list[n], err) : -ENOENT;
                if (r >= 0)
                        n++;
                else if (r != -ENOENT) {
                        volume_list_free(list, n);
                        return r;
                }
        }
        *ret = list;
        *ret_n = n;
        return 0;
}

/* ---- use ---- */

void volume_uses_clear(VolumeUses *u) {
        for (size_t i = 0; i < u->n; i++) {
                free(u->all[i].volume);
                free(u->all[i].container);
        }
        free(u->all);
        *u = (VolumeUses){};
}

static int add_uses(const Container *c, VolumeUses *u) {
        for (size_t i = 0; i < c->host.n_mounts; i++) {
                const ContainerMount *m = &c->host.mounts[i];
                VolumeUse *use;

                if (!str_equal(m->type, "volume") || !m->source)
                        continue;
                use = json_grow(&u->all, &u->n, sizeof *use);
                if (!use)
                        return -ENOMEM;
                use->volume = strdup(m->source);
                use->container = strdup(c->name ? c->name : c->id);
                if (!use->volume || !use->container)
                        return -ENOMEM;
        }
        return 0;
}

/*
 * Reads the records alone: container_list() would bring into order what it meets, which takes the
 * locks of other containers, and whoever removes one holds that one's.
 */
int volume_uses(const Home *home, VolumeUses *ret, Err *err) {
        autostrv ids = NULL;
        autovolumeuses uses = {};
        int r;

        r = dir_list(home->data_fd, "containers", &ids);
        if (r < 0 && r != -ENOENT)
                return fail(err, r, "cannot list the containers");
        strv_foreach(id, ids) {
                autoptr(Container) c = NULL;

                if (strlen(*id) != ID_LENGTH)
                        continue;
                r = container_read_record(home, *id, &c, err);
                if (r == -ENOENT)
                        continue;
                if (r >= 0 && add_uses(c, &uses) < 0)
                        r = fail(err, ENOMEM, "cannot tell who uses which volume");
                if (r < 0)
                        return r;
        }
        *ret = uses;
        uses = (VolumeUses){};
        return 0;
}

const char *volume_user(const VolumeUses *u, const char *volume) {
        for (size_t i = 0; i < u->n; i++)
                if (str_equal(u->all[i].volume, volume))
                        return u->all[i].container;
        return NULL;
}

/* ---- removal ---- */

/* Deletes what removals that were killed have left. */
static void sweep(int volumes) {
        autostrv names = NULL;

        if (dir_list(volumes, ".", &names) < 0)
                return;
        strv_foreach(name, names)
                if (str_after(*name, GONE))
                        (void) tree_remove_large(volumes, *name);
}

/* Gone from sight in one step, if nobody but @besides uses it; 1, or 0 if somebody does. */
static int hide(const Home *home, int volumes, const char *name, const char *besides,
                const char *grave, Err *err) {
        autovolumeuses uses = {};
        int r;

        r = volume_uses(home, &uses, err);
        if (r < 0)
                return r;
        for (size_t i = 0; i < uses.n; i++) {
                const VolumeUse *u = &uses.all[i];

                if (!str_equal(u->volume, name) || str_equal(u->container, besides))
                        continue;
                return besides ? 0
                               : err_hint(err,
                                          refuse(err, EBUSY,
                                                 "volume '%s' is used by container '%s'", name,
                                                 u->container),
                                          "remove that one first");
        }
        if (renameat(volumes, name, volumes, grave) < 0)
                return errno == ENOENT && besides
                               ? 0
                               : fail(err, errno, "cannot remove volume '%s'", name);
        return 1;
}

static int take_away(const Home *home, const char *name, const char *besides, Err *err) {
        autoclose int volumes = dir_open(home->data_fd, "volumes", 0755), lock = -EBADF;
        char id[ID_LENGTH + 1];
        autofree char *grave = NULL;
        int r;

        id_new(id);
        grave = str_format(GONE "%s", id);
        r = lock = volumes < 0 ? volumes : lock_dir(volumes, true);
        if (r < 0 || !grave)
                return fail(err, grave ? r : -ENOMEM, "cannot remove volume '%s'", name);
        r = hide(home, volumes, name, besides, grave, err);
        fault_point("volume.hidden");
        lock = close_fd(lock);
        if (r > 0)
                sweep(volumes);
        return r;
}

int volume_remove(const Home *home, const char *name, Err *err) {
        autoptr(Volume) v = NULL;
        int r;

        r = volume_load(home, name, &v, err);
        return r < 0 ? r : take_away(home, name, NULL, err);
}

int volume_release(const Home *home, const char *name, const char *user, Err *err) {
        return take_away(home, name, user, err);
}

/* ---- looking at them ---- */

int volume_size(const Home *home, const char *name, uint64_t *ret, Err *err) {
        autofree char *path = str_format("volumes/%s/_data", name);
        int r = path ? tree_size(home->data_fd, path, ret) : -ENOMEM;

        return r < 0 ? fail(err, r, "cannot measure volume '%s'", name) : 0;
}

json_t *volume_inspect(const Home *home, const Volume *v) {
        autofree char *mountpoint = str_format("%s/volumes/%s/_data", home->data, v->name);
        json_t *labels = json_pairs_tree(v->labels);

        if (v->anonymous)
                json_object_set_new(labels, "com.docker.volume.anonymous", json_string(""));
        return json_pack("{s:s, s:s, s:o, s:s, s:s, s:{}, s:s}", "CreatedAt", v->created, "Driver",
                         "local", "Labels", labels, "Mountpoint", mountpoint ? mountpoint : "",
                         "Name", v->name, "Options", "Scope", "local");
}
