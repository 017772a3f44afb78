/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Removing containers
 *
 * A container is gone with one rename of its directory to <id>.gone; everything
 * else follows and can be done again by whoever finds such a directory.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/log.h"
#include "base/remove.h"
#include "base/str.h"
#include "engine/monitor.h"
#include "engine/names.h"
#include "engine/volume.h"

#define END_TRIES 8

/* Volumes without a name of their own belong to the container that was made with them. */
static int remove_volumes(const Container *c, Err *err) {
        for (size_t i = 0; i < c->host.n_mounts; i++) {
                const ContainerMount *m = &c->host.mounts[i];
                int r;

                if (!m->anonymous || str_empty(m->source))
                        continue;
                r = volume_release(c->home, m->source, c->name ? c->name : c->id, err);
                if (r < 0)
                        return err_hint(err, r, "the container stays as long as they do");
        }
        return 0;
}

int container_retire(Container *c, bool volumes, Err *err) {
        autofree char *path = str_format("containers/%s", c->id),
                      *gone = str_format("containers/%s" CONTAINER_GONE, c->id),
                      *grave = str_format("%s/name", gone);
        int r;

        if (!path || !gone || !grave)
                return fail(err, ENOMEM, "cannot remove container '%s'", c->name);
        r = volumes ? remove_volumes(c, err) : 0;
        if (r < 0)
                return err_prefix(err, r, "cannot remove container '%s'", c->name);
        fault_point("remove.volumes");
        if (renameat(c->home->data_fd, path, c->home->data_fd, gone) < 0 && errno != ENOENT)
                return fail(err, errno, "cannot remove container '%s'", c->name);
        fault_point("remove.renamed");
        container_name_bury(c->home, c->name, c->id, grave);
        fault_point("remove.name");
        return 0;
}

void run_dir_remove(const Home *home, const char *id) {
        autofree char *run = container_run_path(id),
                      *gone = str_format("containers/%s" CONTAINER_GONE, id);

        if (!run || !gone)
                return;
        (void) tree_remove(home->run_fd, gone);
        if (renameat(home->run_fd, run, home->run_fd, gone) == 0)
                (void) tree_remove(home->run_fd, gone);
}

int container_erase(Container *c, bool volumes, Err *err) {
        autofree char *gone = str_format("containers/%s" CONTAINER_GONE, c->id);
        int r;

        if (!gone)
                return fail(err, ENOMEM, "cannot remove container '%s'", c->name);
        r = container_retire(c, volumes, err);
        if (r < 0)
                return r;
        run_dir_remove(c->home, c->id);
        r = tree_remove_large(c->home->data_fd, gone);
        return r < 0 ? fail(err, r, "cannot delete '%s/%s'", c->home->data, gone) : 0;
}

void container_delete_gone(const Container *c) {
        autofree char *gone = str_format("containers/%s" CONTAINER_GONE, c->id);

        run_dir_remove(c->home, c->id);
        if (gone)
                (void) tree_remove_large(c->home->data_fd, gone);
}

void container_sweep_gone(const Home *home, const char *entry) {
        autoclose int dir = -EBADF, lock = -EBADF;
        autofree char *path = NULL, *id = NULL;

        if (!str_ends_with(entry, CONTAINER_GONE))
                return;
        path = str_format("containers/%s", entry);
        id = strndup(entry, strlen(entry) - strlen(CONTAINER_GONE));
        if (!path || !id)
                return;
        /* Locked by whoever is deleting it: a list need not wait for a large one. */
        dir = openat(home->data_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        lock = dir < 0 ? dir : lock_dir(dir, false);
        if (lock < 0)
                return;
        container_sweep_orphan(home, id);
        (void) tree_remove_large(home->data_fd, path);
}

/* Ends it, and waits until its monitor has gone as well. */
static int end(Container *c, Err *err) {
        int r;

        if (container_status(c) == CONTAINER_RESTARTING)
                return container_stop(c, NULL, 0, err);
        r = container_pidfd(c);
        if (r == -ESRCH)
                return 0;
        close_fd(r);
        return container_kill(c, SIGKILL, err);
}

bool container_is_gone(const Container *c) {
        autofree char *path = str_format("containers/%s/container.json", c->id);

        return path && file_access(c->home->data_fd, path, F_OK) == -ENOENT;
}

/* 1 if the lock is taken and nothing runs it; 0 if it is gone; -EAGAIN if it runs (again). */
static int lock_ended(Container *c, int *ret_lock, Err *err) {
        autoclose int lock = -EBADF;
        int dir = container_dir(c), r;

        if (container_is_gone(c))
                return 0;
        if (dir < 0)
                return fail(err, dir, "cannot open the directory of container '%s'", c->name);
        lock = lock_dir(dir, true);
        if (container_is_gone(c))
                return 0;
        if (lock < 0)
                return fail(err, lock, "cannot lock container '%s'", c->name);
        r = container_settle_locked(c, lock, err);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return r;
        if (monitor_is_alive(c))
                return -EAGAIN;
        *ret_lock = take_fd(lock);
        return 1;
}

static int refuse_running(const Container *c, Err *err) {
        return err_hint(err,
                        refuse(err, EBUSY, "container '%s' is %s", c->name,
                               container_status_name(container_status(c))),
                        "stop it first, or use --force");
}

/* As lock_ended(), having ended what runs. */
static int end_and_lock(Container *c, bool force, int *ret_lock, Err *err) {
        int r = -EAGAIN;

        /* Somebody may start it again and again, but not as often as this. */
        for (int tries = 0; tries < END_TRIES && r == -EAGAIN; tries++) {
                if (container_is_up(c)) {
                        if (!force)
                                return refuse_running(c, err);
                        r = end(c, err);
                        if (r < 0)
                                return r;
                } else {
                        monitor_say_stopping(c, true);
                }
                /* Its monitor may be about to finish, and to remove it itself. */
                r = monitor_wait_finish(c);
                if (r < 0)
                        return fail(err, r, "the monitor of container '%s' does not end", c->name);
                r = lock_ended(c, ret_lock, err);
        }
        if (r == -EAGAIN)
                return refuse(err, EBUSY, "container '%s' is started again and again", c->name);
        return r;
}

int container_remove(Container *c, bool force, bool volumes, Err *err) {
        autoclose int lock = -EBADF;
        int r;

        r = end_and_lock(c, force, &lock, err);
        if (r < 0)
                return r;
        if (r > 0) {
                r = container_erase(c, volumes || c->host.auto_remove, err);
                fault_point("remove.erased");
                monitors_cgroup_sweep();
        }
        network_sweep_idle(c->home);
        return r;
}
