/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The parent's side: from a specification to a first process, and to its program
 *
 * In the common case one clone3() makes the process in all its namespaces but
 * those that init makes itself: the cgroup namespace, whose root is the cgroup of
 * whoever makes it; the IPC namespace, whose message queues belong to whoever
 * makes it; and a time namespace with offsets, which must be empty while they
 * are set.
 * Namespaces that are joined cost one more process: it joins them and then
 * clones init as a child of ours (CLONE_PARENT), so that this process never
 * leaves its own.
 */

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/fds.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "kernel/cgroup_usage.h"
#include "kernel/process.h"
#include "runtime/attributes.h"
#include "runtime/hooks.h"
#include "runtime/init.h"
#include "runtime/net_devices.h"
#include "runtime/runtime.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

#define ENDING_MS 1000 /* from having nothing any more to having ended */

struct Runtime {
        pid_t pid;
        int pidfd;
        int netns;
        NetDevices devices; /* that were moved into it */
        int sync;           /* -EBADF once the program runs */
        InitHands hands;    /* what init gave us */
        RuntimeAgent agent; /* for hands */
        const Cgroup *cgroup;
        bool placed;
        Attributes attributes;
        bool running;
};

pid_t runtime_pid(const Runtime *r) {
        return r->pid;
}

int runtime_pidfd(const Runtime *r) {
        return r->pidfd;
}

int runtime_take_pidfd(Runtime *r) {
        return take_fd(r->pidfd);
}

int runtime_netns(const Runtime *r) {
        return r->netns;
}

int runtime_take_console(Runtime *r) {
        return take_fd(r->hands.console);
}

Runtime *runtime_free(Runtime *r) {
        if (!r)
                return NULL;
        if (!r->running && r->pidfd >= 0) {
                net_devices_return(&r->devices, r->netns);
                process_kill_and_reap(r->pidfd);
        }
        net_devices_clear(&r->devices);
        close_fd(r->pidfd);
        close_fd(r->netns);
        close_fd(r->hands.console);
        close_fd(r->sync);
        free(r);
        return NULL;
}

/* What clone3() can make at once. */
static int clone_flags(const InitPlan *plan) {
        const OciLinux *l = plan->spec->linux_;
        int flags = plan->new_namespaces & ~init_plan_late_namespaces(plan);

        if (l && (l->monotonic || l->boottime))
                flags &= ~CLONE_NEWTIME;
        return flags;
}

static int cgroup_of(const InitPlan *plan) {
        return plan->options->cgroup ? cgroup_birth_fd(plan->options->cgroup) : -EBADF;
}

static int cannot_clone(const InitPlan *plan, int code, Err *err) {
        fail(err, code, "cannot make the container's first process");
        if (code == -ENOSPC || code == -EUSERS)
                return err_hint(err, code, "a limit in /proc/sys/user/max_*_namespaces is reached");
        if (code == -EINVAL && plan->new_namespaces & CLONE_NEWTIME)
                return err_hint(err, code, "this kernel may be without time namespaces");
        if (code == -EPERM && plan->new_namespaces & CLONE_NEWUSER)
                return err_hint(err, code,
                                "user namespaces are not allowed here: by a setting of the machine "
                                "(see `isola check`), or because this is a chroot");
        return code;
}

/* Child of the parent, parent of nobody: joins, clones init as its sibling, tells of it, ends. */
_Noreturn static void join_and_clone(InitPlan *plan, int report, int sync) {
        Err err = {};
        int pidfd = -EBADF;
        pid_t pid = -1;
        int r = 0;

        for (size_t i = 0; i < NS_KINDS && r >= 0; i++) {
                /* Before the user namespace is joined: what needs the rights outside. */
                if (ns_kinds[i].flag == CLONE_NEWUSER)
                        r = init_plan_mount_outside(plan, &err);
                if (r >= 0 && plan->joins[i] >= 0 && setns(plan->joins[i], ns_kinds[i].flag) < 0)
                        r = fail(&err, errno, "cannot join the %s namespace", ns_kinds[i].name);
        }
        if (r >= 0) {
                pid = process_clone((uint64_t) clone_flags(plan) | CLONE_PARENT, -EBADF, &pidfd);
                if (pid == 0) {
                        close_fd(report);
                        init_run(plan, sync);
                }
                if (pid < 0)
                        r = cannot_clone(plan, pid, &err);
        }
        if (r < 0)
                init_fail(report, &err);
        (void) fds_send(report, &pid, sizeof pid, &pidfd, 1);
        _exit(0);
}

/* A number comes with a descriptor, an error without: its first byte says nothing. */
static int receive_clone(int report, Runtime *runtime, Err *err) {
        char text[ERR_WIRE_MAX];
        size_t n = 0;
        int r = fds_recv(report, text, sizeof text - 1, &runtime->pidfd, 1, &n);

        if (r > 0 && n == 0)
                return err_parse(text, (size_t) r, err);
        if (r != sizeof runtime->pid)
                return fail(err, r < 0 ? r : -EPROTO, "cannot make the container's first process");
        memcpy(&runtime->pid, text, sizeof runtime->pid);
        return 0;
}

static int spawn_joined(InitPlan *plan, Runtime *runtime, int sync, Err *err) {
        autoclose int pidfd = -EBADF;
        int pair[2], r;
        siginfo_t info;
        pid_t pid;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return fail(err, errno, "cannot make a socket");
        pid = process_clone(0, cgroup_of(plan), &pidfd);
        if (pid == 0) {
                close_fd(pair[0]);
                close_fd(runtime->sync);
                join_and_clone(plan, pair[1], sync);
        }
        close_fd(pair[1]);
        r = pid < 0 ? cannot_clone(plan, pid, err) : receive_clone(pair[0], runtime, err);
        close_fd(pair[0]);
        if (pid > 0)
                (void) process_reap(pidfd, &info);
        return r;
}

static int spawn(InitPlan *plan, Runtime *runtime, int sync, Err *err) {
        pid_t pid;
        int r;

        if (plan->joined)
                return spawn_joined(plan, runtime, sync, err);
        r = init_plan_mount_outside(plan, err);
        if (r < 0)
                return r;
        pid = process_clone((uint64_t) clone_flags(plan), cgroup_of(plan), &runtime->pidfd);
        if (pid == 0) {
                /* Or init would wait for ever for a parent that was killed. */
                close_fd(runtime->sync);
                init_run(plan, sync);
        }
        if (pid < 0)
                return cannot_clone(plan, pid, err);
        runtime->pid = pid;
        return 0;
}

static int say(const Runtime *runtime, char word) {
        return init_say(runtime->sync, word);
}

static int tell(const Runtime *runtime, char word, Err *err) {
        return init_tell(runtime->sync, word, err);
}

static int write_maps(InitPlan *plan, Runtime *runtime, int proc, Err *err) {
        int r;

        if (plan->unprivileged && geteuid() != 0)
                return idmap_write_as_user(runtime->pid, proc, plan->uids, plan->n_uids, plan->gids,
                                           plan->n_gids, err);
        r = idmap_write(proc, "uid_map", plan->uids, plan->n_uids, err);
        return r < 0 ? r : idmap_write(proc, "gid_map", plan->gids, plan->n_gids, err);
}

static int map(InitPlan *plan, Runtime *runtime, int proc, Err *err) {
        autoclose int userns = -EBADF;
        int r;

        if (!init_plan_has_userns(plan))
                return 0;
        if (plan->new_namespaces & CLONE_NEWUSER) {
                r = write_maps(plan, runtime, proc, err);
                if (r < 0)
                        return r;
        } else {
                r = idmap_read(proc, "uid_map", &plan->uids, &plan->n_uids);
                if (r >= 0)
                        r = idmap_read(proc, "gid_map", &plan->gids, &plan->n_gids);
                if (r < 0)
                        return fail(err, r, "cannot read the ids of the user namespace");
        }
        if (plan->unprivileged)
                return 0;
        if (!plan->confined)
                (void) say(runtime, INIT_IDS);
        init_own_streams(plan->options->stdio, idmap_outside(plan->uids, plan->n_uids, 0),
                         idmap_outside(plan->gids, plan->n_gids, 0));
        userns = openat(proc, "ns/user", O_RDONLY | O_CLOEXEC);
        if (userns < 0)
                return fail(err, errno, "cannot open the container's user namespace");
        return init_plan_idmap(plan, userns, err);
}

static bool wants_network(const InitPlan *plan) {
        const OciLinux *l = plan->spec->linux_;

        return (plan->new_namespaces | plan->joined) & CLONE_NEWNET &&
               (plan->options->wants_netns || (l && l->n_net_devices > 0));
}

static int open_network(InitPlan *plan, Runtime *runtime, int proc, Err *err) {
        if (!wants_network(plan))
                return 0;
        runtime->netns = openat(proc, "ns/net", O_RDONLY | O_CLOEXEC);
        if (runtime->netns < 0)
                return fail(err, errno, "cannot open the container's network namespace");
        return net_devices_move(plan->spec->linux_, runtime->netns, &runtime->devices, err);
}

/* What of the process only its parent can do, and sees in /proc. */
static int complete(InitPlan *plan, Runtime *runtime, Err *err) {
        autoclose int proc = -EBADF;
        char path[32];
        int r;

        if (!init_plan_has_userns(plan) && !wants_network(plan) &&
            !plan->spec->process->has_oom_score_adj) {
                init_raise_limits(plan->spec->process, runtime->pid);
                return 0;
        }
        snprintf(path, sizeof path, "/proc/%d", runtime->pid);
        proc = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (proc < 0)
                return fail(err, errno, "cannot open '%s'", path);
        r = map(plan, runtime, proc, err);
        if (r < 0)
                return r;
        init_raise_limits(plan->spec->process, runtime->pid);
        if (init_plan_has_userns(plan) && !plan->confined)
                r = say(runtime, INIT_MAPPED);
        if (r >= 0)
                r = init_set_oom_score(plan->spec->process, proc, "oom_score_adj", err);
        if (r < 0)
                return r;
        r = open_network(plan, runtime, proc, err);
        /* What an ordinary user may do to a process ends when that changes its ids. */
        if (r >= 0 && plan->confined && init_plan_has_userns(plan) &&
            (say(runtime, INIT_IDS) < 0 || say(runtime, INIT_MAPPED) < 0))
                r = refuse(err, ECANCELED, "the container's first process has ended");
        return r;
}

/* One whose limit of memory lets nothing start has ended without a word. */
static int explain_end(const Runtime *runtime, int r, Err *err) {
        uint64_t kills;

        if (r == -ECANCELED && runtime->cgroup && cgroup_oom_kills(runtime->cgroup, &kills) >= 0 &&
            kills > 0)
                err_hint(err, r, "it was killed for want of memory: its limit is too small");
        return r;
}

/* What makes /proc say that there is nothing comes a little before the end. */
static bool has_ended(const Runtime *runtime, int code) {
        struct pollfd end = { .fd = runtime->pidfd, .events = POLLIN };

        return runtime->pidfd >= 0 &&
               poll(&end, 1, code == -ENOENT || code == -ESRCH ? ENDING_MS : 0) > 0;
}

/* An init that has failed or was killed is gone from /proc: that counts, and the reason if it has
 * left one, not what follows from it. */
int runtime_reason(const Runtime *runtime, int r, Err *err) {
        char first;

        if (recv(runtime->sync, &first, 1, MSG_PEEK | MSG_DONTWAIT) == 1 && first == '-') {
                if (err)
                        err_clear(err);
                return err_read(runtime->sync, err);
        }
        if (!has_ended(runtime, r))
                return r;
        if (err)
                err_clear(err);
        return explain_end(
                runtime, refuse(err, ECANCELED, "the container's process was killed before it ran"),
                err);
}

static int place(Runtime *runtime, Err *err) {
        int r;

        if (runtime->placed || !runtime->cgroup || !cgroup_needs_join(runtime->cgroup))
                return 0;
        runtime->placed = true;
        r = cgroup_join(runtime->cgroup, runtime->pid, err);
        if (r < 0)
                return init_own_failure(runtime_reason(runtime, r, err));
        return tell(runtime, INIT_PLACED, err);
}

/* prestart and createRuntime, while init waits between its mounts and its root. */
static int run_hooks(const InitPlan *plan, Runtime *runtime, Err *err) {
        const char *bundle = plan->options->bundle;
        const OciHooks *hooks = plan->spec->hooks;
        autoclose int directory = -EBADF;
        autofree char *state = NULL;
        HookWorld world;
        int r;

        if (!plan->hooks_outside)
                return 0;
        r = place(runtime, err);
        if (r >= 0)
                r = init_listen_mounted(runtime->sync, &runtime->hands, err);
        if (r < 0)
                return r;
        state = hooks_state(plan->options->state, "creating", runtime->pid);
        if (bundle)
                directory = open(bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (!state || (bundle && directory < 0))
                return fail(err, state ? errno : ENOMEM, "cannot run the hooks");

        world = (HookWorld){ state, environ, directory, plan->options->hook_output };
        r = hooks_run(hooks, HOOK_PRESTART, &world, err);
        if (r >= 0)
                r = hooks_run(hooks, HOOK_CREATE_RUNTIME, &world, err);
        if (r >= 0)
                r = tell(runtime, INIT_HOOKED, err);
        return r;
}

int runtime_spawn(const OciSpec *spec, const RuntimeOptions *options, Runtime **ret, Err *err) {
        autoptr(Runtime) runtime = calloc(1, sizeof *runtime);
        autoptr(InitPlan) plan = NULL;
        int pair[2], r;

        if (!runtime)
                return fail(err, ENOMEM, "cannot start the container");
        runtime->pidfd = runtime->netns = runtime->sync = runtime->devices.home = -EBADF;
        if (options->agent)
                runtime->agent = *options->agent;
        runtime->hands = (InitHands){ -EBADF, &runtime->agent, -EBADF, 0 };
        runtime->cgroup = options->cgroup;
        r = init_plan_make(spec, options, &plan, err);
        if (r >= 0)
                r = attributes_make(spec->process, &runtime->attributes, err);
        if (r >= 0 && !init_plan_has_userns(plan))
                attributes_warn_of_capabilities(spec->process);
        if (r < 0)
                return init_own_failure(r);

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return fail(err, errno, "cannot make a socket");
        runtime->sync = pair[0];
        r = spawn(plan, runtime, pair[1], err);
        close_fd(pair[1]);
        if (r >= 0) {
                r = complete(plan, runtime, err);
                if (r < 0)
                        r = runtime_reason(runtime, r, err);
        }
        /* Only now: the process sets itself up meanwhile, and nobody else is in there yet. */
        if (r >= 0)
                r = devices_filter(plan, err);
        if (r >= 0)
                r = explain_end(runtime, run_hooks(plan, runtime, err), err);
        if (r < 0)
                return init_own_failure(r);
        *ret = take_ptr(runtime);
        return 0;
}

/* As late as can be: setting up the container is not to wait for its turn. */
static int set_attributes(const Runtime *runtime, Err *err) {
        int r = attributes_set(&runtime->attributes, runtime->pid, err);

        return r == -ESRCH ? runtime_reason(runtime, r, err) : r;
}

int runtime_hold(Runtime *runtime, Err *err) {
        int r = place(runtime, err);

        if (r >= 0)
                r = init_listen_prepared(runtime->sync, &runtime->hands, err);
        return r < 0 ? explain_end(runtime, r, err) : set_attributes(runtime, err);
}

int runtime_release(Runtime *runtime, Err *err) {
        int r = say(runtime, INIT_HOLD);

        if (r < 0)
                return fail(err, r, "the container's process was killed before it was complete");
        runtime->sync = close_fd(runtime->sync);
        runtime->running = true;
        return 0;
}

int runtime_start(Runtime *runtime, Err *err) {
        int r = place(runtime, err);

        if (r >= 0)
                r = set_attributes(runtime, err);
        if (r >= 0)
                r = tell(runtime, INIT_START, err);
        if (r < 0)
                return init_own_failure(r);
        runtime->hands.pid = runtime->pid;
        r = init_listen(runtime->sync, &runtime->hands, err);
        if (r < 0)
                return explain_end(runtime, r, err);
        runtime->sync = close_fd(runtime->sync);
        runtime->running = true;
        return 0;
}
