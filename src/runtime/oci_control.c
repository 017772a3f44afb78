/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What is done to a container that is there: start, kill, pause, delete. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>

#include "base/fault.h"
#include "base/log.h"
#include "base/str.h"
#include "runtime/oci_internal.h"
#include "runtime/place.h"

#define END_TIMEOUT_MS    10000
#define FREEZE_TIMEOUT_MS 10000

/* The configuration is read only where it still says something: agent and hooks. */
static int load_spec(const OciContainer *c, OciSpec **ret, Err *err) {
        return c->record.asks_agent || c->record.late_hooks
                       ? bundle_load_kept(c->dir, c->record.bundle, ret, err)
                       : 0;
}

static RuntimeAgent agent_of(const OciContainer *c, const OciSpec *spec) {
        RuntimeAgent agent = {};

        if (c->record.asks_agent) {
                agent = runtime_agent(spec, c->id, c->record.bundle);
                agent.init = c->record.pid;
                agent.status = oci_status_name(OCI_CREATED);
        }
        return agent;
}

static Cgroup *open_cgroup(const OciContainer *c) {
        Cgroup *cgroup = NULL;

        if (c->record.cgroup)
                (void) cgroup_open(c->record.cgroup, &cgroup);
        return cgroup;
}

/* It need not be a child of ours, so its end is waited for by its pidfd. */
static int end_process(const OciContainer *c, Err *err) {
        autoclose int pidfd = oci_container_pidfd(c);
        struct pollfd p = { .fd = pidfd, .events = POLLIN };

        if (pidfd < 0)
                return 0;
        if (pidfd_send_signal(pidfd, SIGKILL, NULL, 0) < 0 && errno != ESRCH)
                return fail(err, errno, "cannot kill container '%s'", c->id);
        if (c->record.cgroup && cgroup_name_is_frozen(c->record.cgroup) > 0) {
                autoptr(Cgroup) cgroup = open_cgroup(c);

                if (cgroup)
                        (void) cgroup_freeze(cgroup, false, 0);
        }
        if (poll(&p, 1, END_TIMEOUT_MS) == 0)
                return refuse(err, ETIMEDOUT,
                              "container '%s' has not ended within %d s of being killed", c->id,
                              END_TIMEOUT_MS / 1000);
        return 0;
}

int oci_start(OciContainer *c, Err *err) {
        autoclose int lock = oci_container_lock(c, err);
        autoptr(OciSpec) spec = NULL;
        RuntimeAgent agent;
        OciStatus status;
        int r;

        if (lock < 0)
                return lock;
        status = oci_container_status(c);
        if (status != OCI_CREATED)
                return refuse(err, EBUSY, "cannot start container '%s': it is %s, not created",
                              c->id, oci_status_name(status));
        r = load_spec(c, &spec, err);
        if (r < 0)
                return r;
        agent = agent_of(c, spec);
        r = runtime_start_held(c->dir, OCI_START_SOCKET, &agent, err);
        fault_point("oci.started");
        if (r < 0)
                return r;
        (void) unlinkat(c->dir, OCI_START_SOCKET, 0);
        if (spec)
                r = oci_hooks_run(c, spec, HOOK_POSTSTART, OCI_RUNNING, err);
        if (r < 0)
                (void) end_process(c, NULL);
        return r;
}

int oci_kill(OciContainer *c, int signal, bool all, Err *err) {
        autoptr(Cgroup) cgroup = all ? open_cgroup(c) : NULL;
        autoclose int pidfd = -EBADF;

        if (cgroup) {
                int r = cgroup_kill(cgroup, signal);

                return r < 0 ? fail(err, r, "cannot signal the processes of container '%s'", c->id)
                             : 0;
        }
        if (all)
                log_warn("container '%s' has no cgroup: only its first process is signalled",
                         c->id);
        pidfd = oci_container_pidfd(c);
        if (pidfd < 0)
                return refuse(err, ESRCH, "cannot signal container '%s': container not running",
                              c->id);
        if (pidfd_send_signal(pidfd, signal, NULL, 0) < 0)
                return errno == ESRCH
                               ? refuse(err, ESRCH,
                                        "cannot signal container '%s': container not running",
                                        c->id)
                               : fail(err, errno, "cannot signal container '%s'", c->id);
        return 0;
}

int oci_pause(OciContainer *c, bool paused, Err *err) {
        autoclose int lock = oci_container_lock(c, err);
        autoptr(Cgroup) cgroup = NULL;
        OciStatus status;
        int r;

        if (lock < 0)
                return lock;
        status = oci_container_status(c);
        if (paused ? status != OCI_RUNNING && status != OCI_CREATED : status != OCI_PAUSED)
                return refuse(err, EBUSY, "cannot %s container '%s': it is %s",
                              paused ? "pause" : "resume", c->id, oci_status_name(status));
        cgroup = open_cgroup(c);
        if (!cgroup)
                return refuse(err, ENOENT, "container '%s' has no cgroup to freeze it with", c->id);
        r = cgroup_freeze(cgroup, paused, FREEZE_TIMEOUT_MS);
        return r < 0 ? fail(err, r, "cannot %s container '%s'", paused ? "pause" : "resume", c->id)
                     : 0;
}

/* A new limit may take it into hierarchies of version 1, from which it is to be removed as well. */
static int expect_v1(OciContainer *c, Err *err) {
        if (!c->record.unified || cgroup_layout() == CGROUP_UNIFIED)
                return 0;
        c->record.unified = false;
        return oci_record_save(c, err);
}

int oci_update(OciContainer *c, const OciResources *resources, Err *err) {
        autoclose int lock = oci_container_lock(c, err);
        int r;

        if (lock < 0)
                return lock;
        if (oci_container_status(c) == OCI_STOPPED)
                return refuse(err, ESRCH, "cannot update container '%s': container not running",
                              c->id);
        if (!c->record.cgroup)
                return refuse(err, ENODEV, "container '%s' has no cgroup that could limit it",
                              c->id);
        r = expect_v1(c, err);
        if (r >= 0)
                r = place_update(c->record.cgroup, c->record.scope, resources, err);
        return r < 0 ? err_prefix(err, r, "cannot update container '%s'", c->id) : 0;
}

int oci_delete(OciContainer *c, bool force, Err *err) {
        autoclose int lock = oci_container_lock(c, err);
        autoptr(OciSpec) spec = NULL;
        OciStatus status;
        int r;

        if (lock < 0)
                return lock;
        status = force ? OCI_STOPPED : oci_container_status(c);
        if (status != OCI_STOPPED && status != OCI_CREATED)
                return err_hint(err,
                                refuse(err, EBUSY, "cannot delete container '%s': it is %s", c->id,
                                       oci_status_name(status)),
                                "kill it first, or use --force");
        r = end_process(c, err);
        if (r < 0)
                return r;
        fault_point("oci.ended");
        if (c->record.late_hooks) {
                r = bundle_load_kept(c->dir, c->record.bundle, &spec, err);
                if (r < 0)
                        return r;
        }
        r = oci_container_destroy(c, err);
        return r < 0 || !spec ? r : oci_hooks_run(c, spec, HOOK_POSTSTOP, OCI_STOPPED, err);
}
