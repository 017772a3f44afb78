/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <linux/mempolicy.h>
#include <sys/syscall.h>

#include "kernel/memory_policy.h"
#include "test.h"

TEST(modes_and_flags_have_the_kernels_numbers) {
        MemoryNodes nodes;
        int mode;

        mode = memory_policy_mode("MPOL_BIND", &nodes);
        expect(mode == MPOL_BIND && nodes == MEMORY_NODES_SOME);
        expect(memory_policy_mode("MPOL_LOCAL", &nodes) == MPOL_LOCAL);
        expect(nodes == MEMORY_NODES_NONE);
        expect(memory_policy_mode("MPOL_PREFERRED", &nodes) == MPOL_PREFERRED);
        expect(nodes == MEMORY_NODES_ANY);
        expect(memory_policy_mode("MPOL_PREFERRED_MANY", NULL) == 5);
        expect(memory_policy_mode("MPOL_WEIGHTED_INTERLEAVE", NULL) == 6);
        expect(memory_policy_mode("bind", NULL) == -EINVAL);
        expect_ok(memory_policy_add_flag("MPOL_F_STATIC_NODES", &mode));
        expect(mode == (MPOL_BIND | MPOL_F_STATIC_NODES));
        expect(memory_policy_add_flag("MPOL_F_X", &mode) == -EINVAL);
}

static int current_mode(unsigned long *ret_nodes) {
        unsigned long nodes[128] = {};
        int mode = -1;

        expect(syscall(SYS_get_mempolicy, &mode, nodes, 8 * sizeof nodes, NULL, 0) == 0);
        *ret_nodes = nodes[0];
        return mode;
}

TEST(a_policy_is_taken_on) {
        unsigned long nodes;
        Bitlist first;
        int r, mode;

        expect_ok(bitlist_parse("0", &first));
        r = memory_policy_set(MPOL_BIND | MPOL_F_STATIC_NODES, &first);
        if (r == -ENOSYS)
                skip("this kernel knows no memory nodes");
        expect_ok(r);
        expect(current_mode(&nodes) == (MPOL_BIND | MPOL_F_STATIC_NODES) && nodes == 1);
        expect_ok(memory_policy_set(MPOL_LOCAL, NULL));
        mode = current_mode(&nodes);
        /* Before 5.14 it was kept as a preference for no node. */
        expect((mode == MPOL_LOCAL || mode == MPOL_PREFERRED) && nodes == 0);
        expect_ok(memory_policy_set(MPOL_DEFAULT, NULL));
        expect(memory_policy_set(MPOL_BIND, NULL) == -EINVAL);
}
