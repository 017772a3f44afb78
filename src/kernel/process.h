/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Making processes and cleaning what they inherit. */

#include <signal.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/**
 * process_clone() - fork with clone3(2)
 * @flags:	CLONE_*; CLONE_PIDFD and CLONE_INTO_CGROUP are added as the others ask
 * @cgroup:	cgroup v2 directory to be born in, or negative
 * @ret_pidfd:	NULL, or where the child's pidfd goes, owned by the caller
 *
 * The child has a copy of the memory, as after fork().  Signal handlers are
 * back to default in the child.
 *
 * Where clone3() is denied (by a container around us; it is in every kernel from
 * 5.10 on), clone(2) makes the child, which enters its time namespace by itself and
 * waits until the parent has moved it into its cgroup: the same, but slower.
 *
 * Return: the child's pid, 0 in the child; negative errno.
 */
pid_t process_clone(uint64_t flags, int cgroup, int *ret_pidfd);

/* Waits for the end of a child of ours and takes its status away; 0 or negative errno. */
int process_reap(int pidfd, siginfo_t *ret);

/**
 * process_exit_status() - how a process ended that is no child of ours
 * @ret_status:	as wait(2) has it
 *
 * The kernel tells once whoever's child it was has reaped it, which makes the pidfd say POLLHUP.
 *
 * Return: 0; -EOPNOTSUPP if it does not tell (yet); negative errno: before Linux 6.15 -ENOTTY or
 * -EINVAL.
 */
int process_exit_status(int pidfd, int *ret_status);

/* Kills a child of ours and takes its status away; quiet if it is gone. */
void process_kill_and_reap(int pidfd);

/* Becomes user and group 0 of the user namespace, without other groups.  Where setgroups(2) is
 * forbidden, as in the namespace of a user who may map nobody but himself, they stay: they are
 * nobody's there.  Sets errno. */
int process_become_root(void);

/* All signals at their default (also those that were ignored), none blocked. */
void process_reset_signals(void);

/* Every descriptor from first on will be closed by execve(); one by one without close_range(2). */
int process_close_on_exec(unsigned first);
/* Closes the descriptors from first to last. */
void process_close_range(unsigned first, unsigned last);

/* Closes all but some, negative ones among them ignored. */
void process_close_all_but(const int *keep, size_t n);

/* Fails with a sentence where processes cannot be opened and signalled by pidfd. */
int process_check_pidfds(Err *err);

/* The pid behind a pidfd, in the caller's pid namespace; -ESRCH if it is gone. */
pid_t process_of_pidfd(int pidfd);

/**
 * process_shed_memory() - give back what the process has used until now and not any more
 *
 * The heap's free end, and the stack below the caller: for one that did a lot at its beginning and
 * then waits for long.
 */
void process_shed_memory(void);
