/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Which namespaces a container gets, shares or leaves to the host
 *
 * The owner of a namespace is a user namespace, and only a process with rights
 * there may mount its proc or sysfs.  A container that shares another one's
 * network, processes or IPC therefore shares that one's user namespace as well.
 */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "engine/own_network.h"
#include "engine/spec.h"
#include "engine/spec_internal.h"
#include "kernel/proc_stat.h"

bool container_has_userns(const Container *c) {
        return !c->host.privileged && !str_equal(c->host.userns_mode, "host");
}

bool container_has_netns(const Container *c) {
        return !str_equal(c->host.network_mode, "host");
}

const char *container_network(const Container *c) {
        const char *mode = c->host.network_mode;

        return str_equal(mode, "host") || str_equal(mode, "none") || container_joins_netns(c) ||
                               own_network_is(mode)
                       ? NULL
                       : mode;
}

bool container_joins_netns(const Container *c) {
        const char *mode = c->host.network_mode;

        return mode && (str_after(mode, "container:") || str_after(mode, "process:"));
}

static int add(OciSpec *spec, const char *type, const char *path) {
        OciLinux *l = spec->linux_;
        OciNamespace *ns = json_grow(&l->namespaces, &l->n_namespaces, sizeof *ns);

        if (!ns)
                return -ENOMEM;
        ns->type = strdup(type);
        ns->path = path ? strdup(path) : NULL;
        return !ns->type || (path && !ns->path) ? -ENOMEM : 0;
}

/* The namespace file of the process behind "process:PID:START", if it is still the same. */
static int process_path(const char *process, const char *file, char **ret, Err *err) {
        const char *colon = strchr(process, ':');
        autofree char *number = colon ? strndup(process, (size_t) (colon - process)) : NULL;
        uint64_t start, now;
        int pid;

        if (!number || parse_int(number, 1, INT32_MAX, &pid) < 0 ||
            parse_u64(colon + 1, &start) < 0)
                return refuse(err, EINVAL,
                              "'%s' is not PID:START, the start in ticks as in "
                              "/proc/PID/stat",
                              process);
        if (process_start_time(pid, &now) < 0 || now != start)
                return refuse(err, ESRCH, "the process whose network it has, %d, has ended", pid);
        *ret = str_format("/proc/%d/ns/%s", pid, file);
        return *ret ? 0 : fail(err, ENOMEM, "cannot share with process %d", pid);
}

/* Finds the running container behind "container:NAME" and its namespace file. */
static int peer_path(const Container *c, const char *peer, const char *file, char **ret, Err *err) {
        const char *process = str_after(peer, "process:");
        autoptr(Container) other = NULL;
        autoclose int pidfd = -EBADF;
        int r;

        if (process)
                return process_path(process, file, ret, err);
        r = container_load(c->home, peer, &other, err);
        if (r < 0)
                return r;
        pidfd = container_pidfd(other);
        if (pidfd < 0)
                return err_hint(err,
                                refuse(err, ESRCH,
                                       "cannot share with container '%s': it is not running", peer),
                                "start it first: isola start %s", peer);
        *ret = str_format("/proc/%d/ns/%s", other->state.pid, file);
        return *ret ? 0 : fail(err, ENOMEM, "cannot share with container '%s'", peer);
}

/* Adds one kind by its mode: "" or "private" a new one, "host" none, "container:X" X's. */
static int add_by_mode(const Container *c, OciSpec *spec, const char *type, const char *file,
                       const char *mode, const char **peer, Err *err) {
        autofree char *path = NULL;
        const char *other = str_after(mode, "container:");
        int r;

        if (str_after(mode, "process:") && str_equal(type, "network"))
                other = mode;

        if (str_equal(mode, "host"))
                return 0;
        if (other) {
                r = peer_path(c, other, file, &path, err);
                if (r < 0)
                        return r;
                *peer = other;
        } else if (!str_empty(mode) && !str_equal(mode, "private") && !str_equal(mode, "shareable"))
                return err_hint(
                        err,
                        refuse(err, EINVAL, "'%s' is not a mode for the %s namespace", mode, type),
                        "use host, private or container:NAME");
        return add(spec, type, path) < 0
                       ? fail(err, ENOMEM, "cannot set up container '%s'", c->name)
                       : 0;
}

static int add_user(const Container *c, OciSpec *spec, const char *peer, Err *err) {
        autofree char *path = NULL;
        int r;

        if (!container_has_userns(c))
                return 0;
        if (peer) {
                r = peer_path(c, peer, "user", &path, err);
                if (r < 0)
                        return r;
        }
        return add(spec, "user", path) < 0
                       ? fail(err, ENOMEM, "cannot set up container '%s'", c->name)
                       : 0;
}

int setup_namespaces(const Container *c, OciSpec *spec, Err *err) {
        const HostConfig *h = &c->host;
        const char *peer = NULL, *network = container_joins_netns(c) ? h->network_mode
                                            : container_has_netns(c) ? ""
                                                                     : "host";
        int r;

        r = add_by_mode(c, spec, "network", "net", network, &peer, err);
        if (r >= 0)
                r = add_by_mode(c, spec, "pid", "pid", h->pid_mode, &peer, err);
        if (r >= 0)
                r = add_by_mode(c, spec, "ipc", "ipc", h->ipc_mode, &peer, err);
        if (r >= 0)
                r = add_by_mode(c, spec, "uts", "uts", h->uts_mode, &peer, err);
        if (r >= 0)
                r = add_by_mode(c, spec, "cgroup", "cgroup", h->cgroupns_mode, &peer, err);
        if (r >= 0)
                r = add_user(c, spec, peer, err);
        if (r < 0)
                return r;
        /* Without CONFIG_TIME_NS the clocks are the host's, as they would be in a new one. */
        if (add(spec, "mount", NULL) < 0 ||
            (access("/proc/self/ns/time", F_OK) == 0 && add(spec, "time", NULL) < 0))
                return fail(err, ENOMEM, "cannot set up container '%s'", c->name);
        return 0;
}
