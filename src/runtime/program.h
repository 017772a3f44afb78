/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/err.h"

/*
 * Resets signals and has all descriptors closed on exec but 0 to 2 and @preserve_fds from 3 on:
 * before the system call filter, which need not allow that.
 */
int program_prepare(unsigned preserve_fds, Err *err);

/**
 * program_exec() - become the user's program
 * @args:	its name and arguments; a name without slash is searched in PATH
 * @env:	the environment, whose PATH it is
 *
 * Return: only on failure: -ENOENT if there is no such program, -EACCES,
 * -ENOEXEC or -EISDIR if it cannot be executed.
 */
int program_exec(char *const *args, char *const *env, Err *err);

/* Whether there is such a program that somebody may execute, without executing it; errors as
 * above. */
int program_find(char *const *args, char *const *env, Err *err);

/* Environment for the program: env, and HOME=home where it has none; owned by the caller. */
char **program_environment(char *const *env, const char *home);

/*
 * Is the container's first process, above the program (--init): forks, executes
 * the program in the child, and in the parent passes signals on and reaps
 * whatever is orphaned until the program ends, then ends with its status.
 *
 * Return: only in the child, or on failure.
 */
int program_fork_below(Err *err);
