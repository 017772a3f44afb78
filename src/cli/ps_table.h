/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The processes of a container as ps(1) shows them. */

#include <sys/types.h>

#include "base/err.h"

/**
 * ps_table_print() - run ps and print those of its lines that are about these processes
 * @words:	the user's options of ps, which choose the columns; empty: -ef, as runc and Docker
 * do
 *
 * Return: 0; -EINVAL if ps does not know the options, or prints no column PID.
 */
int ps_table_print(const pid_t *pids, size_t n, char *const *words, Err *err);
