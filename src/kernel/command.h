/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Other people's programs, run to their end. */

#include "base/err.h"

#define COMMAND_WORDS_MAX 4096

/**
 * command_run() - run a program and wait for it
 * @args:	its file, as search_program() finds it, and arguments
 * @ret_words:	the first COMMAND_WORDS_MAX bytes of what it wrote, both streams; the caller's.  A
 *		file, so that nobody waits for what it leaves running
 *
 * Return: its exit code, 128 and more for a signal; negative errno if it could not be run.
 */
int command_run(const char *const *args, char **ret_words);
