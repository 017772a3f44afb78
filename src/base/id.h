/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Identifiers and names of containers, networks and images. */

#include <stdbool.h>

#define ID_LENGTH       64
#define ID_SHORT_LENGTH 12

/* 64 random lower-case hexadecimal digits; never all decimal, so an id is no number. */
void id_new(char id[ID_LENGTH + 1]);
/* "brave_island": an adjective and something that isolates; not unique by itself. */
char *name_random(void);
/* [a-zA-Z0-9][a-zA-Z0-9_.-]{0,127} */
bool name_is_valid(const char *name);
/* 1 to 64 lower-case hexadecimal digits. */
bool id_is_prefix(const char *text);
/* The boot's random id, from /proc/sys/kernel/random/boot_id; "" where there is none.  Static. */
const char *boot_id(void);
