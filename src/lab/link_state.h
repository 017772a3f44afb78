/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Cutting a cable of the kernel's, and laying it again; for any link see lab_link_cut(). */

#include "lab/lab.h"

/**
 * lab_cut_link() - let nothing through a link any more
 *
 * The end at a switch is set down, or else the first: the other one loses its carrier, as with a
 * cable that is pulled.  Its addresses stay, its static routes are written down, in
 * $RUN/labs/NAME/cut-LINK, and come back with lab_restore_link().
 *
 * Return: 0, also if it is cut already; negative errno with a sentence.
 */
int lab_cut_link(const Lab *lab, size_t link, Err *err);
/* 0, also if it is not cut. */
int lab_restore_link(const Lab *lab, size_t link, Err *err);
/* Writes down that it is cut, for whoever emulates it later. */
int lab_note_cut(const Lab *lab, size_t link, Err *err);
/* Forgets it: the link itself goes, or somebody else has restored it. */
void lab_forget_cut(const Lab *lab, size_t link);
/* Whether a cable's cut is at that end. */
bool lab_link_is_cut_at(const Lab *lab, size_t link, int end);
bool lab_link_is_cut(const Lab *lab, size_t link);
