/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Making a container of a bundle
 *
 * In an order in which a maker that is killed at any moment leaves what the next
 * command can find: first a record that names the cgroup and says "not complete",
 * then the cgroup, then the process, which dies with its maker until all is
 * written down.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/id.h"
#include "base/str.h"
#include "kernel/proc_stat.h"
#include "kernel/process.h"
#include "oci/spec_check.h"
#include "runtime/notify.h"
#include "runtime/oci_internal.h"
#include "runtime/place.h"
#include "runtime/strict.h"

/* Everything of a container in the making; what was not kept is undone. */
typedef struct Making {
        const OciCreate *in;
        const OciSpec *spec;
        OciContainer *c;
        int lock, socket;
        Cgroup *cgroup;
        OciReport report;
        Runtime *runtime;
        bool spawned; /* far enough for hooks that undo what others have done */
} Making;

static void making_clear(Making *m) {
        m->runtime = runtime_free(m->runtime);
        m->cgroup = cgroup_free(m->cgroup);
        if (m->c && !m->c->record.complete) {
                (void) oci_container_destroy(m->c, NULL);
                if (m->spawned)
                        (void) oci_hooks_run(m->c, m->spec, HOOK_POSTSTOP, OCI_STOPPED, NULL);
        }
        m->c = oci_container_free(m->c);
        oci_report_close(&m->report);
        close_fd(m->socket);
        close_fd(m->lock);
}
#define automaking __attribute__((__cleanup__(making_clear))) Making

static int check_terminal(const OciCreate *in, bool hold, Err *err) {
        bool terminal = in->bundle->spec->process->terminal;

        if (terminal && (hold || in->detached) && !in->console_socket)
                return err_hint(err,
                                refuse(err, EINVAL,
                                       "the container wants a terminal, and nobody would hold it"),
                                "give --console-socket, or set process.terminal to false");
        if (in->console_socket && !terminal)
                return refuse(err, EINVAL,
                              "a console socket is of no use to a container without a terminal");
        return 0;
}

static int check_free(int root, const Making *m, Err *err) {
        autoptr(OciContainer) other = NULL;
        int r = oci_container_open(root, m->in->id, &other, err);

        if (r >= 0)
                return refuse(err, EEXIST, "container '%s' exists already", m->in->id);
        if (r != -ENOENT)
                return r;
        if (err)
                err_clear(err);
        return 0;
}

static int name_place(Making *m, Err *err) {
        OciRecord *record = &m->c->record;
        char realm[32] = "default";
        struct stat st;

        if (m->in->manager == OCI_NO_CGROUP)
                return 0;
        /* Another state directory may have a container of the same id. */
        if (fstat(m->c->root, &st) == 0)
                (void) snprintf(realm, sizeof realm, "%jx", (uintmax_t) st.st_ino);
        return place_name(m->spec, realm, m->in->id, m->in->manager == OCI_SYSTEMD, &record->cgroup,
                          &record->scope, err);
}

static int fill_record(Making *m, Err *err) {
        const Bundle *b = m->in->bundle;
        OciRecord *record = &m->c->record;

        record->version = OCI_RECORD_VERSION;
        record->created = clock_rfc3339(clock_now_ns());
        record->owner = geteuid() == 0 ? strdup("root") : str_format("#%u", geteuid());
        record->late_hooks = oci_has_late_hooks(b->spec);
        record->asks_agent = b->spec->linux_ && b->spec->linux_->seccomp &&
                             b->spec->linux_->seccomp->listener_path;
        if (!record->created || !record->owner ||
            str_set(&record->oci_version, b->spec->oci_version) < 0 ||
            str_set(&record->id, m->in->id) < 0 || str_set(&record->bundle, b->path) < 0 ||
            str_set(&record->rootfs, b->spec->root_path) < 0 ||
            str_set(&record->boot_id, boot_id()) < 0 ||
            strv_copy(b->spec->annotations, &record->annotations) < 0)
                return fail(err, ENOMEM, "cannot make container '%s'", m->in->id);
        return name_place(m, err);
}

static int take_id(int root, Making *m, Err *err) {
        int r = oci_container_new(root, m->in->id, &m->c);

        if (r < 0)
                return fail(err, r, "cannot make container '%s'", m->in->id);
        r = fill_record(m, err);
        if (r >= 0)
                r = oci_container_make(m->c, &m->lock, err);
        /* What is there may be left of a maker that is gone: then it is out of the way now. */
        if (r == -EEXIST) {
                if (err)
                        err_clear(err);
                m->lock = close_fd(m->lock);
                r = check_free(root, m, err);
                if (r >= 0)
                        r = oci_container_make(m->c, &m->lock, err);
        }
        if (r < 0)
                m->c = oci_container_free(m->c); /* there is nothing to undo */
        return r;
}

static int keep_config(Making *m, Err *err) {
        const Bundle *b = m->in->bundle;
        int r = file_create(m->c->dir, "config.json", b->config, b->size, 0600);

        return r < 0 ? fail(err, r, "cannot keep the configuration of container '%s'", m->in->id)
                     : 0;
}

static int make_cgroup(Making *m, Err *err) {
        OciRecord *record = &m->c->record;
        int r;

        if (!record->cgroup)
                return 0;
        r = place_make(m->spec, m->in->id, record->cgroup, record->scope, &m->cgroup, err);
        if (m->cgroup)
                return 0;
        /* There is none, or it is somebody else's: neither may be taken away with ours. */
        free(take_ptr(record->cgroup));
        free(take_ptr(record->scope));
        return r;
}

static int spawn(Making *m, bool hold, Err *err) {
        const RuntimeAgent agent = runtime_agent(m->spec, m->in->id, m->in->bundle->path);
        autofree char *cache = oci_seccomp_cache(m->c->root);
        autohookoutput output = { -EBADF, -EBADF };
        autoptr(SeccompFilter) strict = NULL;
        RuntimeOptions options = {
                .root = { .path = m->spec->root_path, .as_is = true },
                .bundle = m->in->bundle->path,
                .cgroup = m->cgroup,
                .seccomp_cache = cache,
                .agent = &agent,
                .stdio = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO },
                .hold = hold,
                .start_socket = m->socket,
                .maker_lock = m->lock,
                .preserve_fds = m->in->preserve_fds,
                .keep_keyring = m->in->keep_keyring,
                .no_pivot = m->in->no_pivot,
                .loopback = true,
                .hook_output = &output,
                .landlock = strict_walls(m->spec),
        };
        OciState state;
        int r = annotations_open_output(m->spec, &output, err);

        if (r >= 0)
                r = strict_filter(m->spec, m->spec->process, &options.seccomp, &strict, err);
        if (r >= 0)
                r = oci_container_state(m->c, OCI_CREATING, &state, err);
        if (r < 0)
                return r;
        options.state = &state;
        m->spawned = true;
        r = runtime_spawn(m->spec, &options, &m->runtime, err);
        json_clear(&oci_state_type, &state);
        fault_point("oci.spawned");
        if (r >= 0 && hold)
                r = runtime_hold(m->runtime, err);
        return r;
}

/* The process is there: from here on, it is a container. */
static int complete(Making *m, Err *err) {
        OciRecord *record = &m->c->record;
        int r;

        record->pid = runtime_pid(m->runtime);
        r = process_start_time(record->pid, &record->start_time);
        if (r < 0)
                return runtime_reason(m->runtime, fail(err, r, "the container's process has ended"),
                                      err);
        r = oci_report_pid(&m->report, record->pid, runtime_pidfd(m->runtime), err);
        if (r < 0)
                return r;
        record->unified = m->cgroup && !record->scope && cgroup_is_in_v2_alone(m->cgroup);
        record->complete = true;
        r = oci_record_save(m->c, err);
        if (r < 0)
                record->complete = false;
        fault_point("oci.recorded");
        return r;
}

static int prepare(int root, Making *m, bool hold, Err *err) {
        const OciReportPaths paths = { m->in->pid_file, m->in->console_socket,
                                       m->in->pidfd_socket };
        int r = oci_spec_check(m->spec, err);

        if (r >= 0)
                r = annotations_check(m->spec, err);
        if (r >= 0)
                r = process_check_pidfds(err); /* before there is something that cannot be ended */
        if (r >= 0)
                r = check_terminal(m->in, hold, err);
        if (r >= 0)
                r = oci_report_open(&paths, &m->report, err);
        if (r >= 0)
                r = take_id(root, m, err);
        fault_point("oci.begun");
        if (r >= 0)
                r = keep_config(m, err);
        if (r >= 0)
                r = notify_prepare(m->c, m->in->bundle->spec, err);
        if (r >= 0 && !hold)
                r = notify_listen(m->c, err);
        if (r >= 0 && hold) {
                m->socket = runtime_start_socket(m->c->dir, OCI_START_SOCKET, err);
                r = m->socket < 0 ? m->socket : 0;
        }
        if (r >= 0)
                r = make_cgroup(m, err);
        fault_point("oci.cgroup");
        return r;
}

#define MAKING(in)                                                                      \
        {                                                                               \
                (in), (in)->bundle->spec, .lock = -EBADF, .socket = -EBADF, .report = { \
                        -EBADF,                                                         \
                        NULL,                                                           \
                        -EBADF,                                                         \
                        -EBADF                                                          \
                }                                                                       \
        }

int oci_create(int root, const OciCreate *in, Err *err) {
        automaking m = MAKING(in);
        int r = oci_check_id(in->id, err);

        if (r >= 0)
                r = prepare(root, &m, true, err);
        if (r >= 0)
                r = spawn(&m, true, err);
        if (r >= 0) {
                autoclose int console = runtime_take_console(m.runtime);

                r = oci_report_console(&m.report, console, err);
        }
        if (r >= 0)
                r = complete(&m, err);
        if (r < 0)
                return r;
        r = runtime_release(m.runtime, err);
        if (r < 0)
                m.c->record.complete = false; /* undone with the rest */
        return r;
}

int oci_run(int root, const OciCreate *in, OciContainer **ret, Runtime **ret_runtime, Err *err) {
        automaking m = MAKING(in);
        int r = oci_check_id(in->id, err);

        if (r >= 0)
                r = prepare(root, &m, false, err);
        if (r >= 0)
                r = spawn(&m, false, err);
        if (r >= 0)
                r = complete(&m, err);
        if (r < 0)
                return r;
        r = runtime_start(m.runtime, err);
        if (r >= 0 && in->console_socket) {
                autoclose int console = runtime_take_console(m.runtime);

                r = oci_report_console(&m.report, console, err);
        }
        if (r >= 0)
                r = oci_hooks_run(m.c, m.spec, HOOK_POSTSTART, OCI_RUNNING, err);
        if (r < 0) {
                process_kill_and_reap(runtime_pidfd(m.runtime));
                m.c->record.complete = false;
                return r;
        }
        *ret = take_ptr(m.c);
        *ret_runtime = take_ptr(m.runtime);
        return 0;
}
