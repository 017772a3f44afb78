/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/id.h"
#include "base/log.h"
#include "base/str.h"
#include "kernel/proc_stat.h"
#include "runtime/oci_container.h"
#include "runtime/oci_internal.h"
#include "runtime/place.h"

#define RECORD            "state.json"
#define REMOVE_TIMEOUT_MS 10000
/* Under this name a directory is made, and gets its own with its record in it, so that one without
 * a record is never taken for a container: ROOT may be a directory of other things, too. */
#define DRAFT ".new"

static const JsonField record_fields[] = {
        JSON_INT(OciRecord, version, "version", JSON_REQUIRED),
        JSON_STRING(OciRecord, oci_version, "ociVersion"),
        JSON_STRING(OciRecord, id, "id", JSON_REQUIRED),
        JSON_STRING(OciRecord, bundle, "bundle", JSON_REQUIRED),
        JSON_STRING(OciRecord, rootfs, "rootfs"),
        JSON_BOOL(OciRecord, complete, "complete", JSON_ALWAYS),
        JSON_STRING(OciRecord, boot_id, "bootId"),
        JSON_INT(OciRecord, pid, "pid", JSON_ALWAYS),
        JSON_U64(OciRecord, start_time, "startTime", JSON_ALWAYS),
        JSON_STRING(OciRecord, created, "created"),
        JSON_STRING(OciRecord, owner, "owner"),
        JSON_STRING(OciRecord, cgroup, "cgroup"),
        JSON_STRING(OciRecord, scope, "scope"),
        JSON_BOOL(OciRecord, unified, "unified"),
        JSON_BOOL(OciRecord, asks_agent, "asksAgent"),
        JSON_BOOL(OciRecord, late_hooks, "lateHooks"),
        JSON_PAIRS(OciRecord, annotations, "annotations"),
        {},
};
const JsonType oci_record_type = { sizeof(OciRecord), record_fields };

const char *oci_status_name(OciStatus status) {
        static const char *const names[] = { "creating", "created", "running", "paused",
                                             "stopped" };

        return names[status];
}

/* As runc's: letters, digits, and _ + - . */
int oci_check_id(const char *id, Err *err) {
        const char *c = id;

        while (isalnum((unsigned char) *c) || (*c && strchr("_+-.", *c)))
                c++;
        if (!*id || *c || *id == '.' || c - id > 255)
                return refuse(err, EINVAL,
                              "'%s' is not a container's id: letters, digits and _ + - . only, "
                              "not a dot in front",
                              id);
        return 0;
}

int oci_root_open(const char *path, Err *err) {
        autoclose int dir = dir_open(AT_FDCWD, path, 0700);
        struct stat st;

        if (dir < 0 || fstat(dir, &st) < 0)
                return fail(err, dir < 0 ? dir : errno, "cannot open the state directory '%s'",
                            path);
        if (st.st_uid != geteuid())
                return refuse(err, EPERM, "the state directory '%s' belongs to user %u, not to you",
                              path, st.st_uid);
        if (st.st_mode & 0022)
                return err_hint(err,
                                refuse(err, EPERM,
                                       "the state directory '%s' is writable by others (mode %04o)",
                                       path, st.st_mode & 07777),
                                "chmod go-w '%s' if it is yours", path);
        return take_fd(dir);
}

char *oci_seccomp_cache(int root) {
        return str_format("/proc/self/fd/%d/.seccomp", root);
}

OciContainer *oci_container_free(OciContainer *c) {
        if (c) {
                close_fd(c->dir);
                close_fd(c->notify);
                free(c->id);
                json_clear(&oci_record_type, &c->record);
                free(c);
        }
        return NULL;
}

int oci_record_save(const OciContainer *c, Err *err) {
        return json_save(&oci_record_type, c->dir, RECORD, &c->record, false, err);
}

int oci_container_new(int root, const char *id, OciContainer **ret) {
        autoptr(OciContainer) c = calloc(1, sizeof *c);

        if (!c)
                return -ENOMEM;
        c->root = root;
        c->dir = c->notify = -EBADF;
        c->id = strdup(id);
        if (!c->id)
                return -ENOMEM;
        *ret = take_ptr(c);
        return 0;
}

static int open_dir(OciContainer *c, const char *name) {
        c->dir = openat(c->root, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return c->dir < 0 ? -errno : 0;
}

/* With ROOT locked: a draft was left by a maker that is gone.  Nothing else can be in there. */
static int remove_draft(int root) {
        autostrv names = NULL;
        int r = dir_list(root, DRAFT, &names);

        if (r < 0)
                return r == -ENOENT ? 0 : r;
        strv_foreach(name, names) {
                char path[NAME_MAX + sizeof DRAFT + 1];

                if (!str_after(*name, RECORD))
                        return -ENOTEMPTY;
                (void) snprintf(path, sizeof path, DRAFT "/%s", *name);
                if (unlinkat(root, path, 0) < 0)
                        return -errno;
        }
        return unlinkat(root, DRAFT, AT_REMOVEDIR) < 0 ? -errno : 0;
}

static void sweep_draft(int root) {
        autoclose int root_lock = lock_dir(root, true);

        if (root_lock >= 0)
                (void) remove_draft(root);
}

static int make_draft(OciContainer *c, int *ret_lock, Err *err) {
        int r = mkdirat(c->root, DRAFT, 0711) < 0 ? -errno : 0;

        if (r == -EEXIST) {
                r = remove_draft(c->root);
                if (r >= 0 && mkdirat(c->root, DRAFT, 0711) < 0)
                        r = -errno;
        }
        if (r < 0)
                return r;
        c->dir = close_fd(c->dir); /* of an attempt before */
        r = open_dir(c, DRAFT);
        if (r >= 0)
                r = *ret_lock = lock_dir(c->dir, true);
        /* Nobody reads it before the directory has its name. */
        return r < 0 ? r : json_create(&oci_record_type, c->dir, RECORD, &c->record, err);
}

int oci_container_make(OciContainer *c, int *ret_lock, Err *err) {
        autoclose int root_lock = lock_dir(c->root, true);
        int r;

        if (root_lock < 0)
                return fail(err, root_lock, "cannot lock the state directory");
        r = make_draft(c, ret_lock, err);
        fault_point("oci.draft");
        if (r >= 0 && renameat(c->root, DRAFT, c->root, c->id) < 0)
                r = -errno;
        if (r >= 0)
                return 0;
        (void) remove_draft(c->root);
        if (r == -EEXIST || r == -ENOTEMPTY)
                return refuse(err, EEXIST, "container '%s' exists already", c->id);
        return err && err->message ? r
                                   : fail(err, r, "cannot make the state of container '%s'", c->id);
}

static int load(int root, const char *id, OciContainer **ret, Err *err) {
        autoptr(OciContainer) c = NULL;
        int r = oci_container_new(root, id, &c);

        if (r >= 0)
                r = open_dir(c, id);
        if (r < 0)
                return r;
        r = json_load(&oci_record_type, c->dir, RECORD, &c->record, err);
        if (r == -ENOENT && err)
                err_clear(err);
        if (r == -ENOENT)
                return r; /* a directory of somebody else's */
        if (r >= 0 && (c->record.version != OCI_RECORD_VERSION || !str_equal(c->record.id, id)))
                r = refuse(err, EINVAL, "it is not one of isola's for this id");
        if (r < 0)
                return err_prefix(err, r, "the record of container '%s' cannot be used", id);
        *ret = take_ptr(c);
        return 0;
}

/* With the container's lock held: nobody is at work on it. */
static int sweep(OciContainer *c, Err *err) {
        log_info("removing what is left of container '%s', whose creation was broken off", c->id);
        runtime_discard_held(c->dir, OCI_START_SOCKET);
        return oci_container_destroy(c, err);
}

/* 1 if it was left by a maker that is gone, and now is gone too; 0 if it is a container. */
static int sweep_if_dead(int root, const char *id, Err *err) {
        autoclose int root_lock = lock_dir(root, true), lock = -EBADF;
        autoptr(OciContainer) c = NULL;
        int r;

        if (root_lock < 0)
                return fail(err, root_lock, "cannot lock the state directory");
        r = load(root, id, &c, err);
        if (r < 0)
                return r == -ENOENT ? 1 : r;
        if (c->record.complete)
                return 0;
        lock = lock_dir(c->dir, false);
        if (lock < 0)
                return 0;
        r = sweep(c, err);
        return r < 0 ? r : 1;
}

int oci_container_open(int root, const char *id, OciContainer **ret, Err *err) {
        int r = oci_check_id(id, err);

        if (r < 0)
                return r;
        r = load(root, id, ret, err);
        if (r >= 0 && !(*ret)->record.complete) {
                r = sweep_if_dead(root, id, err);
                if (r != 0)
                        *ret = oci_container_free(*ret);
                if (r > 0)
                        r = -ENOENT;
        }
        if (r == -ENOENT)
                return refuse(err, ENOENT, "container '%s' does not exist", id);
        return r;
}

static int compare(const void *a, const void *b) {
        return strcmp((*(OciContainer *const *) a)->id, (*(OciContainer *const *) b)->id);
}

void oci_container_list_free(OciContainer **list, size_t n) {
        for (size_t i = 0; i < n; i++)
                oci_container_free(list[i]);
        free(list);
}

int oci_container_list(int root, OciContainer ***ret, size_t *ret_n, Err *err) {
        autostrv names = NULL;
        OciContainer **list;
        size_t n = 0;
        int r = dir_list(root, ".", &names);

        if (r < 0)
                return fail(err, r, "cannot list the state directory");
        list = calloc(strv_length(names) + 1, sizeof *list);
        if (!list)
                return fail(err, ENOMEM, "cannot list the containers");
        strv_foreach(name, names) {
                autoerr problem = {};

                if (str_equal(*name, DRAFT))
                        sweep_draft(root);
                if (**name == '.')
                        continue;
                r = oci_container_open(root, *name, &list[n], &problem);
                if (r >= 0)
                        n++;
                else if (r != -ENOENT)
                        log_warn("container '%s' is left out: %s", *name,
                                 problem.message ? problem.message : strerror(-r));
        }
        qsort(list, n, sizeof *list, compare);
        *ret = list;
        *ret_n = n;
        return 0;
}

int oci_container_lock(OciContainer *c, Err *err) {
        int lock = lock_dir(c->dir, true);

        if (lock < 0)
                return fail(err, lock, "cannot lock container '%s'", c->id);
        if (file_access(c->dir, RECORD, F_OK) < 0) {
                close_fd(lock);
                return refuse(err, ENOENT, "container '%s' does not exist", c->id);
        }
        return lock;
}

static bool lives(const OciContainer *c) {
        uint64_t start;

        return c->record.pid > 0 && str_equal(c->record.boot_id, boot_id()) &&
               process_start_time(c->record.pid, &start) == 0 && start == c->record.start_time;
}

int oci_container_pidfd(const OciContainer *c) {
        autoclose int pidfd = c->record.pid > 0 ? pidfd_open(c->record.pid, 0) : -EBADF;

        /* Looked at after it was opened: the number cannot have changed hands in between. */
        return pidfd >= 0 && lives(c) ? take_fd(pidfd) : -ESRCH;
}

static bool is_held(const OciContainer *c) {
        return file_access(c->dir, OCI_START_SOCKET, F_OK) == 0 &&
               runtime_is_held(c->dir, OCI_START_SOCKET) > 0;
}

OciStatus oci_container_status(const OciContainer *c) {
        if (!c->record.complete)
                return OCI_CREATING;
        if (!lives(c))
                return OCI_STOPPED;
        if (c->record.cgroup && cgroup_name_is_frozen(c->record.cgroup) > 0)
                return OCI_PAUSED; /* started or not */
        return is_held(c) ? OCI_CREATED : OCI_RUNNING;
}

int oci_container_state(const OciContainer *c, OciStatus status, OciState *ret, Err *err) {
        const OciRecord *r = &c->record;

        *ret = (OciState){ .pid = status == OCI_STOPPED || status == OCI_CREATING ? 0 : r->pid };
        if (str_set(&ret->oci_version, OCI_VERSION) < 0 || str_set(&ret->id, c->id) < 0 ||
            str_set(&ret->status, oci_status_name(status)) < 0 ||
            str_set(&ret->bundle, r->bundle) < 0 || str_set(&ret->rootfs, r->rootfs) < 0 ||
            str_set(&ret->created, r->created) < 0 || str_set(&ret->owner, r->owner) < 0 ||
            strv_copy(r->annotations, &ret->annotations) < 0) {
                json_clear(&oci_state_type, ret);
                return fail(err, ENOMEM, "cannot tell the state of container '%s'", c->id);
        }
        return 0;
}

static int remove_place(const OciContainer *c, Err *err) {
        const OciRecord *record = &c->record;
        autoptr(Cgroup) cgroup = NULL;

        if (!record->cgroup)
                return 0;
        /* Whose maker was killed may have died before it saw that somebody else is in there; all
         * that was its own dies with it, and a scope goes with its last process. */
        if (!record->complete) {
                (void) place_remove(record->cgroup, NULL, REMOVE_TIMEOUT_MS, NULL);
                return 0;
        }
        /* Mostly it is empty by now. */
        if (record->unified && place_remove_unified(record->cgroup) >= 0)
                return 0;
        if (!record->scope && place_remove(record->cgroup, NULL, 0, NULL) >= 0)
                return 0;
        if (cgroup_open(record->cgroup, &cgroup) >= 0)
                (void) cgroup_kill(cgroup, SIGKILL);
        return place_remove(record->cgroup, record->scope, REMOVE_TIMEOUT_MS, err);
}

/* The record goes last: an empty directory is in nobody's way, see oci_container_make(). */
static int remove_dir(const OciContainer *c) {
        autostrv names = NULL;
        int r = dir_list_open(c->dir, &names);

        strv_foreach(name, names)
                if (r >= 0 && !str_equal(*name, RECORD))
                        r = tree_remove(c->dir, *name);
        if (r >= 0 && unlinkat(c->dir, RECORD, 0) < 0 && errno != ENOENT)
                r = -errno;
        if (r >= 0 && unlinkat(c->root, c->id, AT_REMOVEDIR) < 0 && errno != ENOENT)
                r = -errno;
        return r;
}

int oci_container_destroy(OciContainer *c, Err *err) {
        int r = remove_place(c, err);

        if (r < 0)
                return err_prefix(err, r, "cannot remove container '%s'", c->id);
        r = remove_dir(c);
        return r < 0 ? fail(err, r, "cannot remove the state of container '%s'", c->id) : 0;
}
