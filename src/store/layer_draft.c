/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Layers in the making and layers that are done with: directories that have no layer's name. */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/id.h"
#include "base/log.h"
#include "base/remove.h"
#include "base/str.h"
#include "kernel/filesystem.h"
#include "store/layer_internal.h"

#define DRAFT_PREFIX ".draft-"

LayerDraft *layer_draft_free(LayerDraft *draft) {
        if (draft) {
                if (draft->path) {
                        int r = tree_remove_large(AT_FDCWD, draft->path);

                        if (r < 0)
                                log_warn("cannot remove '%s': %s", draft->path, strerror(-r));
                }
                close_fd(draft->lock);
                free(draft->path);
                free(draft->diff);
                free(draft->work);
                free(draft);
        }
        return NULL;
}

/* Drafts whose maker died, each locked by us. */
typedef struct DeadDrafts {
        char **names;
        int *locks;
        size_t n;
} DeadDrafts;

/* Their lock can be had.  The caller holds the layers' lock: who makes a draft locks it before. */
static void claim_dead_drafts(int layers, DeadDrafts *ret) {
        autostrv names = NULL;

        if (dir_list(layers, ".", &names) < 0)
                return;
        ret->locks = calloc(strv_length(names) + 1, sizeof *ret->locks);
        strv_foreach(name, names) {
                autoclose int dir = -EBADF, lock = -EBADF;

                if (!ret->locks || !str_after(*name, DRAFT_PREFIX))
                        continue;
                dir = openat(layers, *name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                if (dir < 0)
                        continue;
                lock = lock_dir(dir, false);
                if (lock < 0 || strv_add(&ret->names, *name) < 0)
                        continue;
                ret->locks[ret->n++] = take_fd(lock);
        }
}

/* Without the layers' lock, as it may take its time. */
static void delete_dead_drafts(int layers, DeadDrafts *dead) {
        for (size_t i = 0; i < dead->n; i++) {
                log_debug("removing the dead draft '%s'", dead->names[i]);
                (void) tree_remove_large(layers, dead->names[i]);
                close_fd(dead->locks[i]);
        }
        free(dead->locks);
        strv_free(dead->names);
        *dead = (DeadDrafts){};
}

int layer_bury_name(int layers, const char *name) {
        autofree char *dead = NULL;
        char id[ID_LENGTH + 1];

        id_new(id);
        dead = str_format(DRAFT_PREFIX "%.16s", id);
        if (!dead)
                return -ENOMEM;
        return renameat(layers, name, layers, dead) < 0 ? -errno : 0;
}

/* Once in each boot, which the run directory remembers.  The caller holds the layers' lock. */
static void bury_unsynced(const Home *home, int layers) {
        static const char done[] = "layers-swept";
        autostrv names = NULL;

        if (file_access(home->run_fd, done, F_OK) == 0 || dir_list(layers, ".", &names) < 0)
                return;
        strv_foreach(name, names) {
                if (**name == '.' || !layer_is_of_another_boot(layers, *name))
                        continue;
                log_debug("removing the layer '%s', which was not synced", *name);
                (void) layer_bury_name(layers, *name);
        }
        (void) file_create(home->run_fd, done, "", 0, 0600);
}

/* mkdir that the umask has no say in. */
static int make_dir(int dir, const char *name, mode_t mode) {
        autoclose int self = -EBADF;

        if (mkdirat(dir, name, 0700) < 0)
                return -errno;
        self = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (self < 0)
                return -errno;
        return fchmod(self, mode) < 0 ? -errno : 0;
}

/* Writes the draft's paths into it; the directory is called by the last part of the first. */
static int name_draft(LayerDraft *draft) {
        char id[ID_LENGTH + 1];

        id_new(id);
        id[16] = 0;
        draft->path = str_format("%s/layers/" DRAFT_PREFIX "%s", draft->home->data, id);
        draft->diff = str_format("%s/layers/" DRAFT_PREFIX "%s/diff", draft->home->data, id);
        draft->work = str_format("%s/layers/" DRAFT_PREFIX "%s/work", draft->home->data, id);
        return draft->path && draft->diff && draft->work ? 0 : -ENOMEM;
}

/* Makes the draft's directory, with the layers' lock as long as it is not locked itself. */
static int make_draft(LayerDraft *draft, int layers, DeadDrafts *dead, Err *err) {
        autoclose int lock = lock_dir(layers, true), dir = -EBADF;
        const char *name = strrchr(draft->path, '/') + 1;
        int r;

        if (lock < 0)
                return fail(err, lock, "cannot lock '%s/layers'", draft->home->data);
        bury_unsynced(draft->home, layers);
        claim_dead_drafts(layers, dead);
        if (mkdirat(layers, name, 0700) < 0)
                return fail(err, errno, "cannot make '%s'", draft->path);
        dir = openat(layers, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (dir < 0)
                return fail(err, errno, "cannot open '%s'", draft->path);
        draft->lock = lock_dir(dir, true);
        if (draft->lock < 0)
                return fail(err, draft->lock, "cannot lock '%s'", draft->path);
        r = make_dir(dir, "diff", 0755);
        if (r >= 0)
                r = make_dir(dir, "work", 0700);
        return r < 0 ? fail(err, r, "cannot make '%s'", draft->path) : 0;
}

int layer_draft(const Home *home, LayerDraft **ret, Err *err) {
        autoclose int layers = -EBADF;
        autoptr(LayerDraft) draft = calloc(1, sizeof *draft);
        DeadDrafts dead = {};
        int r;

        if (!draft)
                return fail(err, ENOMEM, "cannot begin a layer");
        draft->lock = -EBADF;
        draft->home = home;
        if (name_draft(draft) < 0)
                return fail(err, ENOMEM, "cannot begin a layer");
        layers = dir_open(home->data_fd, "layers", 0700);
        if (layers < 0)
                return fail(err, layers, "cannot open '%s/layers'", home->data);
        r = filesystem_check(layers, home->data, "layers", err);
        if (r < 0)
                return r;
        r = make_draft(draft, layers, &dead, err);
        delete_dead_drafts(layers, &dead);
        if (r < 0)
                return r;
        fault_point("layer.drafted");
        *ret = take_ptr(draft);
        return 0;
}

int layer_bury(const Home *home, const char *chain_id, Err *err) {
        autoclose int layers = -EBADF;
        int r;

        if (!digest_is_valid(chain_id))
                return refuse(err, EINVAL, "'%s' is no layer", chain_id);
        layers = dir_open(home->data_fd, "layers", 0700);
        if (layers < 0)
                return fail(err, layers, "cannot open '%s/layers'", home->data);
        r = layer_bury_name(layers, digest_hex(chain_id));
        if (r < 0)
                return r == -ENOENT ? 0 : fail(err, r, "cannot remove the layer '%s'", chain_id);
        fault_point("layer.buried");
        return 0;
}

void layer_remove_dead(const Home *home) {
        autoclose int layers = dir_open(home->data_fd, "layers", 0700), lock = -EBADF;
        DeadDrafts dead = {};

        if (layers < 0)
                return;
        lock = lock_dir(layers, true);
        if (lock >= 0)
                claim_dead_drafts(layers, &dead);
        lock = close_fd(lock);
        delete_dead_drafts(layers, &dead);
}
