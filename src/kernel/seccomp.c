/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/seccomp.h"
#include "kernel/seccomp_default.h"
#include "kernel/seccomp_profile.h"

SeccompFilter *seccomp_free(SeccompFilter *f) {
        if (f) {
                free(f->owned);
                free(f);
        }
        return NULL;
}

const SeccompFilter *seccomp_default(void) {
        return &seccomp_default_filter;
}

static int build(const SeccompProfile *profile, SeccompFilter **ret) {
        autoptr(SeccompFilter) f = calloc(1, sizeof *f);
        int n;

        if (f)
                f->code = f->owned = calloc(SECCOMP_PROFILE_MAX, sizeof *f->owned);
        if (!f || !f->code)
                return -ENOMEM;
        n = seccomp_profile_build(profile, f->owned);
        if (n < 0)
                return n;
        f->n = (size_t) n;
        *ret = take_ptr(f);
        return 0;
}

int seccomp_builtin(const SeccompChoice *choice, const SeccompFilter **ret, SeccompFilter **ret_own,
                    Err *err) {
        SeccompProfile profile = { .caps = choice->caps, .strict = choice->strict };
        uint16_t compat[SECCOMP_CALLS_MAX];
        int r;

        *ret_own = NULL;
        if (!choice->strict && !choice->compat32 &&
            !(choice->caps & seccomp_profile_opening_caps())) {
                *ret = seccomp_default();
                return 0;
        }
        if (choice->compat32) {
                r = seccomp_compat_decide(&profile, compat);
                if (r < 0)
                        return refuse(err, r, "there are no 32-bit calls on this architecture");
                profile.compat = compat;
        }
        r = build(&profile, ret_own);
        if (r < 0)
                return fail(err, r, "cannot make a system call filter");
        *ret = *ret_own;
        return 0;
}

int seccomp_apply(const SeccompFilter *f) {
        struct sock_fprog program = {
                .len = (unsigned short) f->n,
                .filter = (struct sock_filter *) f->code, /* the kernel only reads it */
        };

        if (f->n > BPF_MAXINSNS)
                return -E2BIG;
        if (f->notifies)
                return -EINVAL; /* nobody would ever answer */
        return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, f->flags, &program) < 0 ? -errno : 0;
}
