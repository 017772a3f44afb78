/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * An interface that changes its network namespace
 *
 * The kernel takes an interface's addresses away when it leaves; what its owner
 * has set for good (permanent, of global scope) is given to it again where it
 * arrives.  runtime-spec "config-linux.md", Network Devices.
 */

#include "base/err.h"

/**
 * link_move() - move an interface, with its addresses, and set it up there
 * @from:	network namespace that it is in, or -EBADF for the caller's
 * @name:	what it is called there
 * @to:		network namespace
 * @new_name:	what it is to be called; "%d" in it becomes the first free number
 * @ret_name:	what it is called now: room for IF_NAMESIZE bytes
 *
 * Return: 0; -ENODEV if there is none; -EEXIST if the name is taken; negative errno with a
 * sentence.  If it could not take its name it is back, with its addresses and up.
 */
int link_move(int from, const char *name, int to, const char *new_name, char *ret_name, Err *err);
