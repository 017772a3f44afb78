/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Verbs that end early with what they have. */

/* From now on SIGINT and SIGTERM end nothing: a descriptor becomes readable instead, and stays so.
 * The caller's; negative errno. */
int interrupt_open(void);
