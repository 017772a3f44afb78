/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "oci/spec_check.h"
#include "runtime/oci_internal.h"

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
        return 0;
}

int oci_exec(OciContainer *c, const OciExec *in, int *ret_pidfd, int *ret_console, Err *err) {
        RuntimeExec exec = { .process = in->process,
                             .stdio = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO },
                             .preserve_fds = in->preserve_fds };
        autoclose int target = -EBADF, pidfd = -EBADF, console = -EBADF;
        autofree char *cache = oci_seccomp_cache(c->root);
        OciReport report = { -EBADF, NULL, -EBADF };
        autoptr(SeccompFilter) seccomp = NULL;
        const OciSpec *spec = in->spec;
        autoptr(Cgroup) cgroup = NULL;
        RuntimeAgent agent;
        pid_t pid;
        int r;

        r = check_running(c, in->ignore_paused, err);
        if (r >= 0)
                r = oci_process_check(in->process, err);
        if (r >= 0 && spec->linux_ && spec->linux_->seccomp)
                r = runtime_seccomp(spec->linux_->seccomp, cache, &seccomp, err);
        if (r >= 0)
                r = open_cgroup(c, in->cgroup, &cgroup, err);
        if (r < 0)
                return r;
        target = oci_container_pidfd(c);
        if (target < 0)
                return refuse(err, ESRCH, "cannot execute in container '%s': container not running",
                              c->id);
        r = oci_report_open(in->pid_file, in->console_socket, &report, err);
        if (r < 0)
                return r;

        exec.pidfd = target;
        exec.spec = spec;
        exec.cgroup = cgroup;
        exec.seccomp = seccomp;
        agent = runtime_agent(spec, c->id, c->record.bundle);
        agent.init = c->record.pid;
        agent.status = oci_status_name(OCI_RUNNING);
        exec.agent = &agent;
        r = runtime_exec(&exec, &pid, &pidfd, &console, err);
        if (r >= 0)
                r = oci_report_pid(&report, pid, err);
        if (r >= 0 && in->console_socket) {
                r = oci_report_console(&report, console, err);
                console = close_fd(console);
        }
        oci_report_close(&report);
        if (r < 0)
                return r;
        *ret_pidfd = take_fd(pidfd);
        *ret_console = take_fd(console);
        return 0;
}
