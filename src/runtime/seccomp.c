/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/file.h"
#include "kernel/seccomp_rules.h"
#include "runtime/runtime.h"

/* The rules borrow every word of the specification; only the two arrays are theirs. */
static int borrow_rules(const OciSeccomp *spec, SeccompRules *ret, SeccompArg **ret_args) {
        size_t n = 0, next = 0;

        for (size_t i = 0; i < spec->n_syscalls; i++)
                n += spec->syscalls[i].n_args;
        ret->rules = calloc(spec->n_syscalls + 1, sizeof *ret->rules);
        *ret_args = calloc(n + 1, sizeof **ret_args);
        if (!ret->rules || !*ret_args)
                return -ENOMEM;
        for (size_t i = 0; i < spec->n_syscalls; i++) {
                const OciSyscall *call = &spec->syscalls[i];

                ret->rules[i] = (SeccompRule){
                        .names = call->names,
                        .action = call->action,
                        .errno_ret = call->errno_ret,
                        .has_errno_ret = call->has_errno_ret,
                        .args = *ret_args + next,
                        .n_args = call->n_args,
                };
                for (size_t a = 0; a < call->n_args; a++)
                        (*ret_args)[next++] =
                                (SeccompArg){ call->args[a].index, call->args[a].value,
                                              call->args[a].value_two, call->args[a].op };
        }
        ret->n_rules = spec->n_syscalls;
        return 0;
}

int runtime_seccomp(const OciSeccomp *spec, const char *cache, SeccompFilter **ret, Err *err) {
        autoclose int dir = cache ? dir_open(AT_FDCWD, cache, 0700) : -EBADF;
        SeccompRules rules = {
                .default_action = spec->default_action,
                .default_errno_ret = spec->default_errno_ret,
                .has_default_errno_ret = spec->has_default_errno_ret,
                .architectures = spec->architectures,
                .flags = spec->flags,
                .listener_path = spec->listener_path,
                .listener_metadata = spec->listener_metadata,
        };
        SeccompArg *args = NULL;
        int r;

        r = borrow_rules(spec, &rules, &args);
        if (r < 0)
                fail(err, r, "cannot read 'linux.seccomp'");
        else {
                r = seccomp_rules_compile(&rules, 0, dir, ret, err);
                if (r < 0)
                        err_prefix(err, r, "cannot use 'linux.seccomp'");
        }
        free(rules.rules);
        free(args);
        return r;
}
