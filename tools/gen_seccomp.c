/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Prints the built-in system call filter as a C file; run by Meson. */

#include <inttypes.h>
#include <stdio.h>

#include "kernel/seccomp_profile.h"

int main(void) {
        /* Of the default capabilities only CAP_SYS_CHROOT (18) opens a call. */
        const SeccompProfile profile = { .caps = UINT64_C(1) << 18 };
        struct sock_filter code[SECCOMP_PROFILE_MAX];
        int n;

        n = seccomp_profile_build(&profile, code);
        if (n < 0) {
                fprintf(stderr, "gen_seccomp: the filter is too long\n");
                return 1;
        }
        printf("/* Made by tools/gen_seccomp.c from kernel/seccomp_profile.c. */\n\n"
               "#include \"kernel/seccomp_default.h\"\n\n"
               "static const struct sock_filter code[] = {\n");
        for (int i = 0; i < n; i++)
                printf("\t{ 0x%02x, %u, %u, 0x%08" PRIx32 " },\n", code[i].code, code[i].jt,
                       code[i].jf, code[i].k);
        printf("};\n\nconst SeccompFilter seccomp_default_filter = { .code = code, .n = %d };\n",
               n);
        return fflush(stdout) != 0;
}
