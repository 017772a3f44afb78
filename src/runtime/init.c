/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The container's first process
 *
 * Runs in the child of runtime_spawn(), from clone3() until execve().  It
 * starts with the engine's privileges inside the new namespaces and gives them
 * up step by step.  It has no log: what goes wrong is sent to the parent and
 * the process ends, and with it its mounts.
 *
 * The order is the kernel's, not ours:
 *   1. what needs no ids: propagation, host name, time offsets
 *   2. wait for the id maps (user_namespaces(7)), become root inside
 *   3. root and mounts; the cgroup namespace only once the process is in its
 *      cgroup, which becomes the namespace's root (cgroup_namespaces(7))
 *   4. terminal, sysctls, masks, pivot_root
 *   5. wait for the parent, which connects the network meanwhile
 *   6. user, capabilities, no_new_privs, seccomp, execve
 */

#include <fcntl.h>
#include <inttypes.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/fault.h"
#include "base/fds.h"
#include "base/file.h"
#include "base/str.h"
#include "kernel/process.h"
#include "kernel/pty.h"
#include "kernel/resolve.h"
#include "kernel/rlimit.h"
#include "runtime/attributes.h"
#include "runtime/hooks.h"
#include "runtime/identity.h"
#include "runtime/init.h"
#include "runtime/net_devices.h"
#include "runtime/program.h"
#include "runtime/rootfs.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

int init_own_failure(int code) {
        switch (code) {
        case -ENOENT:
        case -EACCES:
        case -ENOEXEC:
        case -EISDIR:
                return -ECANCELED;
        default:
                return code;
        }
}

_Noreturn void init_fail(int sync, const Err *err) {
        err_write(sync, err);
        _exit(125);
}

_Noreturn void init_fail_setup(int sync, Err *err) {
        err->code = init_own_failure(err->code);
        init_fail(sync, err);
}

void init_wait_for(int sync, char word) {
        char got = 0;
        ssize_t n;

        do
                n = recv(sync, &got, 1, 0);
        while (n < 0 && (errno == EINTR || errno == ECONNRESET));
        if (n != 1 || got != word)
                _exit(125);
}

/* One's own host name, which nothing but a filter of system calls can forbid. */
static int cannot_name_host(const char *name, int code, Err *err) {
        fail(err, code, "cannot set the host name '%s'", name);
        if (code != -EPERM)
                return code;
        return err_hint(err, code,
                        "a container around isola may forbid it: start that with --security-opt "
                        "seccomp=unconfined");
}

static int set_names(const InitPlan *plan, Err *err) {
        const OciSpec *spec = plan->spec;

        if (!(plan->new_namespaces & CLONE_NEWUTS))
                return 0;
        if (spec->hostname && sethostname(spec->hostname, strlen(spec->hostname)) < 0)
                return cannot_name_host(spec->hostname, -errno, err);
        if (!str_empty(spec->domainname) &&
            setdomainname(spec->domainname, strlen(spec->domainname)) < 0)
                return fail(err, errno, "cannot set the domain name '%s'", spec->domainname);
        return 0;
}

/* The clocks of a time namespace can be set until somebody is in it (time_namespaces(7)). */
static int set_clocks(const InitPlan *plan, Err *err) {
        const OciLinux *l = plan->spec->linux_;
        autoclose int children = -EBADF;
        autostr text = {};
        int r;

        if (!l || (!l->monotonic && !l->boottime))
                return 0;
        if (unshare(CLONE_NEWTIME) < 0)
                return fail(err, errno, "cannot make a time namespace");
        if (l->monotonic)
                str_printf(&text, "monotonic %" PRId64 " %" PRId64 "\n", l->monotonic->secs,
                           l->monotonic->nanosecs);
        if (l->boottime)
                str_printf(&text, "boottime %" PRId64 " %" PRId64 "\n", l->boottime->secs,
                           l->boottime->nanosecs);
        r = text.failed ? -ENOMEM : file_write(AT_FDCWD, "/proc/self/timens_offsets", text.text);
        if (r == -ERANGE)
                return refuse(err, r, "the time offset would set a clock before zero or too far");
        if (r < 0)
                return fail(err, r, "cannot set the time offset");
        children = open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
        if (children < 0 || setns(children, CLONE_NEWTIME) < 0)
                return fail(err, errno, "cannot enter the time namespace");
        return 0;
}

static int become_root(const InitPlan *plan, Err *err) {
        int r;

        if (!init_plan_has_userns(plan))
                return 0;
        r = identity_become_root(plan->keep_groups, err);
        if (r < 0)
                return r;
        if (plan->new_namespaces & init_plan_late_namespaces(plan) & CLONE_NEWIPC &&
            unshare(CLONE_NEWIPC) < 0)
                return fail(err, errno, "cannot make an IPC namespace");
        return 0;
}

/* The keyring that is inherited may hold the engine's keys; where the kernel has no keys, there is
 * nothing to hide. */
void init_leave_session(bool keep_keyring) {
        (void) setsid();
        if (!keep_keyring)
                (void) syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL, 0, 0, 0);
}

static int enter_cgroup_namespace(const InitPlan *plan, Rootfs *rootfs, int sync, Err *err) {
        int r;

        if (plan->options->cgroup && cgroup_needs_join(plan->options->cgroup))
                init_wait_for(sync, INIT_PLACED);
        r = rootfs_see_cgroup(plan, rootfs, err);
        if (r < 0)
                return r;
        if (plan->new_namespaces & CLONE_NEWCGROUP && unshare(CLONE_NEWCGROUP) < 0)
                return fail(err, errno, "cannot make a cgroup namespace");
        return 0;
}

int init_make_console(const OciProcess *p, int devpts, int sync, int *ret_slave, Err *err) {
        autoclose int master = -EBADF, slave = -EBADF;
        char word = INIT_CONSOLE;
        int r;

        master = pty_open(devpts, p->console_height, p->console_width, &slave, err);
        if (master < 0)
                return master;
        r = fds_send(sync, &word, 1, &master, 1);
        if (r < 0)
                return fail(err, r, "cannot hand the terminal over");
        *ret_slave = take_fd(slave);
        return 0;
}

static int open_console(const InitPlan *plan, const Rootfs *rootfs, int sync, int *ret_slave,
                        Err *err) {
        const OciProcess *p = plan->spec->process;
        autoclose int devpts = -EBADF;
        int r;

        if (!p->terminal)
                return 0;
        devpts = rootfs_open_devpts(rootfs, err);
        if (devpts < 0)
                return devpts;
        r = init_make_console(p, devpts, sync, ret_slave, err);
        return r < 0 ? r : rootfs_place_console(rootfs, *ret_slave, err);
}

/* The parent's, and then those that run inside by the host's paths. */
static int let_hooks_run(const InitPlan *plan, const Rootfs *rootfs, int sync, Err *err) {
        const OciHooks *hooks = plan->spec->hooks;
        autofree char *state = NULL;
        HookWorld world;

        if (plan->hooks_outside) {
                if (init_say(sync, INIT_MOUNTED) < 0)
                        _exit(125);
                init_wait_for(sync, INIT_HOOKED);
        }
        if (!hooks_any(hooks, HOOK_CREATE_CONTAINER))
                return 0;
        state = hooks_state(plan->options->state, "creating", getpid());
        if (!state)
                return fail(err, ENOMEM, "cannot run the hooks");
        world = (HookWorld){ state, environ, rootfs->root, plan->options->hook_output };
        return hooks_run(hooks, HOOK_CREATE_CONTAINER, &world, err);
}

/* As the program, of which it is a part as far as others can tell. */
static int run_start_hooks(const InitProgram *program, char *const *env, Err *err) {
        autofree char *state = NULL;
        HookWorld world;

        if (!hooks_any(program->hooks, HOOK_START_CONTAINER))
                return 0;
        state = hooks_state(program->state, "created", getpid());
        if (!state)
                return fail(err, ENOMEM, "cannot run the hooks");
        world = (HookWorld){ state, env, -EBADF, program->hook_output };
        return hooks_run(program->hooks, HOOK_START_CONTAINER, &world, err);
}

static int bring_up_loopback(const InitPlan *plan, Err *err) {
        int r = 0;

        if (plan->options->loopback && plan->new_namespaces & CLONE_NEWNET)
                r = net_devices_loopback();
        return r < 0 ? fail(err, r, "cannot bring up the loopback interface") : 0;
}

static int prepare(const InitPlan *plan, int sync, int *ret_slave, Err *err) {
        Rootfs rootfs = { .place = -EBADF, .root = -EBADF, .proc = -EBADF, .devpts = -EBADF };
        int r;

        /* Nobody may look into this process while it holds what is not the container's. */
        if (!plan->confined && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
                return fail(err, errno, "cannot protect the first process");
        if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                return fail(err, errno, "cannot make the mounts private");
        r = rootfs_open_place(plan, &rootfs, err);
        if (r >= 0)
                r = set_names(plan, err);
        if (r >= 0)
                r = set_clocks(plan, err);
        if (r < 0)
                return r;
        if (init_plan_has_userns(plan))
                init_wait_for(sync, INIT_IDS);
        /* Not before an ordinary user has written its ids (proc(5), /proc/PID). */
        if (plan->confined && init_plan_has_userns(plan) && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
                return fail(err, errno, "cannot protect the first process");
        r = become_root(plan, err);
        if (r < 0)
                return r;
        init_leave_session(plan->options->keep_keyring);
        r = bring_up_loopback(plan, err);
        if (r < 0)
                return r;

        if (init_plan_has_userns(plan))
                init_wait_for(sync, INIT_MAPPED);
        r = rootfs_make(plan, &rootfs, err);
        if (r >= 0)
                r = enter_cgroup_namespace(plan, &rootfs, sync, err);
        if (r >= 0)
                r = rootfs_mount_cgroup(plan, &rootfs, err);
        if (r >= 0)
                r = let_hooks_run(plan, &rootfs, sync, err);
        if (r >= 0)
                r = open_console(plan, &rootfs, sync, ret_slave, err);
        if (r >= 0)
                r = rootfs_protect(plan, &rootfs, err);
        if (r >= 0)
                r = rootfs_enter(plan, &rootfs, err);
        return r;
}

/* The container's own /dev/null rather than the host's, if it is one. */
static int open_null(int null) {
        int inside = open("/dev/null", O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        struct stat own, host;

        if (inside >= 0 && fstat(inside, &own) == 0 && fstat(null, &host) == 0 &&
            S_ISCHR(own.st_mode) && own.st_rdev == host.st_rdev)
                return inside;
        close_fd(inside);
        return null;
}

static int connect_streams(int slave, const int *stdio, int null, Err *err) {
        int sources[3], own_null = -EBADF;

        if (slave < 0 && stdio[0] == 0 && stdio[1] == 1 && stdio[2] == 2)
                return 0; /* where they are to be already */
        if (slave >= 0 && ioctl(slave, TIOCSCTTY, 0) < 0)
                return fail(err, errno, "cannot make the terminal the controlling one");
        for (int i = 0; i < 3; i++) {
                if (slave < 0 && stdio[i] < 0 && own_null < 0)
                        own_null = open_null(null);
                sources[i] = slave >= 0 ? slave : stdio[i] >= 0 ? stdio[i] : own_null;
                /* Out of the way of the targets, which a source may be one of. */
                if (sources[i] <= 2)
                        sources[i] = fcntl(sources[i], F_DUPFD_CLOEXEC, 3);
                if (sources[i] < 0)
                        return fail(err, errno, "cannot connect the standard streams");
        }
        for (int i = 0; i < 3; i++)
                if (dup2(sources[i], i) < 0)
                        return fail(err, errno, "cannot connect the standard streams");
        return 0;
}

static int enter_directory(const char *directory, Err *err) {
        autoclose int root = -EBADF, place = -EBADF;
        char path[2];

        if (*directory != '/')
                return refuse(err, EINVAL, "the working directory '%s' is not an absolute path",
                              directory);
        if (str_equal(directory, "/") || fault_weakens("cwd"))
                return chdir(directory) < 0
                               ? fail(err, errno, "cannot enter the working directory '%s'",
                                      directory)
                               : 0;
        root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (root < 0)
                return fail(err, errno, "cannot open the container's root");
        place = resolve_make(root, directory, true);
        if (place < 0 || fchdir(place) < 0)
                return fail(err, place < 0 ? place : errno,
                            "cannot enter the working directory '%s'", directory);

        /* A directory outside has no path here, and getcwd() says so (CVE-2024-21626). */
        if (syscall(SYS_getcwd, path, sizeof path) < 0 && errno != ERANGE)
                return fail(err, errno, "cannot enter the working directory '%s'", directory);
        return 0;
}

static int set_limits(const OciProcess *process, Err *err) {
        for (size_t i = 0; i < process->n_rlimits; i++) {
                const OciRlimit *limit = &process->rlimits[i];
                struct rlimit value = { .rlim_cur = limit->soft, .rlim_max = limit->hard }, now;
                int number = rlimit_number(limit->type);

                if (number < 0)
                        return refuse(err, EINVAL, "there is no limit '%s'", limit->type);
                if (setrlimit((unsigned) number, &value) == 0)
                        continue;
                if (errno != EPERM || getrlimit((unsigned) number, &now) < 0)
                        return fail(err, errno, "cannot set the limit '%s'", limit->type);
                /* The parent has tried to raise the maximum, and has warned. */
                value.rlim_max = now.rlim_max;
                if (value.rlim_cur > now.rlim_max)
                        value.rlim_cur = now.rlim_max;
                if (setrlimit((unsigned) number, &value) < 0)
                        return fail(err, errno, "cannot set the limit '%s'", limit->type);
        }
        return 0;
}

static int become_user(const InitProgram *program, int slave, int sync, char ***ret_env, Err *err) {
        const OciProcess *p = program->process;
        const IdentityLimits limits = { p->capabilities,      program->all_capabilities,
                                        p->no_new_privileges, program->keep_groups,
                                        program->seccomp,     sync,
                                        INIT_LISTENER,        program->landlock };
        autoclose int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        Identity identity = {};
        mode_t mask;
        int r;

        r = root < 0 ? fail(err, errno, "cannot open the container's root")
                     : identity_find(root, &p->user, program->user, &identity, err);
        root = close_fd(root); /* now: the filter need not allow it */
        if (r >= 0)
                r = connect_streams(slave, program->stdio, program->null, err);
        if (r < 0)
                return r;
        identity_own_streams(&identity);
        if (slave >= 0 && identity.uid && fchown(0, identity.uid, (gid_t) -1) < 0)
                return fail(err, errno, "cannot give the terminal to user %u", identity.uid);
        *ret_env = program_environment(p->env, identity.home);
        if (!*ret_env)
                return fail(err, ENOMEM, "cannot set up the environment");

        r = enter_directory(p->cwd ? p->cwd : "/", err);
        if (r >= 0)
                r = set_limits(p, err);
        if (r >= 0)
                r = attributes_take_on(p, program->linux_, program->proc, err);
        if (r < 0)
                return r;
        mask = p->user.umask >= 0 ? (mode_t) p->user.umask : program->umask;
        if (mask != INIT_UMASK)
                umask(mask);
        r = program_prepare(program->preserve_fds, err);
        if (r < 0)
                return r;
        /* Said before the filter of system calls, which need not allow it. */
        if (init_say(sync, INIT_READY) < 0)
                return fail(err, errno, "the parent has gone");
        r = identity_become(&identity, &limits, err);
        identity_clear(&identity);
        return r;
}

/* Not before the user is changed: that takes the wish back (prctl(2), PR_SET_PDEATHSIG). */
static int tie_to_caller(int sync, Err *err) {
        char byte;

        if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
                return fail(err, errno, "cannot tie the container to its caller");
        /* It may have ended before: then nobody holds the other end. */
        if (recv(sync, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
                return refuse(err, ECANCELED, "the caller has ended");
        return 0;
}

_Noreturn void init_execute(const InitProgram *program, int slave, int sync) {
        char **env = NULL;
        Err err = {};

        if (become_user(program, slave, sync, &env, &err) < 0)
                init_fail_setup(sync, &err);
        fault_point("init.user");
        if (program->dies_with_caller && tie_to_caller(sync, &err) < 0)
                init_fail_setup(sync, &err);
        if (run_start_hooks(program, env, &err) < 0)
                init_fail_setup(sync, &err);
        if (program->below_init && program_fork_below(&err) < 0)
                init_fail_setup(sync, &err);
        if (program->inside) {
                close_fd(sync);
                program->inside(program->inside_data);
                _exit(0);
        }
        (void) program_exec(program->process->args, env, &err);
        init_fail(sync, &err);
}

_Noreturn void init_run(const InitPlan *plan, int sync) {
        const InitProgram program = {
                .process = plan->spec->process,
                .linux_ = plan->spec->linux_,
                .proc = plan->proc,
                .umask = umask(INIT_UMASK),
                .keep_groups = plan->keep_groups,
                .user = plan->options->user,
                .seccomp = plan->seccomp,
                .landlock = plan->options->landlock,
                .stdio = plan->options->stdio,
                .null = plan->null,
                .below_init = plan->options->init,
                .dies_with_caller = plan->options->dies_with_caller,
                .hooks = plan->spec->hooks,
                .hook_output = plan->options->hook_output,
                .state = plan->options->state,
                .inside = plan->options->inside,
                .inside_data = plan->options->inside_data,
                .preserve_fds = plan->options->preserve_fds,
        };
        int slave = -EBADF;
        Err err = {};

        fault_point("init.begun");
        /* It would go on being held here when the maker is dead. */
        if (plan->options->hold)
                close_fd(plan->options->maker_lock);
        if (prepare(plan, sync, &slave, &err) < 0)
                init_fail_setup(sync, &err);
        fault_point("init.prepared");
        if (plan->options->hold) {
                if (program_find(program.process->args, program.process->env, &err) < 0)
                        init_fail(sync, &err);
                /* Whoever reads what the maker writes waits for the end of that, too. */
                if (slave >= 0 && connect_streams(slave, NULL, -EBADF, &err) < 0)
                        init_fail_setup(sync, &err);
                sync = init_hold(plan->options, sync);
        } else
                init_wait_for(sync, INIT_START);
        init_execute(&program, slave, sync);
}
