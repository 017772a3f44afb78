/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Container records: making, finding and listing them
 *
 * A container exists once $DATA/containers/<id>/container.json does.  While it
 * is being made its directory is locked; a directory without record and lock
 * was left by a command that was killed, and whoever lists containers removes it.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/id.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/container.h"
#include "engine/group.h"
#include "engine/names.h"
#include "kernel/cgroup.h"
#include "kernel/proc_stat.h"

static const char *const status_names[] = {
        [CONTAINER_CREATED] = "created", [CONTAINER_RUNNING] = "running",
        [CONTAINER_PAUSED] = "paused",   [CONTAINER_RESTARTING] = "restarting",
        [CONTAINER_EXITED] = "exited",   [CONTAINER_DEAD] = "dead",
};

const char *container_status_name(ContainerStatus status) {
        return status_names[status];
}

Container *container_free(Container *c) {
        if (c) {
                json_clear(&container_state_type, &c->state);
                close_fd(c->dir);
                json_clear(&container_type, c);
                free(c);
        }
        return NULL;
}

void container_list_free(Container **list, size_t n) {
        for (size_t i = 0; i < n; i++)
                container_free(list[i]);
        free(list);
}

char *container_run_path(const char *id) {
        return str_format("containers/%s", id);
}

int container_dir(Container *c) {
        autofree char *path = NULL;

        if (c->dir >= 0)
                return c->dir;
        path = str_format("containers/%s", c->id);
        if (!path)
                return -ENOMEM;
        c->dir = openat(c->home->data_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return c->dir < 0 ? -errno : c->dir;
}

int container_read_state(Container *c, Err *err) {
        autofree char *path = str_format("containers/%s/state.json", c->id), *text = NULL;
        size_t size;
        int r;

        json_clear(&container_state_type, &c->state);
        if (!path)
                return fail(err, ENOMEM, "cannot read the state of container '%s'", c->name);

        r = file_read(c->home->run_fd, path, 1 << 20, &text, &size);
        /* The last run's record is kept with the container once its run directory is gone. */
        if (r == -ENOENT)
                r = file_read(c->home->data_fd, path, 1 << 20, &text, &size);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return fail(err, r, "cannot read the state of container '%s'", c->name);
        return json_parse(&container_state_type, text, size, path, &c->state, err);
}

int container_write_state(const Container *c, Err *err) {
        autofree char *path = str_format("containers/%s/state.json", c->id);

        if (!path)
                return fail(err, ENOMEM, "cannot write the state of container '%s'", c->name);
        return json_save(&container_state_type, c->home->run_fd, path, &c->state, false, err);
}

/* True if the process is the one that was recorded, and not a later one with its number. */
static bool is_same_process(int pid, uint64_t start) {
        uint64_t now;

        return pid > 0 && process_start_time(pid, &now) >= 0 && now == start;
}

static bool claims_to_run(const Container *c) {
        return str_equal(c->state.status, "running") || str_equal(c->state.status, "restarting");
}

/* True if what state.json says of a running container is so. */
static bool is_truthful(const Container *c) {
        if (!str_equal(c->state.boot_id, boot_id()) ||
            !is_same_process(c->state.monitor_pid, c->state.monitor_start))
                return false;
        return str_equal(c->state.status, "restarting") ||
               is_same_process(c->state.pid, c->state.pid_start);
}

char *container_pause_mark(const Container *c) {
        return str_format("containers/%s/paused", c->id);
}

static bool is_paused(const Container *c) {
        autofree char *mark = container_pause_mark(c), *name = NULL;

        if (!mark || file_access(c->home->run_fd, mark, F_OK) < 0)
                return false;
        name = container_cgroup_name(c);
        return !str_empty(name) && cgroup_name_is_frozen(name) > 0;
}

ContainerStatus container_status(const Container *c) {
        if (!c->state.status)
                return CONTAINER_CREATED;
        for (ContainerStatus s = CONTAINER_CREATED; s <= CONTAINER_DEAD; s++)
                if (s != CONTAINER_RUNNING && str_equal(c->state.status, status_names[s]))
                        return s;
        return is_paused(c) ? CONTAINER_PAUSED : CONTAINER_RUNNING;
}

bool container_is_up(const Container *c) {
        switch (container_status(c)) {
        case CONTAINER_RUNNING:
        case CONTAINER_PAUSED:
        case CONTAINER_RESTARTING:
                return true;
        case CONTAINER_CREATED:
        case CONTAINER_EXITED:
        case CONTAINER_DEAD:
                break;
        }
        return false;
}

/* A pidfd of the process that was recorded; the check comes after, when its number is held. */
static int open_process(int pid, uint64_t start) {
        autoclose int pidfd = -EBADF;

        if (pid <= 0)
                return -ESRCH;
        pidfd = pidfd_open(pid, 0);
        if (pidfd < 0)
                return -errno;
        return is_same_process(pid, start) ? take_fd(pidfd) : -ESRCH;
}

int container_pidfd(const Container *c) {
        if (!str_equal(c->state.status, "running"))
                return -ESRCH;
        return open_process(c->state.pid, c->state.pid_start);
}

int container_monitor_pidfd(const Container *c) {
        if (!str_equal(c->state.boot_id, boot_id()))
                return -ESRCH;
        return open_process(c->state.monitor_pid, c->state.monitor_start);
}

int container_read_record(const Home *home, const char *id, Container **ret, Err *err) {
        autofree char *path = str_format("containers/%s/container.json", id), *text = NULL;
        autoptr(Container) c = calloc(1, sizeof *c);
        size_t size;
        int r;

        if (!c || !path)
                return fail(err, ENOMEM, "cannot load container %.12s", id);
        c->dir = -EBADF;
        r = file_read(home->data_fd, path, 16 << 20, &text, &size);
        /* An empty record is being written, or was when its maker was killed. */
        if (r == -ENOENT || (r >= 0 && size == 0))
                return -ENOENT;
        if (r < 0)
                return fail(err, r, "cannot read the record of container %.12s", id);
        r = json_parse(&container_type, text, size, path, c, err);
        c->dir = -EBADF;
        if (r < 0)
                return r;
        c->home = home;
        *ret = take_ptr(c);
        return 0;
}

int container_lock_record(Container *c, Container **ret, int *ret_lock, Err *err) {
        autoptr(Container) now = NULL;
        autoclose int lock = -EBADF;
        int dir = container_dir(c), r;

        lock = dir < 0 ? dir : lock_dir(dir, true);
        if (lock < 0)
                return fail(err, lock, "cannot lock container '%s'", c->name);
        r = container_read_record(c->home, c->id, &now, err);
        if (r == -ENOENT)
                return refuse(err, r, "container '%s' has just been removed", c->name);
        if (r < 0)
                return r;
        r = container_dir(now);
        if (r < 0)
                return fail(err, r, "cannot open container '%s'", c->name);
        *ret = take_ptr(now);
        *ret_lock = take_fd(lock);
        return 0;
}

static int load_record(const Home *home, const char *id, Container **ret, Err *err) {
        autoptr(Container) c = NULL;
        int r;

        r = container_read_record(home, id, &c, err);
        if (r >= 0)
                r = container_read_state(c, err);
        if (r < 0)
                return r;
        if (claims_to_run(c) && !is_truthful(c)) {
                r = container_settle(c, err);
                if (r < 0)
                        return r;
        }
        *ret = take_ptr(c);
        return 0;
}

/* Finds the one id that begins with text; -ENOENT, or -EEXIST if there are several. */
static int complete_id(const Home *home, const char *text, char **ret) {
        autostrv ids = NULL;
        const char *found = NULL;
        int r;

        r = dir_list(home->data_fd, "containers", &ids);
        if (r < 0)
                return r;
        strv_foreach(id, ids) {
                if (!str_after(*id, text))
                        continue;
                if (found)
                        return -EEXIST;
                found = *id;
        }
        if (!found)
                return -ENOENT;
        *ret = strdup(found);
        return *ret ? 0 : -ENOMEM;
}

int container_load(const Home *home, const char *name, Container **ret, Err *err) {
        autofree char *id = NULL;
        int r = -ENOENT;

        if (*name == '/')
                name++;
        if (strlen(name) == ID_LENGTH && id_is_prefix(name)) {
                r = load_record(home, name, ret, err);
                if (r != -ENOENT)
                        return r;
        }
        r = container_name_lookup(home, name, &id);
        if (r >= 0) {
                r = load_record(home, id, ret, err);
                /* A name that a rename which was killed has left, or has just taken. */
                if (r >= 0 && !str_equal((*ret)->name, name)) {
                        *ret = container_free(*ret);
                        r = -ENOENT;
                }
                if (r != -ENOENT)
                        return r;
                free(take_ptr(id));
        }
        if (r == -ENOENT && id_is_prefix(name))
                r = complete_id(home, name, &id);
        if (r == -EEXIST)
                return err_hint(
                        err,
                        refuse(err, EINVAL, "more than one container's id begins with '%s'", name),
                        "give more digits");
        if (r >= 0)
                r = load_record(home, id, ret, err);
        if (r == -ENOENT)
                return err_hint(err, refuse(err, ENOENT, "there is no container '%s'", name),
                                "'isola ps --all' lists the ones there are");
        if (r < 0 && err && !err->message)
                return fail(err, r, "cannot look for container '%s'", name);
        return r;
}

static int compare_age(const void *a, const void *b) {
        const Container *const *x = a, *const *y = b;

        return strcmp((*y)->created ? (*y)->created : "", (*x)->created ? (*x)->created : "");
}

/* A directory that never got its record, and whose maker is gone, is removed. */
static void remove_stillborn(const Home *home, const char *id) {
        autofree char *path = str_format("containers/%s", id);
        autoclose int dir = -EBADF, lock = -EBADF;
        struct stat st;

        if (!path)
                return;
        dir = openat(home->data_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir < 0)
                return;
        lock = lock_dir(dir, false);
        if (lock < 0 || (fstatat(dir, "container.json", &st, 0) == 0 && st.st_size > 0))
                return;
        log_debug("removing the unfinished container %.12s", id);
        (void) tree_remove(home->data_fd, path);
}

/* Appends a container to the list; damaged records are warned of and left out. */
static int list_add(const Home *home, const char *id, Container ***list, size_t *n) {
        autoerr err = {};
        Container *c = NULL, **slot;
        int r;

        r = load_record(home, id, &c, &err);
        if (r == -ENOENT) {
                remove_stillborn(home, id);
                return 0;
        }
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                log_warn("%s; leaving it out", err.message ? err.message : id);
                return 0;
        }
        slot = json_grow(list, n, sizeof **list);
        if (!slot) {
                container_free(c);
                return -ENOMEM;
        }
        *slot = c;
        return 0;
}

int container_list(const Home *home, bool all, Container ***ret, size_t *ret_n, Err *err) {
        autostrv ids = NULL;
        Container **list = NULL;
        size_t n = 0, kept = 0;
        int r;

        r = dir_list(all ? home->data_fd : home->run_fd, "containers", &ids);
        if (r < 0 && r != -ENOENT)
                return fail(err, r, "cannot list containers");

        strv_foreach(id, ids) {
                if (!id_is_prefix(*id) || strlen(*id) != ID_LENGTH) {
                        container_sweep_gone(home, *id);
                        continue;
                }
                r = list_add(home, *id, &list, &n);
                if (r < 0) {
                        container_list_free(list, n);
                        return fail(err, r, "cannot list containers");
                }
        }
        containers_sweep(home, list, n);
        if (all)
                container_names_sweep(home, n);
        for (size_t i = 0; i < n; i++) {
                if (all || claims_to_run(list[i]))
                        list[kept++] = list[i];
                else
                        container_free(list[i]);
        }
        if (list)
                qsort(list, kept, sizeof *list, compare_age);
        *ret = list;
        *ret_n = kept;
        return 0;
}
