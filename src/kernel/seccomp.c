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

int seccomp_for_caps(uint64_t caps, const SeccompFilter **ret, SeccompFilter **ret_own, Err *err) {
        autoptr(SeccompFilter) f = NULL;
        int n;

        *ret_own = NULL;
        if (!(caps & seccomp_profile_opening_caps())) {
                *ret = seccomp_default();
                return 0;
        }

        f = calloc(1, sizeof *f);
        if (f)
                f->code = f->owned = calloc(SECCOMP_PROFILE_MAX, sizeof *f->owned);
        if (!f || !f->code)
                return fail(err, ENOMEM, "cannot make a system call filter");
        n = seccomp_profile_build(caps, f->owned);
        if (n < 0)
                return fail(err, n, "cannot make a system call filter");
        f->n = (size_t) n;
        *ret = *ret_own = take_ptr(f);
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
