/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Profiles in JSON
 *
 * Docker's format is the OCI's with conditions on top: rules for some
 * capabilities, architectures or kernels only.  Here conditions are decided
 * first; what remains is handed to libseccomp rule by rule.
 */

#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "base/file.h"
#include "base/json.h"
#include "base/str.h"
#include "kernel/cap_name.h"
#include "kernel/seccomp.h"

#define ARGS_MAX 6

typedef struct Number {
        uint64_t value;
} Number;

typedef struct Arg {
        uint64_t index, value, value_two;
        char *op;
} Arg;

typedef struct Condition {
        char **caps, **arches;
        char *min_kernel;
} Condition;

typedef struct Rule {
        char **names;
        char *name, *action;
        Number *errno_ret; /* 0 is an errno too: the call is skipped and says that it worked */
        Arg *args;
        size_t n_args;
        Condition *includes, *excludes;
} Rule;

typedef struct ArchMap {
        char *architecture;
        char **sub;
} ArchMap;

typedef struct Profile {
        char *default_action;
        Number *default_errno_ret;
        char **architectures;
        ArchMap *arch_map;
        size_t n_arch_map;
        Rule *rules;
        size_t n_rules;
} Profile;

static const JsonField number_fields[] = {
        JSON_U64(Number, value, ""),
        {},
};
static const JsonType number_type = { sizeof(Number), number_fields };

static const JsonField arg_fields[] = {
        JSON_U64(Arg, index, "index"),
        JSON_U64(Arg, value, "value"),
        JSON_U64(Arg, value_two, "valueTwo"),
        JSON_STRING(Arg, op, "op", JSON_REQUIRED),
        {},
};
static const JsonType arg_type = { sizeof(Arg), arg_fields };

static const JsonField condition_fields[] = {
        JSON_STRINGS(Condition, caps, "caps"),
        JSON_STRINGS(Condition, arches, "arches"),
        JSON_STRING(Condition, min_kernel, "minKernel"),
        {},
};
static const JsonType condition_type = { sizeof(Condition), condition_fields };

static const JsonField rule_fields[] = {
        JSON_STRINGS(Rule, names, "names"),
        JSON_STRING(Rule, name, "name"),
        JSON_STRING(Rule, action, "action", JSON_REQUIRED),
        JSON_POINTER(Rule, errno_ret, Number, "errnoRet", &number_type),
        JSON_ARRAY(Rule, args, Arg, "args", &arg_type),
        JSON_POINTER(Rule, includes, Condition, "includes", &condition_type),
        JSON_POINTER(Rule, excludes, Condition, "excludes", &condition_type),
        {},
};
static const JsonType rule_type = { sizeof(Rule), rule_fields };

static const JsonField arch_map_fields[] = {
        JSON_STRING(ArchMap, architecture, "architecture", JSON_REQUIRED),
        JSON_STRINGS(ArchMap, sub, "subArchitectures"),
        {},
};
static const JsonType arch_map_type = { sizeof(ArchMap), arch_map_fields };

static const JsonField profile_fields[] = {
        JSON_STRING(Profile, default_action, "defaultAction", JSON_REQUIRED),
        JSON_POINTER(Profile, default_errno_ret, Number, "defaultErrnoRet", &number_type),
        JSON_STRINGS(Profile, architectures, "architectures"),
        JSON_ARRAY(Profile, arch_map, ArchMap, "archMap", &arch_map_type),
        JSON_ARRAY(Profile, rules, Rule, "syscalls", &rule_type),
        {},
};
static const JsonType profile_type = { sizeof(Profile), profile_fields };

static Profile *profile_free(Profile *p) {
        if (p) {
                json_clear(&profile_type, p);
                free(p);
        }
        return NULL;
}
DEFINE_AUTOPTR(Profile, profile_free)

static void context_release(scmp_filter_ctx *context) {
        if (*context)
                seccomp_release(*context);
}

/* --- words to numbers --- */

static int read_action(const char *name, const Number *errno_ret, uint32_t *ret, Err *err) {
        unsigned number = errno_ret ? (unsigned) errno_ret->value : EPERM;
        static const struct {
                const char *name;
                uint32_t action;
        } plain[] = {
                { "SCMP_ACT_ALLOW", SCMP_ACT_ALLOW },
                { "SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD },
                { "SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD },
                { "SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS },
                { "SCMP_ACT_TRAP", SCMP_ACT_TRAP },
                { "SCMP_ACT_LOG", SCMP_ACT_LOG },
        };

        for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
                if (str_equal(name, plain[i].name)) {
                        *ret = plain[i].action;
                        return 0;
                }
        if (number > 4095)
                return refuse(err, EINVAL, "errnoRet %u is not an errno", number);
        if (str_equal(name, "SCMP_ACT_ERRNO"))
                *ret = SCMP_ACT_ERRNO(number);
        else if (str_equal(name, "SCMP_ACT_TRACE"))
                *ret = SCMP_ACT_TRACE(number);
        else if (str_equal(name, "SCMP_ACT_NOTIFY"))
                return refuse(err, EOPNOTSUPP, "action 'SCMP_ACT_NOTIFY' is not supported");
        else
                return refuse(err, EINVAL, "'%s' is not an action", name);
        return 0;
}

static int read_op(const char *name, enum scmp_compare *ret, Err *err) {
        static const struct {
                const char *name;
                enum scmp_compare op;
        } ops[] = {
                { "SCMP_CMP_NE", SCMP_CMP_NE },
                { "SCMP_CMP_LT", SCMP_CMP_LT },
                { "SCMP_CMP_LE", SCMP_CMP_LE },
                { "SCMP_CMP_EQ", SCMP_CMP_EQ },
                { "SCMP_CMP_GE", SCMP_CMP_GE },
                { "SCMP_CMP_GT", SCMP_CMP_GT },
                { "SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ },
        };

        for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
                if (str_equal(name, ops[i].name)) {
                        *ret = ops[i].op;
                        return 0;
                }
        return refuse(err, EINVAL, "'%s' is not a comparison", name);
}

/* "SCMP_ARCH_X86_64" as libseccomp's token; 0 for one it does not know. */
static uint32_t read_arch(const char *name) {
        const char *rest = str_after(name, "SCMP_ARCH_");
        char lower[32] = "";

        if (!rest || strlen(rest) >= sizeof lower)
                return 0;
        for (size_t i = 0; rest[i]; i++)
                lower[i] = (char) (rest[i] >= 'A' && rest[i] <= 'Z' ? rest[i] + 32 : rest[i]);
        return seccomp_arch_resolve_name(lower);
}

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

/* --- conditions --- */

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

static bool applies(const Rule *rule, uint64_t caps) {
        const Condition *in = rule->includes, *out = rule->excludes;

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

static int add_architectures(scmp_filter_ctx context, const Profile *p, Err *err) {
        char **lists[2] = { p->architectures, NULL };

        for (size_t i = 0; i < p->n_arch_map; i++)
                if (read_arch(p->arch_map[i].architecture) == seccomp_arch_native())
                        lists[1] = p->arch_map[i].sub;
        for (size_t i = 0; i < 2; i++)
                strv_foreach(name, lists[i]) {
                        uint32_t arch = read_arch(*name);
                        int r;

                        if (!arch)
                                return refuse(err, EINVAL, "'%s' is not an architecture", *name);
                        r = seccomp_arch_add(context, arch);
                        /* What cannot run here needs no rules; libseccomp says EDOM or EINVAL. */
                        if (r < 0 && r != -EEXIST && r != -EDOM && r != -EINVAL)
                                return fail(err, r, "cannot add architecture '%s'", *name);
                }
        return 0;
}

static int add_call(scmp_filter_ctx context, uint32_t action, const char *name,
                    const struct scmp_arg_cmp *args, size_t n, bool each_alone, Err *err) {
        int call = seccomp_syscall_resolve_name(name), r = 0;

        if (call == __NR_SCMP_ERROR)
                return 0; /* not a call that libseccomp knows */
        if (!each_alone)
                r = seccomp_rule_add_array(context, action, call, (unsigned) n, args);
        for (size_t i = 0; each_alone && i < n && r >= 0; i++)
                r = seccomp_rule_add_array(context, action, call, 1, &args[i]);
        if (r == -EEXIST)
                return 0;
        return r < 0 ? fail(err, r, "cannot add a rule for '%s'", name) : 0;
}

static int add_rule(scmp_filter_ctx context, const Rule *rule, uint32_t default_action, Err *err) {
        struct scmp_arg_cmp args[ARGS_MAX];
        bool seen[ARGS_MAX] = {}, twice = false;
        uint32_t action;
        int r;

        r = read_action(rule->action, rule->errno_ret, &action, err);
        if (r < 0)
                return r;
        if (rule->n_args > ARGS_MAX)
                return refuse(err, EINVAL, "a rule has more than %d arguments", ARGS_MAX);
        for (size_t i = 0; i < rule->n_args; i++) {
                const Arg *a = &rule->args[i];

                if (a->index >= ARGS_MAX)
                        return refuse(err, EINVAL, "argument %llu is beyond the last",
                                      (unsigned long long) a->index);
                args[i] = (struct scmp_arg_cmp){ .arg = (unsigned) a->index,
                                                 .datum_a = a->value,
                                                 .datum_b = a->value_two };
                r = read_op(a->op, &args[i].op, err);
                if (r < 0)
                        return r;
                twice = twice || seen[a->index];
                seen[a->index] = true;
        }
        if (action == default_action)
                return 0; /* says nothing new, and libseccomp refuses it */

        /* Two conditions on one argument are alternatives, as runc reads them. */
        strv_foreach(name, rule->names) {
                r = add_call(context, action, *name, args, rule->n_args, twice, err);
                if (r < 0)
                        return r;
        }
        return rule->name ? add_call(context, action, rule->name, args, rule->n_args, twice, err)
                          : 0;
}

static int export_code(scmp_filter_ctx context, SeccompFilter **ret) {
        autoclose int file = memfd_create("seccomp", MFD_CLOEXEC);
        autoptr(SeccompFilter) f = calloc(1, sizeof *f);
        struct stat st;
        int r;

        if (file < 0)
                return -errno;
        if (!f)
                return -ENOMEM;
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
        *ret = take_ptr(f);
        return 0;
}

static int compile(const Profile *p, uint64_t caps, SeccompFilter **ret, Err *err) {
        __attribute__((__cleanup__(context_release))) scmp_filter_ctx context = NULL;
        uint32_t action;
        int r;

        r = read_action(p->default_action, p->default_errno_ret, &action, err);
        if (r < 0)
                return r;
        context = seccomp_init(action);
        if (!context)
                return refuse(err, EINVAL, "'%s' cannot be the default action", p->default_action);
        (void) seccomp_attr_set(context, SCMP_FLTATR_CTL_NNP, 0);
        (void) seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a binary tree */

        r = add_architectures(context, p, err);
        for (size_t i = 0; i < p->n_rules && r >= 0; i++)
                if (applies(&p->rules[i], caps))
                        r = add_rule(context, &p->rules[i], action, err);
        if (r < 0)
                return r;
        r = export_code(context, ret);
        return r < 0 ? fail(err, r, "cannot compile it") : 0;
}

int seccomp_compile(const char *json, size_t size, const char *place, uint64_t caps,
                    SeccompFilter **ret, Err *err) {
        autoptr(Profile) p = calloc(1, sizeof *p);
        int r;

        if (!p)
                return fail(err, ENOMEM, "cannot read seccomp profile '%s'", place);
        r = json_parse(&profile_type, json, size, place, p, err);
        if (r < 0)
                return err_prefix(err, r, "cannot read seccomp profile");
        r = compile(p, caps, ret, err);
        if (r < 0)
                return err_prefix(err, r, "cannot use seccomp profile '%s'", place);
        return 0;
}
