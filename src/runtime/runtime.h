/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Starting isolated processes
 *
 * runtime_spawn() clones the container's first process into all its new
 * namespaces and its cgroup, writes its id maps and hands it its layers; from
 * then on that process (runtime/init.c) sets itself up while the caller
 * connects its network.  runtime_start() lets it execute the user's program
 * and reports why it could not.
 *
 *         r = runtime_spawn(spec, &options, &runtime, err);
 *         … network_attach(…, runtime_netns(runtime), …) …
 *         r = runtime_start(runtime, err);
 *         … waitid(P_PIDFD, runtime_pidfd(runtime), …) …
 *
 * The caller is the parent and reaps it.  Freeing a Runtime that was not started kills it.
 */

#include <stdbool.h>
#include <sys/types.h>

#include "base/auto.h"
#include "base/err.h"
#include "kernel/cgroup.h"
#include "kernel/landlock.h"
#include "kernel/seccomp.h"
#include "oci/spec.h"
#include "oci/state.h"
#include "runtime/agent.h"
#include "runtime/annotation.h"

/**
 * runtime_seccomp() - the filter that a specification asks for
 * @cache:	directory to keep compiled filters in, made if need be; NULL: none
 *
 * runtime_spawn() calls it for a specification with linux.seccomp; for further processes of the
 * container the caller of runtime_exec() does.
 */
int runtime_seccomp(const OciSeccomp *spec, const char *cache, SeccompFilter **ret, Err *err);

/* What the container sees as "/". */
typedef struct RuntimeRoot {
        const char *path; /* a directory and what is mounted in it, or NULL for an overlay: */
        const char *const
                *lowers;          /* absolute paths, topmost first, NULL-terminated; at least one */
        const char *upper, *work; /* NULL for a read-only view */
        const char *const *data;  /* layers of contents alone (kernel/overlay.h), or NULL */
        bool by_maker; /* the overlay is mounted by the caller, who has rights over owners
                          that the container has not */
        bool scratch;  /* upper is thrown away afterwards: see overlay_new() */
        bool as_is; /* owners in path are not mapped: they are those of a bundle made for the ids */
} RuntimeRoot;

typedef struct RuntimeOptions {
        RuntimeRoot root;
        const OciState *state;         /* what hooks are told; pid and status are filled in */
        const HookOutput *hook_output; /* where they write, or NULL */
        const char *bundle; /* absolute: relative mount sources begin there; NULL: there are none */
        const char *user;   /* image-style "name[:group]" looked up inside, or NULL for spec's */
        const Cgroup *cgroup;         /* or NULL: the caller's */
        const SeccompFilter *seccomp; /* NULL: what spec->linux_->seccomp says, or none */
        const char *seccomp_cache;    /* directory to keep compiled filters in, or NULL */
        const RuntimeAgent
                *agent; /* for filters that ask one, or NULL; its words outlive the Runtime */
        const LandlockWalls *landlock; /* NULL: none; wants no_new_privs */
        int stdio[3]; /* become 0, 1, 2; borrowed; -EBADF means /dev/null; unused with a terminal */
        bool init;    /* run the user's program below a small reaping pid 1 (--init) */
        bool dies_with_caller; /* killed when the calling process ends, however that ends */
        bool hold;             /* for runtime_hold(): it waits for START at start_socket */
        int start_socket;      /* listening, from runtime_start_socket(); borrowed */
        int maker_lock; /* a lock of the caller's, which a held process must not share; borrowed */
        unsigned preserve_fds; /* descriptors from 3 on that the program inherits as well */
        bool keep_keyring;     /* stay in the caller's session keyring */
        bool owners_stay;      /* no owners are mapped: the container's ids are those on disk */
        bool wants_netns;      /* for runtime_netns() */
        bool loopback;         /* "lo" of a new network namespace is to be up */
        /* Called in place of executing a program: see RuntimeExec; or NULL. */
        void (*inside)(const void *data);
        const void *inside_data;
        bool no_pivot; /* leave the old root below, moved out of sight, as chroot(2) does */
} RuntimeOptions;

typedef struct Runtime Runtime;

/*
 * Return: 0; negative errno with a sentence.  On failure nothing is left behind.
 * The sentence names the mount, path or limit that was in the way.
 */
int runtime_spawn(const OciSpec *spec, const RuntimeOptions *options, Runtime **ret, Err *err);

/* Why the process ended, or that it did, in place of what @err holds, which followed from that.
 * Return: the code of what counts, @code if it has not ended. */
int runtime_reason(const Runtime *r, int code, Err *err);

pid_t runtime_pid(const Runtime *r);
int runtime_pidfd(const Runtime *r); /* borrowed */
/* Owned by the caller; the Runtime has started and is of no other use any more. */
int runtime_take_pidfd(Runtime *r);
/* Borrowed; -EBADF if it shares the caller's, or .wants_netns was not said. */
int runtime_netns(const Runtime *r);
/* The terminal's master side, owned by the caller; -EBADF without one.  Valid after
 * runtime_start(). */
int runtime_take_console(Runtime *r);

/*
 * Waits for init to be ready, lets it execute, and waits until it has.
 *
 * Return: 0; -ENOENT if the program does not exist (exit code 127), -EACCES, -ENOEXEC,
 * -EISDIR if it cannot be executed (126); any other negative errno for a failure of ours (125).
 */
int runtime_start(Runtime *r, Err *err);

/*
 * Creating and starting by two different commands (runtime-spec "lifecycle")
 *
 * The first process, once it is set up, waits at a listening socket for whoever
 * starts it, so that its maker may end.  Any process that reaches the socket's
 * name can start it, hears why the program could not be executed, and need not
 * be its parent.
 *
 *         socket = runtime_start_socket(dir, "start.sock", err);
 *         r = runtime_spawn(spec, &options, &runtime, err);      with .hold
 *         r = runtime_hold(runtime, err);
 *         ... write down what was created ...
 *         r = runtime_release(runtime, err);
 *                                        another process, later:
 *         r = runtime_start_held(dir, "start.sock", err);
 */

/* Makes the socket as @name below @dir; returns it, owned by the caller. */
int runtime_start_socket(int dir, const char *name, Err *err);

/*
 * Waits until the process has set itself up and found its program; errors as of runtime_start().
 * Until runtime_release() it dies with this process, and with the Runtime.
 */
int runtime_hold(Runtime *r, Err *err);
/* From now on it waits for runtime_start_held(), whatever becomes of the caller. */
int runtime_release(Runtime *r, Err *err);

/* Has it execute its program; errors as of runtime_start(), -ESRCH if nobody waits there.
 * @agent: as in RuntimeOptions, with .init */
int runtime_start_held(int dir, const char *name, const RuntimeAgent *agent, Err *err);
/* 1 if a process waits at the socket, 0 if none does (any more); negative errno. */
int runtime_is_held(int dir, const char *name);
/* Ends a process that waits there; quiet. */
void runtime_discard_held(int dir, const char *name);

Runtime *runtime_free(Runtime *r);
DEFINE_AUTOPTR(Runtime, runtime_free)

/**
 * runtime_seal() - run from a file that a container cannot write
 *
 * To be called by whatever is about to run something without a user namespace
 * of its own, where the host's root inside could otherwise overwrite this
 * binary, and before it has done anything that must not be done twice: the
 * program is executed again, once, with the same arguments.
 *
 * Return: 0 if it runs from such a file already; negative errno.
 */
int runtime_seal(Err *err);
/* The same before a container of this specification is made or entered, unless nobody in it has the
 * ids of those who may write the file. */
int runtime_seal_for(const OciSpec *spec, Err *err);

/* One more process inside a running container. */
typedef struct RuntimeExec {
        int pidfd; /* of the container's first process, verified by the caller */
        const OciProcess *process;
        /* The container's, for what all of its processes have in common (personality, memory
         * policy, annotations); or NULL. */
        const OciSpec *spec;
        const char *user; /* as above */
        const Cgroup *cgroup;
        const SeccompFilter *seccomp; /* or NULL: none; runtime_seccomp() makes the container's */
        const RuntimeAgent *agent;    /* as above, with .init */
        const LandlockWalls *landlock;
        int stdio[3];
        bool privileged;
        unsigned preserve_fds; /* as above */
        /* Called in place of executing a program, by the process that has given up all that the
         * program would not have; its memory is the caller's, by fork. */
        void (*inside)(const void *data);
        const void *inside_data;
} RuntimeExec;

/*
 * Joins all namespaces of the target, forks into its pid namespace and cgroup and executes.
 * The calling process itself stays outside of the pid namespace but ends up inside the others:
 * it must do nothing afterwards but relay and wait.
 *
 * Return: 0 and the child's pid, pidfd and terminal master (-EBADF without one), owned by the
 * caller; error codes as runtime_start().
 */
int runtime_exec(const RuntimeExec *exec, pid_t *ret_pid, int *ret_pidfd, int *ret_console,
                 Err *err);
