/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Executes the program again from a file that no container can write, if @stack (the argument
 * count, as the kernel left it) has a verb that enters one; returns where it cannot or need not. */
void entry_seal(long *stack);
