/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What verbs that take several containers have in common. */

#include "cli/command.h"
#include "engine/container.h"

typedef int (*ContainerVerb)(Container *c, const void *options, Err *err);

/**
 * operands_each() - do something to every container that was named
 *
 * Prints each name as it was typed once that is done.  After an error, which is
 * printed, it goes on with the next one, as Docker does.
 *
 * Return: the exit code: 0, or 1 if anything failed.
 */
int operands_each(const CommandInput *in, ContainerVerb verb);

/*
 * Same with up to 32 at a time, each in a process of its own: what mostly waits
 * (stop with its grace period) takes as long as the slowest, not their sum.
 */
int operands_all(const CommandInput *in, ContainerVerb verb);

/* operands_all() for which a container that is not there is worth a word, but no failure. */
int operands_all_if_there(const CommandInput *in, ContainerVerb verb);

/* -EINVAL if a terminal is to pass on standard input (@input, @tty), which is not one. */
int operand_terminal(bool input, bool tty, Err *err);

/* Docker's exit code for why a program did not start: 127 not found, 126 not executable, 125. */
int start_failure_code(int r);

/* Reads a signal's name or number for the kernel; -EINVAL with a sentence. */
int operand_signal(const char *text, int *ret, Err *err);

/*
 * How long to wait for a container to end, in milliseconds, -1 for ever: as @asked (seconds, or
 * NULL), as it was made with, or 10 s.
 */
int operand_stop_timeout(const Container *c, const char *asked, int64_t *ret_ms, Err *err);
