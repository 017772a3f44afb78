/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "kernel/seccomp_rules.h"

#define X32_BIT       0x40000000
#define STUB_PER_ARCH 9 /* instructions, at most */

/* The highest number that the rules name, or -1. */
static int highest_call(const SeccompRules *rules, uint32_t arch) {
        int highest = -1;

        for (size_t i = 0; i < rules->n_rules; i++) {
                const SeccompRule *rule = &rules->rules[i];
                char *alone[] = { rule->name, NULL };
                char **lists[] = { rule->names, alone };

                for (size_t l = 0; l < 2; l++)
                        strv_foreach(name, lists[l]) {
                                int nr = seccomp_syscall_resolve_name_arch(arch, *name);

                                /* Negative ones are calls that this architecture lacks. */
                                if (nr >= 0 && (nr & ~X32_BIT) > highest)
                                        highest = nr & ~X32_BIT;
                        }
        }
        return highest;
}

typedef struct Stub {
        struct sock_filter *code;
        size_t n;
} Stub;

static void emit(Stub *s, uint16_t op, uint8_t yes, uint8_t no, uint32_t k) {
        s->code[s->n++] = (struct sock_filter){ op, yes, no, k };
}

/* "beyond the highest it is ENOSYS, else the filter decides"; the jump is set by link_ends(). */
static void emit_limit(Stub *s, uint32_t highest) {
        emit(s, BPF_JMP | BPF_JGT | BPF_K, 0, 1, highest);
        emit(s, BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | ENOSYS);
        emit(s, BPF_JMP | BPF_JA, 0, 0, 0);
}

static void emit_arch(Stub *s, uint32_t arch, uint32_t highest, int highest_x32) {
        size_t first = s->n, branch = 0;

        emit(s, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, arch);
        emit(s, BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr));
        if (arch == SCMP_ARCH_X86_64) {
                /* x32's calls come as x86_64's, with a bit; whether they are let in is the filter's
                 * to say. */
                branch = s->n;
                emit(s, BPF_JMP | BPF_JSET | BPF_K, 0, 0, X32_BIT);
                if (highest_x32 >= 0)
                        emit_limit(s, (uint32_t) highest_x32 | X32_BIT);
                else
                        emit(s, BPF_JMP | BPF_JA, 0, 0, 0);
                s->code[branch].jf = (uint8_t) (s->n - branch - 1);
        }
        emit_limit(s, highest);
        s->code[first].jf = (uint8_t) (s->n - first - 1);
}

static void link_ends(Stub *s) {
        for (size_t i = 0; i < s->n; i++)
                if (s->code[i].code == (BPF_JMP | BPF_JA))
                        s->code[i].k = (uint32_t) (s->n - i - 1);
}

int seccomp_add_stub(const SeccompRules *rules, const uint32_t *arches, size_t n,
                     SeccompFilter *f) {
        Stub s = { .code = calloc(1 + n * STUB_PER_ARCH + f->n, sizeof *s.code) };
        int highest_x32 = -1;

        if (!s.code)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                if (arches[i] == SCMP_ARCH_X32)
                        highest_x32 = highest_call(rules, SCMP_ARCH_X32);
        emit(&s, BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, arch));
        for (size_t i = 0; i < n; i++) {
                int highest = arches[i] == SCMP_ARCH_X32 ? -1 : highest_call(rules, arches[i]);

                if (highest >= 0)
                        emit_arch(&s, arches[i], (uint32_t) highest, highest_x32);
        }
        link_ends(&s);
        if (s.n + f->n > BPF_MAXINSNS) {
                free(s.code);
                return -E2BIG;
        }
        memcpy(s.code + s.n, f->code, f->n * sizeof *f->code);
        free(f->owned);
        f->code = f->owned = s.code;
        f->n += s.n;
        return 0;
}
