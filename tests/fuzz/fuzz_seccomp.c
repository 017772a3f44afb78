/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Profiles of system calls, in the OCI's and in Docker's format: what is accepted is a program. */

#include <linux/filter.h>

#include "fuzz.h"
#include "kernel/seccomp_rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        autoptr(SeccompRules) rules = NULL;
        autoptr(SeccompFilter) filter = NULL;
        autoerr err = {}, why = {};
        int r;

        r = seccomp_rules_parse((const char *) data, size, "profile", &rules, &err);
        must_agree(r, &err);
        if (r < 0)
                return 0;
        r = seccomp_rules_compile(rules, 0x20, -1, &filter, &why);
        must_agree(r, &why);
        must(r < 0 || (filter && filter->n > 0 && filter->n <= BPF_MAXINSNS));
        return 0;
}
