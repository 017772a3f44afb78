/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "oci/spec_check.h"
#include "runtime/oci_internal.h"
#include "runtime/scope.h"
#include "runtime/strict.h"

static int check_running(const OciContainer *c, bool ignore_paused, Err *err) {
        OciStatus status = oci_container_status(c);

        if (status == OCI_RUNNING || status == OCI_CREATED ||
            (status == OCI_PAUSED && ignore_paused))
                return 0;
        return refuse(err, EBUSY, "cannot execute in container '%s': it is %s", c->id,
                      oci_status_name(status));
}

static int open_cgroup(const OciContainer *c, const char *below, Cgroup **ret, Err *err) {
        autofree char *name = NULL, *clean = NULL;
        int r;

        if (!c->record.cgroup)
                return 0;
        /* "..", too, stays below. */
        r = below ? cgroup_clean_path(below, &clean) : 0;
        if (r < 0)
                return refuse(err, r, "'%s' is not a cgroup below the container's", below);
        name = below ? str_format("%s/%s", c->record.cgroup, clean) : strdup(c->record.cgroup);
        r = name ? cgroup_open(name, ret) : -ENOMEM;
        if (r >= 0 && !below)
                r = cgroup_follow(*ret, c->record.pid);
        if (r < 0)
                return refuse(err, r, "cannot open the cgroup '%s' of container '%s'",
                              name ? name : "", c->id);
        scope_reach(*ret);
        return 0;
}

/* The filter of system calls: the container's, or what its annotations want; @ret: NULL for none.
 */
static int make_filter(const OciContainer *c, const OciExec *in, const SeccompFilter **ret,
                       SeccompFilter **ret_own, Err *err) {
        const OciLinux *l = in->spec->linux_;
        autofree char *cache = oci_seccomp_cache(c->root);
        int r;

        if (!l || !l->seccomp)
                return strict_filter(in->spec, in->process, ret, ret_own, err);
        r = runtime_seccomp(l->seccomp, cache, ret_own, err);
        *ret = *ret_own;
        return r;
}

static RuntimeAgent agent_of(const OciContainer *c, const OciSpec *spec) {
        RuntimeAgent agent = runtime_agent(spec, c->id, c->record.bundle);

        agent.init = c->record.pid;
        agent.status = oci_status_name(OCI_RUNNING);
        return agent;
}

/* Tells the caller what it wants to know; a terminal that is handed over is not ours any more. */
static int report(const OciReport *report, const OciExec *in, pid_t pid, int pidfd, int *console,
                  Err *err) {
        int r = oci_report_pid(report, pid, pidfd, err);

        if (r >= 0 && in->console_socket) {
                r = oci_report_console(report, *console, err);
                *console = close_fd(*console);
        }
        return r;
}

static int execute(OciContainer *c, const OciExec *in, RuntimeExec *exec, int *ret_pidfd,
                   int *ret_console, Err *err) {
        const OciReportPaths paths = { in->pid_file, in->console_socket, in->pidfd_socket };
        const RuntimeAgent agent = agent_of(c, in->spec);
        autoclose int target = oci_container_pidfd(c), pidfd = -EBADF, console = -EBADF;
        OciReport wanted;
        pid_t pid;
        int r;

        if (target < 0)
                return refuse(err, ESRCH, "cannot execute in container '%s': container not running",
                              c->id);
        r = oci_report_open(&paths, &wanted, err);
        if (r < 0)
                return r;
        exec->pidfd = target;
        exec->agent = &agent;
        r = runtime_exec(exec, &pid, &pidfd, &console, err);
        if (r >= 0)
                r = report(&wanted, in, pid, pidfd, &console, err);
        oci_report_close(&wanted);
        if (r < 0)
                return r;
        *ret_pidfd = take_fd(pidfd);
        *ret_console = take_fd(console);
        return 0;
}

int oci_exec(OciContainer *c, const OciExec *in, int *ret_pidfd, int *ret_console, Err *err) {
        RuntimeExec exec = { .process = in->process,
                             .spec = in->spec,
                             .landlock = strict_walls(in->spec),
                             .stdio = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO },
                             .preserve_fds = in->preserve_fds };
        autoptr(SeccompFilter) seccomp = NULL;
        autoptr(Cgroup) cgroup = NULL;
        int r;

        r = check_running(c, in->ignore_paused, err);
        if (r >= 0)
                r = oci_process_check(in->process, err);
        if (r >= 0)
                r = make_filter(c, in, &exec.seccomp, &seccomp, err);
        if (r >= 0)
                r = open_cgroup(c, in->cgroup, &cgroup, err);
        exec.cgroup = cgroup;
        return r < 0 ? r : execute(c, in, &exec, ret_pidfd, ret_console, err);
}
