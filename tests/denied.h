/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A kernel without this call, for the rest of a test case: denied(__NR_openat2, ENOSYS).
 * Calls of the process's own architecture only, which is all that a test makes.
 */

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "test.h"

static inline void denied(int call, int code) {
        struct sock_filter filter[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned) call, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned) code),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        const struct sock_fprog program = { sizeof filter / sizeof *filter, filter };

        expect(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
        expect(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}
