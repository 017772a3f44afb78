/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <linux/mempolicy.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/memory_policy.h"

/* In Linux since 5.15 and 6.9. */
#define MODE_PREFERRED_MANY      5
#define MODE_WEIGHTED_INTERLEAVE 6

static const struct {
        const char *name;
        int mode;
        MemoryNodes nodes;
} modes[] = {
        { "MPOL_DEFAULT", MPOL_DEFAULT, MEMORY_NODES_NONE },
        { "MPOL_BIND", MPOL_BIND, MEMORY_NODES_SOME },
        { "MPOL_INTERLEAVE", MPOL_INTERLEAVE, MEMORY_NODES_SOME },
        { "MPOL_WEIGHTED_INTERLEAVE", MODE_WEIGHTED_INTERLEAVE, MEMORY_NODES_SOME },
        { "MPOL_PREFERRED", MPOL_PREFERRED, MEMORY_NODES_ANY },
        { "MPOL_PREFERRED_MANY", MODE_PREFERRED_MANY, MEMORY_NODES_SOME },
        { "MPOL_LOCAL", MPOL_LOCAL, MEMORY_NODES_NONE },
};

static const struct {
        const char *name;
        int flag;
} flags[] = {
        { "MPOL_F_NUMA_BALANCING", 1 << 13 },
        { "MPOL_F_RELATIVE_NODES", 1 << 14 },
        { "MPOL_F_STATIC_NODES", 1 << 15 },
};

int memory_policy_mode(const char *name, MemoryNodes *ret_nodes) {
        for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
                if (strcmp(name, modes[i].name) == 0) {
                        if (ret_nodes)
                                *ret_nodes = modes[i].nodes;
                        return modes[i].mode;
                }
        return -EINVAL;
}

int memory_policy_add_flag(const char *name, int *mode) {
        for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
                if (strcmp(name, flags[i].name) == 0) {
                        *mode |= flags[i].flag;
                        return 0;
                }
        return -EINVAL;
}

const char *memory_policy_mode_name(size_t i) {
        return i < sizeof modes / sizeof *modes ? modes[i].name : NULL;
}

const char *memory_policy_flag_name(size_t i) {
        return i < sizeof flags / sizeof *flags ? flags[i].name : NULL;
}

int memory_policy_set(int mode, const Bitlist *nodes) {
        unsigned long n = 0;

        /* The kernel refuses a mask with bits beyond its nodes, and one that is not empty where
         * none are wanted; it takes one bit less than it is told (mm/mempolicy.c, get_nodes()). */
        for (unsigned long i = 0; nodes && i < BITLIST_MAX; i++)
                if (bitlist_has(nodes, i))
                        n = i + 2;
        return syscall(SYS_set_mempolicy, mode, n ? nodes->bits : NULL, n) < 0 ? -errno : 0;
}
