/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * deny ERRNO CALL[,CALL...] -- COMMAND [ARGUMENT...]
 *
 * Runs a command for which some system calls fail, as on an older kernel
 * (ENOSYS, EINVAL) or below somebody's filter (EPERM).  A call is a name or a
 * number, alone or with one argument (from 0):
 *
 *   openat2           always
 *   fsconfig:1=5      only if argument 1 is 5
 *   unshare:0&0x80    only if all these bits are set in argument 0
 *
 * What lies behind a pointer cannot be seen: clone3 fails as a whole or not at
 * all.  The filter is inherited by everything the command starts.  It is loaded
 * by right of CAP_SYS_ADMIN, not with no_new_privs, which would change more
 * than the calls.
 */

#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
        const char *name;
        int value;
} codes[] = {
        { "ENOSYS", ENOSYS },         { "EPERM", EPERM },   { "EINVAL", EINVAL },
        { "ENOMEM", ENOMEM },         { "ENOSPC", ENOSPC }, { "EMFILE", EMFILE },
        { "EOPNOTSUPP", EOPNOTSUPP }, { "EAGAIN", EAGAIN },
};

static int code_of(const char *name) {
        for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
                if (strcmp(name, codes[i].name) == 0)
                        return codes[i].value;
        return -1;
}

static int number_of(const char *name) {
        char *end;
        long number = strtol(name, &end, 0);

        return *name && !*end ? (int) number : seccomp_syscall_resolve_name(name);
}

/* Reads "1=5" or "0&0x80". */
static int argument_of(const char *text, struct scmp_arg_cmp *ret) {
        char *middle, *end;
        unsigned long argument = strtoul(text, &middle, 0);
        unsigned long long value;

        if (argument > 5 || middle == text || (*middle != '=' && *middle != '&'))
                return -1;
        value = strtoull(middle + 1, &end, 0);
        if (*end || end == middle + 1)
                return -1;
        *ret = *middle == '=' ? SCMP_CMP((unsigned) argument, SCMP_CMP_EQ, value)
                              : SCMP_CMP((unsigned) argument, SCMP_CMP_MASKED_EQ, value, value);
        return 0;
}

static int deny(scmp_filter_ctx filter, int code, char *call) {
        char *argument = strchr(call, ':');
        struct scmp_arg_cmp compare;
        int number;

        if (argument)
                *argument++ = 0;
        number = number_of(call);
        if (number == __NR_SCMP_ERROR || (argument && argument_of(argument, &compare) < 0)) {
                fprintf(stderr, "deny: cannot deny '%s'\n", call);
                return -EINVAL;
        }
        return argument ? seccomp_rule_add_array(filter, SCMP_ACT_ERRNO((unsigned) code), number, 1,
                                                 &compare)
                        : seccomp_rule_add_array(filter, SCMP_ACT_ERRNO((unsigned) code), number, 0,
                                                 NULL);
}

int main(int argc, char **argv) {
        scmp_filter_ctx filter;
        int code, r = 0;

        if (argc < 5 || strcmp(argv[3], "--") != 0 || (code = code_of(argv[1])) < 0) {
                fprintf(stderr, "usage: deny ERRNO CALL[:ARGUMENT=VALUE|:ARGUMENT&BITS][,...] -- "
                                "COMMAND [ARGUMENT...]\n");
                return 2;
        }
        filter = seccomp_init(SCMP_ACT_ALLOW);
        if (!filter || seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0) < 0)
                return 2;
        for (char *call = strtok(argv[2], ","); call && r >= 0; call = strtok(NULL, ","))
                r = deny(filter, code, call);
        if (r >= 0)
                r = seccomp_load(filter);
        if (r < 0) {
                fprintf(stderr, "deny: cannot load the filter: %s\n", strerror(-r));
                return 2;
        }
        execvp(argv[4], argv + 4);
        fprintf(stderr, "deny: cannot run '%s': %s\n", argv[4], strerror(errno));
        return 2;
}
