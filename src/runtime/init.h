/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "runtime/init_plan.h"

/*
 * What init and its parent tell each other, over a SOCK_SEQPACKET pair, one
 * byte each but for an error.  The socket closes when the program runs.
 *
 *   parent  IDS      the ids are mapped (this and the next: only with a user namespace)
 *           MAPPED   the owners of the mounts are mapped, too
 *           PLACED   it is in its cgroups (only where plan and cgroup need it)
 *           HOOKED   the hooks outside have run (only where there are some)
 *           START    execute
 *           HOLD     wait for START at the start socket instead (runtime_hold()); the connection
 *                    to whoever says it takes this one's place
 *           QUIT     at the start socket only: end
 *   init    MOUNTED  namespaces and mounts are there (only where there are such hooks)
 *           CONSOLE  with the terminal's master
 *           PREPARED it is set up and its program is there; only where it is held
 *           READY    what is left is to give rights up, the hooks of startContainer and to execute:
 *                    a process that ends from here on without an error was the program, or
 *                    killed in its place
 *           LISTENER with the listener of a filter that asks an agent (runtime/agent.h)
 *           (error)  err_write(): a minus sign and so on; init ends
 *
 * Whoever waits for the other's word and finds it gone: init ends; the parent, whose own words are
 * lost then without harm (init_tell()), takes what was said last as the reason.
 *
 * A further process (exec.c) hears only PLACED, which means that its scheduler is set, too, and
 * says CONSOLE, READY, LISTENER and errors.
 */
enum {
        INIT_IDS = 'I',
        INIT_MAPPED = 'M',
        INIT_PLACED = 'P',
        INIT_HOOKED = 'K',
        INIT_START = 'S',
        INIT_HOLD = 'H',
        INIT_QUIT = 'Q',
        INIT_MOUNTED = 'N',
        INIT_CONSOLE = 'C',
        INIT_PREPARED = 'D',
        INIT_LISTENER = 'L',
        INIT_READY = 'R',
};

/* Becomes the container's program; the plan is a copy of the parent's, by fork. */
_Noreturn void init_run(const InitPlan *plan, int sync);

/*
 * The codes of runtime_start() are kept for the program's own failures; a failure
 * of ours with the same number gets another one.
 */
int init_own_failure(int code);

/* Sends the error to the parent and ends; the second says that the failure is ours. */
_Noreturn void init_fail(int sync, const Err *err);
_Noreturn void init_fail_setup(int sync, Err *err);

/* Waits for one word of the parent's; if it has gone, so do we. */
void init_wait_for(int sync, char word);

/* A session of its own, and unless the caller's is kept, a keyring. */
void init_leave_session(bool keep_keyring);

/* Makes a terminal in @devpts, as large as the process says, and hands its master over. */
int init_make_console(const OciProcess *process, int devpts, int sync, int *ret_slave, Err *err);

/*
 * Says that all is prepared, waits for HOLD, and then at the start socket for the one who starts.
 * Returns the connection to it, which takes the place of @sync; ends the process otherwise.
 */
int init_hold(const RuntimeOptions *options, int sync);

/* While a container is set up. */
#define INIT_UMASK 0022

/* What is common to a container's first and every further process. */
typedef struct InitProgram {
        const OciProcess *process;
        const OciLinux *linux_; /* of its container, or NULL */
        const char *user;
        const SeccompFilter *seccomp;
        const LandlockWalls *landlock;
        const int *stdio;
        int null;                         /* the host's, for a container without one */
        int proc;                         /* the host's /proc, if attributes_need_proc() */
        mode_t umask;                     /* where the process says none; INIT_UMASK holds now */
        void (*inside)(const void *data); /* in place of a program, or NULL */
        const void *inside_data;
        bool all_capabilities;
        bool keep_groups;
        bool below_init; /* --init */
        bool dies_with_caller;
        const OciHooks *hooks; /* for startContainer; NULL: none */
        const HookOutput *hook_output;
        const OciState *state;
        unsigned preserve_fds;
} InitProgram;

/* From root inside the namespaces to the user's program. */
_Noreturn void init_execute(const InitProgram *program, int slave, int sync);

/* What is done with what the child hands over. */
typedef struct InitHands {
        int console;               /* the terminal's master; -EBADF before */
        const RuntimeAgent *agent; /* whom a listener is for, or NULL */
        int connection;            /* to it; -EBADF: to be made when it is needed */
        pid_t pid;                 /* of the child; 0: it is the container's first process */
} InitHands;

/* Says a word; negative errno. */
int init_say(int sync, char word);
/* Says what the other end waits for.  0 also if that has failed already: then it has left its
 * reason in the socket. */
int init_tell(int sync, char word, Err *err);

/*
 * The parent's half.  init_listen() reads what the child has to say, until it
 * executes or fails.
 * -ECANCELED if it ended before it was ready.
 */
int init_listen(int sync, InitHands *hands, Err *err);
/* Same, until its mounts are there. */
int init_listen_mounted(int sync, InitHands *hands, Err *err);
/* Same for one that is held: until it is prepared. */
int init_listen_prepared(int sync, InitHands *hands, Err *err);
/* Gives the pipes among them to that host id, root inside, who may pass them on to the user. */
void init_own_streams(const int *stdio, int64_t uid, int64_t gid);
/* Only the host's root may raise a maximum, so it is done by the parent; @pid 0: itself. */
void init_raise_limits(const OciProcess *process, pid_t pid);
int init_set_oom_score(const OciProcess *process, int dir, const char *path, Err *err);
