/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/str.h"
#include "engine/idrange.h"
#include "engine/inside.h"
#include "engine/monitor.h"
#include "engine/spec.h"
#include "engine/userns.h"
#include "kernel/process.h"

struct Inside {
        const Container *c;
        int pidfd; /* a child of ours that ends with the function */
        bool reaped;
        /* Of one that does not run: */
        Runtime *runtime;
        int lock; /* or -EBADF */
        uint64_t userns_base;
        bool has_run_dir;
};

static void call_inside(const void *data) {
        const InsideCall *call = data;

        process_close_range(3, ~0u);
        call->run(call->data);
}

/* ---- one that runs ---- */

/* Whoever joins a container becomes the function's parent and cannot go back: a process of its own
 * does. */
static int join(const Container *c, const InsideCall *call, pid_t *ret, Err *err) {
        char *args[] = { (char *) "isola", NULL };
        const ExecRequest request = {
                .args = args, .user = "0:0", .working_dir = "/", .privileged = true
        };
        autoclose int target = container_pidfd(c), pidfd = -EBADF, console = -EBADF;
        autoptr(ExecSetup) setup = NULL;
        int r;

        if (target < 0)
                return refuse(err, ESRCH, "container '%s' has just ended", c->name);
        r = exec_setup(c, &request, &setup, err);
        if (r < 0)
                return r;
        setup->exec.pidfd = target;
        /* Not in its control group: that may be frozen, or full. */
        setup->exec.cgroup = NULL;
        memcpy(setup->exec.stdio, call->stdio, sizeof setup->exec.stdio);
        setup->exec.inside = call_inside;
        setup->exec.inside_data = call;
        return runtime_exec(&setup->exec, ret, &pidfd, &console, err);
}

_Noreturn static void keep(const Container *c, const InsideCall *call, pid_t parent, int report) {
        autoerr err = {};
        int status = 0;
        pid_t pid;

        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
                _exit(1);
        if (join(c, call, &pid, &err) < 0) {
                err_write(report, &err);
                _exit(1);
        }
        process_close_range(0, ~0u);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
        _exit(WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : 1);
}

static int begin_running(Inside *i, const InsideCall *call, Err *err) {
        pid_t parent = getpid(), pid;
        int report[2], r;

        if (pipe2(report, O_CLOEXEC) < 0)
                return fail(err, errno, "cannot make a pipe");
        pid = process_clone(0, -EBADF, &i->pidfd);
        if (pid == 0) {
                close_fd(report[0]);
                keep(i->c, call, parent, report[1]);
        }
        close_fd(report[1]);
        r = pid < 0 ? fail(err, pid, "cannot make a process") : err_read(report[0], err);
        close_fd(report[0]);
        return r;
}

/* ---- one that does not ---- */

/* What of a container counts while only its files do.  Borrows everything from @c. */
static Container files_of(const Container *c) {
        static char *all[] = { (char *) "ALL", NULL };
        Container files = *c;

        files.config.user = (char *) "0:0";
        files.config.working_dir = (char *) "/";
        files.config.tty = files.config.open_stdin = false;
        files.host = (HostConfig){ .network_mode = (char *) "none",
                                   .userns_mode = c->host.userns_mode,
                                   .id_mappings = c->host.id_mappings,
                                   .subuid_name = c->host.subuid_name,
                                   .subgid_name = c->host.subgid_name,
                                   .privileged = c->host.privileged,
                                   .readonly_rootfs = c->host.readonly_rootfs,
                                   .cap_add = all,
                                   .shm_size = c->host.shm_size,
                                   .mounts = c->host.mounts,
                                   .n_mounts = c->host.n_mounts };
        return files;
}

static int set_up(Inside *i, Container *files, ContainerSetup **ret, Err *err) {
        autofree char *path = container_run_path(i->c->id);
        /* By it others find what a killed one has left. */
        int r = path ? dir_make(i->c->home->run_fd, path, 0700) : -ENOMEM;

        if (r < 0)
                return fail(err, r, "cannot make the container's run directory");
        i->has_run_dir = true;
        if (container_has_userns(files) && !userns_is_planned(files))
                r = idrange_take(i->c->home, i->c->id, &i->userns_base, err);
        fault_point("inside.ids");
        return r < 0 ? r
                     : container_setup(files, &(SetupInput){ .userns_base = i->userns_base }, ret,
                                       err);
}

static int begin_stopped(Inside *i, const InsideCall *call, Err *err) {
        Container files = files_of(i->c);
        autoptr(ContainerSetup) setup = NULL;
        int r = set_up(i, &files, &setup, err);

        if (r < 0)
                return r;
        memcpy(setup->options.stdio, call->stdio, sizeof setup->options.stdio);
        setup->options.dies_with_caller = true;
        setup->options.inside = call_inside;
        setup->options.inside_data = call;
        r = runtime_spawn(setup->spec, &setup->options, &i->runtime, err);
        fault_point("inside.spawned");
        if (r >= 0)
                r = runtime_start(i->runtime, err);
        if (r >= 0)
                i->pidfd = runtime_take_pidfd(i->runtime);
        return r;
}

static void release(Inside *i) {
        i->runtime = runtime_free(i->runtime);
        if (i->lock < 0)
                return;
        if (i->userns_base)
                idrange_release(i->c->home, i->c->id, i->userns_base);
        if (i->has_run_dir)
                run_dir_remove(i->c->home, i->c->id);
        i->lock = close_fd(i->lock);
}

/* ---- both ---- */

int inside_begin(Container *c, const InsideCall *call, Inside **ret, Err *err) {
        autoptr(Inside) i = calloc(1, sizeof *i);
        int r;

        if (!i)
                return fail(err, ENOMEM, "cannot enter container '%s'", c->name);
        *i = (Inside){ .c = c, .pidfd = -EBADF, .lock = -EBADF };
        r = container_has_userns(c) ? 0 : runtime_seal(err);
        if (r >= 0)
                r = container_lock_stopped(c, &i->lock, err);
        if (r == 0 && container_status(c) == CONTAINER_RESTARTING)
                return err_hint(err, refuse(err, EBUSY, "container '%s' is restarting", c->name),
                                "wait until it runs, or stop it");
        if (r >= 0)
                r = r == 0 ? begin_running(i, call, err) : begin_stopped(i, call, err);
        if (r < 0)
                return r;
        *ret = take_ptr(i);
        return 0;
}

int inside_wait(Inside *i, Err *err) {
        siginfo_t info = {};
        int r = process_reap(i->pidfd, &info);

        if (r < 0)
                return fail(err, r, "cannot wait for what runs in container '%s'", i->c->name);
        i->reaped = true;
        if (info.si_code == CLD_EXITED && info.si_status == 0)
                return 0;
        return refuse(err, ECONNABORTED, "container '%s' ended meanwhile", i->c->name);
}

Inside *inside_free(Inside *i) {
        if (!i)
                return NULL;
        if (i->pidfd >= 0 && !i->reaped)
                process_kill_and_reap(i->pidfd);
        close_fd(i->pidfd);
        release(i);
        free(i);
        return NULL;
}
