/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * One more process in a running container
 *
 * The caller joins all namespaces of the target with one setns(2) on its pidfd
 * and clones; only the child is in the pid namespace.  The cgroup namespace is
 * joined by the child: seen from inside, the caller's own cgroup lies outside,
 * and clone3() would not be allowed to leave it (nsdelegate, cgroups(7)).  From
 * then on the child does what init does.
 */

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/str.h"
#include "kernel/idmap.h"
#include "kernel/ns.h"
#include "kernel/process.h"
#include "runtime/attributes.h"
#include "runtime/identity.h"
#include "runtime/init.h"
#include "runtime/program.h"
#include "runtime/runtime.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

/* What has to be opened while the host's /proc is still there. */
typedef struct Target {
        bool own_userns; /* it has one that is not ours */
        IdRange *uids, *gids;
        size_t n_uids, n_gids;
        int cgroupns; /* or -EBADF if it is ours */
        int null;
        int proc; /* or -EBADF: see attributes_need_proc() */
        mode_t umask;
        Attributes attributes;
        bool keep_groups;
} Target;

static void target_close(Target *t) {
        close_fd(t->cgroupns);
        close_fd(t->null);
        close_fd(t->proc);
        free(t->uids);
        free(t->gids);
}

static int differs(int proc, int self, const char *file) {
        struct stat a, b;

        if (fstatat(proc, file, &a, 0) < 0 || fstatat(self, file, &b, 0) < 0)
                return -errno;
        return a.st_ino != b.st_ino || a.st_dev != b.st_dev;
}

/* What the process will be like, and what of the host it takes. */
static int prepare(const RuntimeExec *exec, Target *ret, Err *err) {
        int r = attributes_make(exec->process, &ret->attributes, err);

        if (r < 0)
                return r;
        if (!ret->own_userns)
                attributes_warn_of_capabilities(exec->process);
        ret->keep_groups = exec->spec && identity_keeps_groups(exec->spec);
        ret->null = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (ret->null < 0)
                return fail(err, errno, "cannot open '/dev/null'");
        if (attributes_need_proc(exec->process)) {
                ret->proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
                if (ret->proc < 0)
                        return fail(err, errno, "cannot open '/proc'");
        }
        return 0;
}

static int look_at(const RuntimeExec *exec, Target *ret, Err *err) {
        autoclose int proc = -EBADF, self = -EBADF;
        pid_t pid = process_of_pidfd(exec->pidfd);
        char path[32];
        int r;

        *ret = (Target){ .cgroupns = -EBADF, .null = -EBADF, .proc = -EBADF };
        if (pid < 0)
                return refuse(err, ESRCH, "the container is not running");
        snprintf(path, sizeof path, "/proc/%d", pid);
        proc = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        self = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (proc < 0 || self < 0)
                return refuse(err, ESRCH, "the container is not running");

        r = differs(proc, self, "ns/user");
        if (r < 0)
                return fail(err, r, "cannot look at the container's namespaces");
        ret->own_userns = r > 0;
        if (ret->own_userns) {
                r = idmap_read(proc, "uid_map", &ret->uids, &ret->n_uids);
                if (r >= 0)
                        r = idmap_read(proc, "gid_map", &ret->gids, &ret->n_gids);
                if (r < 0)
                        return fail(err, r, "cannot read the container's ids");
        }
        r = differs(proc, self, "ns/cgroup");
        if (r > 0)
                r = ret->cgroupns = openat(proc, "ns/cgroup", O_RDONLY | O_CLOEXEC);
        if (r < 0)
                return fail(err, errno, "cannot look at the container's cgroup namespace");
        return prepare(exec, ret, err);
}

/* CLONE_NEW* of those namespaces in which the target is and we are not. */
static int other_namespaces(int pidfd) {
        autofree char *path = str_format("/proc/%d", process_of_pidfd(pidfd));
        autoclose int proc = -EBADF, self = -EBADF;
        int flags = 0;

        proc = path ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -EBADF;
        self = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
        for (size_t i = 0; i < NS_KINDS && proc >= 0 && self >= 0; i++) {
                autofree char *file = str_format("ns/%s", ns_kinds[i].file);

                if (file && ns_kinds[i].flag != CLONE_NEWCGROUP && differs(proc, self, file) > 0)
                        flags |= ns_kinds[i].flag;
        }
        return flags;
}

static int join(const RuntimeExec *exec, const Target *target, Err *err) {
        int flags = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWPID |
                    (target->own_userns ? CLONE_NEWUSER : 0);

        /* From here on this process is within reach of the container. */
        if (!fault_weakens("dumpable") && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
                return fail(err, errno, "cannot protect this process");
        if (setns(exec->pidfd, flags | CLONE_NEWTIME) == 0)
                return 0;
        /* A kernel without time namespaces does not know the flag. */
        if (errno == EINVAL && setns(exec->pidfd, flags) == 0)
                return 0;
        /* An ordinary user may not even join those that it shares with the container. */
        if (errno == EPERM && setns(exec->pidfd, other_namespaces(exec->pidfd)) == 0)
                return 0;
        if (errno == ESRCH)
                return refuse(err, ESRCH, "the container is not running");
        return fail(err, errno, "cannot join the container's namespaces");
}

static int open_console(const OciProcess *p, int sync, int *ret_slave, Err *err) {
        autoclose int devpts = -EBADF;

        if (!p->terminal)
                return 0;
        devpts = open("/dev/pts", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (devpts < 0)
                return fail(err, errno, "cannot open a terminal in the container");
        return init_make_console(p, devpts, sync, ret_slave, err);
}

static int enter(const RuntimeExec *exec, const Target *target, int sync, int *ret_slave,
                 Err *err) {
        int r = target->own_userns ? identity_become_root(target->keep_groups, err) : 0;

        if (r < 0)
                return r;
        if (target->cgroupns >= 0 && setns(target->cgroupns, CLONE_NEWCGROUP) < 0)
                return fail(err, errno, "cannot join the container's cgroup namespace");
        init_leave_session(false);
        return open_console(exec->process, sync, ret_slave, err);
}

static bool needs_mover(const Cgroup *cgroup, const Attributes *attributes) {
        return (cgroup && cgroup_needs_join(cgroup)) || attributes_any(attributes);
}

_Noreturn static void run(const RuntimeExec *exec, const Target *target, int sync) {
        const InitProgram program = {
                .process = exec->process,
                .linux_ = exec->spec ? exec->spec->linux_ : NULL,
                .proc = target->proc,
                .umask = umask(INIT_UMASK),
                .keep_groups = target->keep_groups,
                .user = exec->user,
                .seccomp = exec->seccomp,
                .landlock = exec->landlock,
                .stdio = exec->stdio,
                .null = target->null,
                .all_capabilities = exec->privileged,
                .inside = exec->inside,
                .inside_data = exec->inside_data,
                .preserve_fds = exec->preserve_fds,
        };
        int slave = -EBADF;
        Err err = {};

        if (needs_mover(exec->cgroup, &target->attributes))
                init_wait_for(sync, INIT_PLACED);
        if (attributes_set_processors(exec->process, true, &err) < 0 ||
            enter(exec, target, sync, &slave, &err) < 0)
                init_fail_setup(sync, &err);
        init_execute(&program, slave, sync);
}

/*
 * Where the process must also be moved between cgroups by hand, or be given a
 * scheduler: that takes the host's file systems and rights, which the caller
 * leaves; so a child stays behind to do it.
 */
static int leave_mover(const Cgroup *cgroup, const Attributes *attributes, int *ret_socket,
                       Err *err) {
        int pair[2];
        pid_t pid;

        if (!needs_mover(cgroup, attributes))
                return 0;
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return fail(err, errno, "cannot make a socket");
        pid = process_clone(0, -EBADF, NULL);
        if (pid == 0) {
                Err problem = {};
                pid_t who;

                close_fd(pair[0]);
                if (recv(pair[1], &who, sizeof who, 0) != sizeof who)
                        _exit(0);
                if ((cgroup && cgroup_needs_join(cgroup) &&
                     cgroup_join(cgroup, who, &problem) < 0) ||
                    attributes_set(attributes, who, &problem) < 0)
                        init_fail_setup(pair[1], &problem);
                _exit(0);
        }
        close_fd(pair[1]);
        if (pid < 0) {
                close_fd(pair[0]);
                return fail(err, pid, "cannot make a process");
        }
        *ret_socket = pair[0];
        return pid;
}

/* @pid: the child, or negative: there is none. */
static int move(int mover, pid_t mover_pid, pid_t pid, int sync, Err *err) {
        int r = 0;

        if (mover < 0)
                return 0;
        if (pid > 0)
                r = send(mover, &pid, sizeof pid, MSG_NOSIGNAL) < 0
                            ? fail(err, errno, "cannot move the process to its cgroup")
                            : err_read(mover, err);
        close_fd(mover);
        while (waitpid(mover_pid, NULL, 0) < 0 && errno == EINTR)
                ;
        return r < 0 || pid < 0 ? r : init_tell(sync, INIT_PLACED, err);
}

/* Joins and clones; this process's own processors are as before when it has. */
static int spawn(const RuntimeExec *exec, const Target *target, int sync, int child_sync,
                 int *ret_pidfd, Err *err) {
        const bool elsewhere = exec->process->exec_cpu_affinity;
        Bitlist own;
        int r = elsewhere ? affinity_get(0, &own) : 0;
        pid_t pid;

        if (r < 0)
                return fail(err, r, "cannot look at the processors");
        r = join(exec, target, err);
        if (r >= 0)
                r = attributes_set_processors(exec->process, false, err);
        if (r < 0)
                return r;
        pid = process_clone(0, exec->cgroup ? cgroup_birth_fd(exec->cgroup) : -EBADF, ret_pidfd);
        if (pid == 0) {
                close_fd(sync);
                run(exec, target, child_sync);
        }
        if (elsewhere)
                (void) affinity_set(0, &own);
        return pid < 0 ? fail(err, pid, "cannot make a process in the container") : pid;
}

int runtime_exec(const RuntimeExec *exec, pid_t *ret_pid, int *ret_pidfd, int *ret_console,
                 Err *err) {
        autoclose int pidfd = -EBADF, sync = -EBADF, agent = -EBADF;
        InitHands hands = { -EBADF, exec->agent, -EBADF, 0 };
        int pair[2], mover = -EBADF, mover_pid, r;
        Target target;
        pid_t pid = -1;

        if (!exec->process->args || !exec->process->args[0])
                return refuse(err, EINVAL, "no program to run");
        r = look_at(exec, &target, err);
        if (r < 0) {
                target_close(&target);
                return init_own_failure(r);
        }
        if (target.own_userns)
                init_own_streams(exec->stdio, idmap_outside(target.uids, target.n_uids, 0),
                                 idmap_outside(target.gids, target.n_gids, 0));
        init_raise_limits(exec->process, 0);
        r = init_set_oom_score(exec->process, AT_FDCWD, "/proc/self/oom_score_adj", err);
        /* In the container its path would be another place. */
        if (r >= 0 && exec->seccomp && exec->seccomp->notifies)
                r = hands.connection = agent = agent_connect(exec->agent, err);
        mover_pid = r < 0 ? r : leave_mover(exec->cgroup, &target.attributes, &mover, err);
        if (mover_pid < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
                r = mover_pid < 0 ? init_own_failure(mover_pid)
                                  : fail(err, errno, "cannot make a socket");
                (void) move(mover, mover_pid, -1, -EBADF, NULL);
                target_close(&target);
                return r;
        }
        sync = pair[0];

        r = pid = spawn(exec, &target, sync, pair[1], &pidfd, err);
        close_fd(pair[1]);
        target_close(&target);
        r = r < 0 ? (move(mover, mover_pid, -1, sync, NULL), init_own_failure(r))
                  : move(mover, mover_pid, pid, sync, err);
        if (r >= 0) {
                hands.pid = pid;
                r = init_listen(sync, &hands, err);
        }
        if (r < 0) {
                close_fd(hands.console);
                if (pid > 0)
                        process_kill_and_reap(pidfd);
                return r;
        }
        *ret_pid = pid;
        *ret_pidfd = take_fd(pidfd);
        *ret_console = hands.console;
        return 0;
}
