/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/str.h"
#include "kernel/process.h"
#include "runtime/scope.h"

#define SUFFIX ".scope"

/* A process that waits in a new scope until the container's own is there. */
static int make_keeper(pid_t *ret_pid, int *ret_pidfd, Err *err) {
        pid_t parent = getpid();
        pid_t pid = process_clone(0, -EBADF, ret_pidfd);

        if (pid < 0)
                return fail(err, pid, "cannot make a process");
        if (pid == 0) {
                (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
                (void) prctl(PR_SET_NAME, "isola-keeper");
                process_close_range(0, ~0u);
                while (getppid() == parent)
                        pause();
                _exit(0);
        }
        *ret_pid = pid;
        return 0;
}

static int start_with_keeper(const SystemdScope *scope, int *ret_keeper, Err *err) {
        autoclose int keeper = -EBADF;
        SystemdScope start = *scope;
        int r = make_keeper(&start.pid, &keeper, err);

        if (r < 0)
                return r;
        r = systemd_start_scope(&start, err);
        if (r < 0) {
                process_kill_and_reap(keeper);
                return r;
        }
        *ret_keeper = take_fd(keeper);
        return 0;
}

int scope_make(const SystemdScope *scope, const char *path, Cgroup **ret, Err *err) {
        autoptr(Cgroup) c = NULL;
        int keeper = -EBADF, r;

        r = start_with_keeper(scope, &keeper, err);
        if (r < 0)
                return r;
        r = cgroup_adopt(path, CGROUP_ALL_CONTROLLERS | CGROUP_NAMED | CGROUP_INHABITED,
                         scope->limits, &c, err);
        if (r < 0) {
                process_kill_and_reap(keeper);
                close_fd(keeper);
                (void) systemd_stop_scope(scope->unit, NULL);
                return r;
        }
        cgroup_set_keeper(c, keeper);
        scope_reach(c);
        *ret = take_ptr(c);
        return 0;
}

char *scope_of(const char *path, const char **ret_below) {
        for (const char *name = path; name;
             name = strchr(name, '/') ? strchr(name, '/') + 1 : NULL) {
                size_t length = strcspn(name, "/"), suffix = strlen(SUFFIX);

                if (length <= suffix || strncmp(name + length - suffix, SUFFIX, suffix) != 0)
                        continue;
                if (ret_below)
                        *ret_below = name + length + (name[length] == '/');
                return strndup(name, length);
        }
        return NULL;
}

/* A CgroupMover. */
static int put(const char *path, pid_t pid, Err *err) {
        const char *below = "";
        autofree char *unit = scope_of(path, &below);

        if (!unit)
                return fail(err, ENOMEM, "cannot put process %d into cgroup '%s'", pid, path);
        return systemd_attach(unit, below, pid, err);
}

void scope_reach(Cgroup *cgroup) {
        autofree char *unit = scope_of(cgroup_path(cgroup), NULL);

        if (unit && cgroup_fd(cgroup) >= 0 && !cgroup_is_within_reach(cgroup))
                cgroup_set_mover(cgroup, put);
}
