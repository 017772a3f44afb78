/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "kernel/cap_name.h"
#include "kernel/seccomp_cache.h"
#include "kernel/seccomp_rules.h"

#define ARGS_MAX 6
#define ARCH_MAX 32

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

static void context_release(scmp_filter_ctx *context) {
        if (*context)
                seccomp_release(*context);
}

/* --- words to numbers --- */

static const struct {
        const char *name;
        uint32_t action;
        bool has_number; /* an errno, or what a tracer is told */
} actions[] = {
        { "SCMP_ACT_ALLOW", SCMP_ACT_ALLOW, false },
        { "SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(0), true },
        { "SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD, false },
        { "SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS, false },
        { "SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD, false },
        { "SCMP_ACT_LOG", SCMP_ACT_LOG, false },
        { "SCMP_ACT_NOTIFY", SCMP_ACT_NOTIFY, false },
        { "SCMP_ACT_TRACE", SCMP_ACT_TRACE(0), true },
        { "SCMP_ACT_TRAP", SCMP_ACT_TRAP, false },
};

static const struct {
        const char *name;
        enum scmp_compare op;
} operators[] = {
        { "SCMP_CMP_EQ", SCMP_CMP_EQ }, { "SCMP_CMP_GE", SCMP_CMP_GE },
        { "SCMP_CMP_GT", SCMP_CMP_GT }, { "SCMP_CMP_LE", SCMP_CMP_LE },
        { "SCMP_CMP_LT", SCMP_CMP_LT }, { "SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ },
        { "SCMP_CMP_NE", SCMP_CMP_NE },
};

static const struct {
        const char *name;
        unsigned flag;
} flags[] = {
        { "SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG },
        { "SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW },
        /* This process has one thread when it applies its filter. */
        { "SECCOMP_FILTER_FLAG_TSYNC", 0 },
        { "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV },
};

#define N_OF(array) (sizeof(array) / sizeof *(array))

static int read_action(const char *name, bool has_errno, uint32_t number, uint32_t *ret, Err *err) {
        for (size_t i = 0; i < N_OF(actions); i++) {
                if (!str_equal(name, actions[i].name))
                        continue;
                if (has_errno && !actions[i].has_number)
                        return refuse(err, EINVAL, "action '%s' takes no errnoRet", name);
                if (has_errno && number > 4095)
                        return refuse(err, EINVAL, "errnoRet %u is not an errno", number);
                *ret = actions[i].action;
                if (actions[i].has_number)
                        *ret |= has_errno ? number : EPERM;
                return 0;
        }
        return refuse(err, EINVAL, "'%s' is not an action", name);
}

static int read_op(const char *name, enum scmp_compare *ret, Err *err) {
        for (size_t i = 0; i < N_OF(operators); i++)
                if (str_equal(name, operators[i].name)) {
                        *ret = operators[i].op;
                        return 0;
                }
        return refuse(err, EINVAL, "'%s' is not a comparison", name);
}

uint32_t seccomp_arch_token(const char *name) {
        const char *rest = str_after(name, "SCMP_ARCH_");
        char lower[32] = "";

        if (!rest || strlen(rest) >= sizeof lower)
                return 0;
        for (size_t i = 0; rest[i]; i++)
                lower[i] = (char) (rest[i] >= 'A' && rest[i] <= 'Z' ? rest[i] + 32 : rest[i]);
        return seccomp_arch_resolve_name(lower);
}

/* A flag that the kernel knows brings it to the program, which is not there (seccomp(2)). */
static bool kernel_knows(unsigned flag) {
        return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flag, NULL) == 0 || errno == EFAULT;
}

/* A listener's flag is one of a filter that has one. */
static unsigned with_listener(unsigned flag) {
        return flag == SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
                       ? flag | SECCOMP_FILTER_FLAG_NEW_LISTENER
                       : flag;
}

static int read_flags(const SeccompRules *rules, bool notifies, uint32_t *ret, Err *err) {
        *ret = rules->flags ? 0 : SECCOMP_FILTER_FLAG_SPEC_ALLOW;
        strv_foreach(name, rules->flags) {
                size_t i = 0;
                unsigned flag;

                while (i < N_OF(flags) && !str_equal(*name, flags[i].name))
                        i++;
                if (i == N_OF(flags))
                        return refuse(err, EINVAL, "'%s' is not a flag", *name);
                flag = flags[i].flag;
                /* It says how to wait for a listener: without one there is nothing to say. */
                if (flag == SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV && !notifies)
                        continue;
                if (flag && !kernel_knows(with_listener(flag)))
                        return refuse(err, EOPNOTSUPP, "this kernel has no '%s'", *name);
                *ret |= flag;
        }
        return 0;
}

const char *seccomp_action_name(size_t i) {
        return i < N_OF(actions) ? actions[i].name : NULL;
}

const char *seccomp_operator_name(size_t i) {
        return i < N_OF(operators) ? operators[i].name : NULL;
}

const char *seccomp_flag_name(size_t i, bool *ret_supported) {
        if (i >= N_OF(flags))
                return NULL;
        *ret_supported = !flags[i].flag || kernel_knows(with_listener(flags[i].flag));
        return flags[i].name;
}

const char *seccomp_arch_name(size_t i) {
        /* config-linux.md; those that this libseccomp knows. */
        static const char *const names[] = {
                "SCMP_ARCH_AARCH64",     "SCMP_ARCH_ARM",    "SCMP_ARCH_LOONGARCH64",
                "SCMP_ARCH_M68K",        "SCMP_ARCH_MIPS",   "SCMP_ARCH_MIPS64",
                "SCMP_ARCH_MIPS64N32",   "SCMP_ARCH_MIPSEL", "SCMP_ARCH_MIPSEL64",
                "SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_PARISC", "SCMP_ARCH_PARISC64",
                "SCMP_ARCH_PPC",         "SCMP_ARCH_PPC64",  "SCMP_ARCH_PPC64LE",
                "SCMP_ARCH_RISCV64",     "SCMP_ARCH_S390",   "SCMP_ARCH_S390X",
                "SCMP_ARCH_SH",          "SCMP_ARCH_SHEB",   "SCMP_ARCH_X32",
                "SCMP_ARCH_X86",         "SCMP_ARCH_X86_64",
        };

        for (size_t n = 0; n < N_OF(names); n++)
                if (seccomp_arch_token(names[n]) && i-- == 0)
                        return names[n];
        return NULL;
}

/* --- conditions --- */

/* This machine's architecture as Docker's conditions call it. */
static const char *native_name(void) {
        switch (seccomp_arch_native()) {
        case SCMP_ARCH_X86_64:
                return "amd64";
        case SCMP_ARCH_AARCH64:
                return "arm64";
        case SCMP_ARCH_RISCV64:
                return "riscv64";
        default:
                return "";
        }
}

static bool kernel_is_at_least(const char *wanted) {
        unsigned major = 0, minor = 0, have_major = 0, have_minor = 0;
        struct utsname name;

        if (uname(&name) < 0 || sscanf(name.release, "%u.%u", &have_major, &have_minor) != 2 ||
            sscanf(wanted, "%u.%u", &major, &minor) < 1)
                return false;
        return have_major > major || (have_major == major && have_minor >= minor);
}

static bool has_cap(const char *name, uint64_t caps) {
        int cap = cap_from_name(name);

        return cap >= 0 && (caps >> cap & 1);
}

static bool applies(const SeccompRule *rule, uint64_t caps) {
        const SeccompCondition *in = rule->includes, *out = rule->excludes;

        if (in) {
                strv_foreach(cap, in->caps)
                        if (!has_cap(*cap, caps))
                                return false;
                if (in->arches && !strv_has(in->arches, native_name()))
                        return false;
                if (in->min_kernel && !kernel_is_at_least(in->min_kernel))
                        return false;
        }
        if (out) {
                strv_foreach(cap, out->caps)
                        if (has_cap(*cap, caps))
                                return false;
                if (strv_has(out->arches, native_name()))
                        return false;
                if (out->min_kernel && kernel_is_at_least(out->min_kernel))
                        return false;
        }
        return true;
}

/* --- rules --- */

typedef struct Compiler {
        scmp_filter_ctx context;
        uint32_t default_action;
        uint32_t arches[ARCH_MAX]; /* libseccomp's tokens, the machine's own first */
        size_t n_arches;
        bool notifies;
} Compiler;

static int add_architecture(Compiler *c, const char *name, Err *err) {
        uint32_t arch = seccomp_arch_token(name);
        int r;

        if (!arch)
                return refuse(err, EINVAL, "'%s' is not an architecture", name);
        r = seccomp_arch_add(c->context, arch);
        /* What cannot run here needs no rules; libseccomp says EDOM or EINVAL. */
        if (r == -EEXIST || r == -EDOM || r == -EINVAL)
                return 0;
        if (r < 0)
                return fail(err, r, "cannot add architecture '%s'", name);
        if (c->n_arches < ARCH_MAX)
                c->arches[c->n_arches++] = arch;
        return 0;
}

static int add_architectures(Compiler *c, const SeccompRules *rules, Err *err) {
        char **lists[2] = { rules->architectures, NULL };

        c->arches[c->n_arches++] = seccomp_arch_native();
        for (size_t i = 0; i < rules->n_arch_map; i++)
                if (seccomp_arch_token(rules->arch_map[i].architecture) == seccomp_arch_native())
                        lists[1] = rules->arch_map[i].sub;
        for (size_t i = 0; i < 2; i++)
                strv_foreach(name, lists[i]) {
                        int r = add_architecture(c, *name, err);

                        if (r < 0)
                                return r;
                }
        return 0;
}

static int add_call(Compiler *c, uint32_t action, const char *name, const struct scmp_arg_cmp *args,
                    size_t n, bool each_alone, Err *err) {
        int call = seccomp_syscall_resolve_name(name), r = 0;

        if (call == __NR_SCMP_ERROR)
                return 0; /* not a call that libseccomp knows */
        if (!each_alone)
                r = seccomp_rule_add_array(c->context, action, call, (unsigned) n, args);
        for (size_t i = 0; each_alone && i < n && r >= 0; i++)
                r = seccomp_rule_add_array(c->context, action, call, 1, &args[i]);
        if (r == -EEXIST)
                return 0;
        return r < 0 ? fail(err, r, "cannot add a rule for '%s'", name) : 0;
}

static int read_args(const SeccompRule *rule, struct scmp_arg_cmp *args, bool *ret_twice,
                     Err *err) {
        bool seen[ARGS_MAX] = {};

        if (rule->n_args > ARGS_MAX)
                return refuse(err, EINVAL, "a rule has more than %d arguments", ARGS_MAX);
        for (size_t i = 0; i < rule->n_args; i++) {
                const SeccompArg *a = &rule->args[i];
                int r;

                if (a->index >= ARGS_MAX)
                        return refuse(err, EINVAL, "argument %u is beyond the last", a->index);
                args[i] = (struct scmp_arg_cmp){ .arg = a->index,
                                                 .datum_a = a->value,
                                                 .datum_b = a->value_two };
                r = read_op(a->op, &args[i].op, err);
                if (r < 0)
                        return r;
                *ret_twice = *ret_twice || seen[a->index];
                seen[a->index] = true;
        }
        return 0;
}

static int add_rule(Compiler *c, const SeccompRule *rule, Err *err) {
        struct scmp_arg_cmp args[ARGS_MAX];
        bool twice = false;
        uint32_t action;
        int r;

        r = read_action(rule->action, rule->has_errno_ret, rule->errno_ret, &action, err);
        if (r >= 0)
                r = read_args(rule, args, &twice, err);
        if (r < 0)
                return r;
        if (action == c->default_action)
                return 0; /* says nothing new, and libseccomp refuses it */
        c->notifies = c->notifies || action == SCMP_ACT_NOTIFY;

        strv_foreach(name, rule->names) {
                r = add_call(c, action, *name, args, rule->n_args, twice, err);
                if (r < 0)
                        return r;
        }
        return rule->name ? add_call(c, action, rule->name, args, rule->n_args, twice, err) : 0;
}

static int export_code(scmp_filter_ctx context, SeccompFilter *f) {
        autoclose int file = memfd_create("seccomp", MFD_CLOEXEC);
        struct stat st;
        int r;

        if (file < 0)
                return -errno;
        r = seccomp_export_bpf(context, file);
        if (r < 0)
                return r;
        if (fstat(file, &st) < 0 || lseek(file, 0, SEEK_SET) < 0)
                return -errno;
        f->n = (size_t) st.st_size / sizeof *f->owned;
        if (f->n > BPF_MAXINSNS)
                return -E2BIG;
        f->code = f->owned = calloc(f->n, sizeof *f->owned);
        if (!f->code)
                return -ENOMEM;
        if (fd_read_all(file, f->owned, f->n * sizeof *f->owned) !=
            (ssize_t) (f->n * sizeof *f->owned))
                return -EIO;
        return 0;
}

/* True if what no rule names is let through, one way or the other. */
static bool is_permissive(uint32_t action) {
        return action == SCMP_ACT_ALLOW || action == SCMP_ACT_LOG ||
               (action & 0xffff0000U) == (SCMP_ACT_TRACE(0) & 0xffff0000U);
}

static int add_rules(Compiler *c, const SeccompRules *rules, uint64_t caps, Err *err) {
        int r = add_architectures(c, rules, err);

        for (size_t i = 0; i < rules->n_rules && r >= 0; i++)
                if (applies(&rules->rules[i], caps))
                        r = add_rule(c, &rules->rules[i], err);
        if (r >= 0 && c->notifies && str_empty(rules->listener_path))
                return refuse(err, EINVAL,
                              "action 'SCMP_ACT_NOTIFY' needs a 'listenerPath' to ask at");
        return r;
}

static int compile(const SeccompRules *rules, uint64_t caps, SeccompFilter **ret, Err *err) {
        __attribute__((__cleanup__(context_release))) scmp_filter_ctx context = NULL;
        autoptr(SeccompFilter) f = calloc(1, sizeof *f);
        Compiler c = {};
        int r;

        r = read_action(rules->default_action, rules->has_default_errno_ret,
                        rules->default_errno_ret, &c.default_action, err);
        if (r < 0)
                return r;
        context = c.default_action == SCMP_ACT_NOTIFY ? NULL : seccomp_init(c.default_action);
        if (!context)
                return refuse(err, EINVAL, "'%s' cannot be the default action",
                              rules->default_action);
        (void) seccomp_attr_set(context, SCMP_FLTATR_CTL_NNP, 0);
        (void) seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a binary tree */
        c.context = context;

        r = add_rules(&c, rules, caps, err);
        if (r < 0)
                return r;
        if (!f)
                return fail(err, ENOMEM, "cannot compile it");
        r = read_flags(rules, c.notifies, &f->flags, err);
        if (r < 0)
                return r;
        f->notifies = c.notifies;
        r = export_code(context, f);
        if (r >= 0 && !is_permissive(c.default_action) &&
            c.default_action != SCMP_ACT_ERRNO(ENOSYS))
                r = seccomp_add_stub(rules, c.arches, c.n_arches, f);
        if (r < 0)
                return fail(err, r, "cannot compile it");
        *ret = take_ptr(f);
        return 0;
}

int seccomp_rules_compile(const SeccompRules *rules, uint64_t caps, int cache, SeccompFilter **ret,
                          Err *err) {
        SeccompKey key;
        int r;

        if (cache < 0)
                return compile(rules, caps, ret, err);
        seccomp_cache_key(rules, caps, key);
        if (seccomp_cache_load(cache, key, ret) >= 0)
                return 0;
        r = compile(rules, caps, ret, err);
        if (r >= 0)
                seccomp_cache_store(cache, key, *ret);
        return r;
}
