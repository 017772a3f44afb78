/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Data that only a command needs
 *
 * A monitor is a copy of the command that started its container, and outlives it.  Tables full of
 * pointers are relocated when the program starts, which makes their pages the process's own: what a
 * monitor never looks at is put into a section of its own, and a monitor gives its pages back.
 */

#define COMMAND_DATA __attribute__((__section__("isola_command_data")))

/* Gives the pages back.  Nothing that is marked COMMAND_DATA may be looked at afterwards: its
 * pointers are not relocated. */
void cold_drop(void);
