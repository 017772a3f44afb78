/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Which memory nodes a process takes its memory from (set_mempolicy(2)), by the runtime
 * specification's names. */

#include <stdint.h>

#include "kernel/bitlist.h"

/* What a mode wants to be told. */
typedef enum MemoryNodes {
        MEMORY_NODES_NONE,
        MEMORY_NODES_ANY, /* also none */
        MEMORY_NODES_SOME,
} MemoryNodes;

/* "MPOL_BIND"; -EINVAL for no such name.  @ret_nodes may be NULL. */
int memory_policy_mode(const char *name, MemoryNodes *ret_nodes);
/* Adds the bit of "MPOL_F_STATIC_NODES" to the mode; 0 or -EINVAL. */
int memory_policy_add_flag(const char *name, int *mode);
/* The words that are known, for `features`; NULL behind the last. */
const char *memory_policy_mode_name(size_t i);
const char *memory_policy_flag_name(size_t i);
/* Of the calling thread and its children; -ENOSYS where the kernel knows no nodes. */
int memory_policy_set(int mode, const Bitlist *nodes);
