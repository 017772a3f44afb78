/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The program git, locked in
 *
 * git talks to strangers and reads what they send, so each command of it runs as a process of its
 * own that is nobody: new user, mount, pid, IPC, UTS and cgroup namespaces in the caller's network,
 * one id that nobody else has, no capability, no new privileges, the containers' system call list.
 * Its root is an empty file system in memory with the machine's programs (/usr and its like)
 * read-only, what of /etc says how to reach hosts and whom to trust, /dev/null, and /checkout, the
 * one directory of the machine's that it may write.  No configuration of the machine's or the
 * user's counts, no hook is run, nobody is asked for a password, and only http, https, git and ssh
 * are spoken.  It dies with its caller.
 *
 * What it could do if it were taken over: write into /checkout, which is taken for foreign anyway,
 * and talk to the network.
 */

#include "base/auto.h"
#include "base/err.h"

#define GIT_WORK "/checkout"

typedef struct GitCommand {
        const char *const *args; /* behind "git" */
        char *const *config;     /* "name=value": settings that nobody else may see; or NULL */
        const char *work;  /* directory that is /checkout, owned by the caller's root; or NULL */
        const char *agent; /* socket of an SSH agent in /checkout, as "/checkout/NAME"; or NULL */
} GitCommand;

typedef struct GitOutput {
        int status; /* exit code, 128 and more for a signal */
        char *out, *errors;
} GitOutput;

void git_output_clear(GitOutput *output);
#define autogitoutput __attribute__((__cleanup__(git_output_clear))) GitOutput

/**
 * git_run() - run one command of git to its end
 * @ret:	what it said, cut after 16 MiB; also where it failed
 *
 * A signal that the caller has blocked and that is waiting (SIGINT, SIGTERM, SIGHUP) ends it.
 *
 * Return: 0 if it ran, whatever its exit code; -ENOENT if there is no git here; -EINTR.
 */
int git_run(const GitCommand *command, GitOutput *ret, Err *err);
