/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/file.h"
#include "kernel/denied.h"
#include "kernel/device.h"

#define RULE_LENGTH_MAX 9 /* instructions */
#define PROLOGUE        6
#define EPILOGUE        2

/* Registers: what the program is asked about. */
enum { TYPE = BPF_REG_2, ACCESS = BPF_REG_3, MAJOR = BPF_REG_4, MINOR = BPF_REG_5 };

typedef struct Program {
        struct bpf_insn *code;
        size_t n;
} Program;

static void emit(Program *p, uint8_t op, uint8_t to, uint8_t from, int16_t jump, int32_t value) {
        p->code[p->n++] = (struct bpf_insn){
                .code = op, .dst_reg = to, .src_reg = from, .off = jump, .imm = value
        };
}

static void emit_load(Program *p, uint8_t reg, size_t offset) {
        emit(p, BPF_LDX | BPF_MEM | BPF_W, reg, BPF_REG_1, (int16_t) offset, 0);
}

static void emit_return(Program *p, bool allow) {
        emit(p, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, allow);
        emit(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static int read_access(const char *text, int32_t *ret) {
        int32_t access = 0;

        for (const char *c = text; c && *c; c++) {
                if (*c == 'r')
                        access |= BPF_DEVCG_ACC_READ;
                else if (*c == 'w')
                        access |= BPF_DEVCG_ACC_WRITE;
                else if (*c == 'm')
                        access |= BPF_DEVCG_ACC_MKNOD;
                else
                        return -EINVAL;
        }
        *ret = access;
        return 0;
}

static int check_rules(const DeviceRule *rules, size_t n, Err *err) {
        for (size_t i = 0; i < n; i++) {
                int32_t access;

                if (read_access(rules[i].access, &access) < 0 || !rules[i].type ||
                    !strchr("abc", rules[i].type))
                        return refuse(err, EINVAL, "cannot limit devices: rule %zu is none", i + 1);
        }
        return 0;
}

/* One rule: each test that fails jumps to the next rule. */
static void emit_rule(Program *p, const DeviceRule *rule) {
        const int32_t all = BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE | BPF_DEVCG_ACC_MKNOD;
        size_t begin = p->n;
        int32_t access = 0;

        (void) read_access(rule->access, &access);
        if (rule->type != 'a')
                emit(p, BPF_JMP | BPF_JNE | BPF_K, TYPE, 0, 0,
                     rule->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
        if (access != all && rule->allow) { /* asked for more than this allows: no match */
                emit(p, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_0, ACCESS, 0, 0);
                emit(p, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_0, 0, 0, all & ~access);
                emit(p, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_0, 0, 0, 0);
        } else if (access != all) { /* asked for nothing that this denies: no match */
                emit(p, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_0, ACCESS, 0, 0);
                emit(p, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_0, 0, 0, access);
                emit(p, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_0, 0, 0, 0);
        }
        if (rule->major >= 0)
                emit(p, BPF_JMP | BPF_JNE | BPF_K, MAJOR, 0, 0, (int32_t) rule->major);
        if (rule->minor >= 0)
                emit(p, BPF_JMP | BPF_JNE | BPF_K, MINOR, 0, 0, (int32_t) rule->minor);
        emit_return(p, rule->allow);

        for (size_t i = begin; i < p->n - 2; i++)
                if (BPF_CLASS(p->code[i].code) == BPF_JMP)
                        p->code[i].off = (int16_t) (p->n - i - 1);
}

/* A rule that matches everything ends the program: what follows would be dead code, which the
 * verifier refuses. */
static bool matches_all(const DeviceRule *rule) {
        return rule->type == 'a' && rule->major < 0 && rule->minor < 0 && rule->access &&
               strchr(rule->access, 'r') && strchr(rule->access, 'w') && strchr(rule->access, 'm');
}

static void build(Program *p, const DeviceRule *rules, size_t n) {
        emit_load(p, TYPE, offsetof(struct bpf_cgroup_dev_ctx, access_type));
        emit(p, BPF_ALU64 | BPF_MOV | BPF_X, ACCESS, TYPE, 0, 0);
        emit(p, BPF_ALU64 | BPF_AND | BPF_K, TYPE, 0, 0, 0xffff);
        emit(p, BPF_ALU64 | BPF_RSH | BPF_K, ACCESS, 0, 0, 16);
        emit_load(p, MAJOR, offsetof(struct bpf_cgroup_dev_ctx, major));
        emit_load(p, MINOR, offsetof(struct bpf_cgroup_dev_ctx, minor));

        /* The last rule counts most, so it is asked first. */
        for (size_t i = n; i-- > 0;) {
                emit_rule(p, &rules[i]);
                if (matches_all(&rules[i]))
                        return;
        }
        emit_return(p, false);
}

int device_filter_attach(int cgroup, const DeviceRule *rules, size_t n, Err *err) {
        autofree struct bpf_insn *code = NULL;
        autoclose int program = -EBADF;
        Program p = {};
        union bpf_attr attr;
        int r;

        r = check_rules(rules, n, err);
        if (r < 0)
                return r;
        p.code = code = calloc(PROLOGUE + n * RULE_LENGTH_MAX + EPILOGUE, sizeof *code);
        if (!code)
                return fail(err, ENOMEM, "cannot limit devices");
        build(&p, rules, n);

        memset(&attr, 0, sizeof attr);
        attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
        attr.insns = (uint64_t) (uintptr_t) code;
        attr.insn_cnt = (uint32_t) p.n;
        attr.license = (uint64_t) (uintptr_t) "GPL";
        program = (int) syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof attr);
        if (program < 0 && errno == E2BIG) /* 8192 jumps are the most (kernel/bpf/verifier.c) */
                return refuse(err, E2BIG,
                              "cannot limit devices: %zu rules are too many for this kernel", n);
        if (program < 0)
                return err_denied(err, fail(err, errno, "cannot limit devices"), "bpf", "4.15");

        memset(&attr, 0, sizeof attr);
        attr.target_fd = (uint32_t) cgroup;
        attr.attach_bpf_fd = (uint32_t) program;
        attr.attach_type = BPF_CGROUP_DEVICE;
        attr.attach_flags = BPF_F_ALLOW_MULTI; /* the container may add, not replace */
        if (syscall(SYS_bpf, BPF_PROG_ATTACH, &attr, sizeof attr) < 0)
                return err_denied(err, fail(err, errno, "cannot limit devices"), "bpf", "4.15");
        return 0;
}

/* --- version 1 (cgroup-v1/devices.rst) --- */

static bool overlaps(int64_t a, int64_t b) {
        return a < 0 || b < 0 || a == b;
}

/* True if taking @rule back leaves a part of @earlier: the kernel would keep all of it. */
static bool is_part_of(const DeviceRule *rule, const DeviceRule *earlier) {
        bool same = rule->type == earlier->type && rule->major == earlier->major &&
                    rule->minor == earlier->minor;

        return earlier->allow != rule->allow && !same && !matches_all(earlier) &&
               (rule->type == 'a' || earlier->type == 'a' || rule->type == earlier->type) &&
               overlaps(rule->major, earlier->major) && overlaps(rule->minor, earlier->minor);
}

static int write_rule(int directory, const DeviceRule *rule) {
        char major[24] = "*", minor[24] = "*", text[64];

        if (rule->major >= 0)
                (void) snprintf(major, sizeof major, "%" PRId64, rule->major);
        if (rule->minor >= 0)
                (void) snprintf(minor, sizeof minor, "%" PRId64, rule->minor);
        /* "a" has neither numbers nor access: it means all, whatever else is said. */
        if (rule->type != 'a')
                (void) snprintf(text, sizeof text, "%c %s:%s %.3s", rule->type, major, minor,
                                rule->access);
        else
                (void) snprintf(text, sizeof text, "a");
        return file_write(directory, rule->allow ? "devices.allow" : "devices.deny", text);
}

int device_list_write(int directory, const DeviceRule *rules, size_t n, Err *err) {
        size_t first = n;
        int r;

        r = check_rules(rules, n, err);
        if (r < 0)
                return r;
        /* What a rule for all replaces need not be said. */
        while (first > 0 && !matches_all(&rules[first - 1]))
                first--;
        if (first == 0) {
                r = write_rule(directory, &(DeviceRule){ false, 'a', -1, -1, "rwm" });
                if (r < 0)
                        return fail(err, r, "cannot limit devices (devices.deny)");
        }
        for (size_t i = first > 0 ? first - 1 : 0; i < n; i++) {
                for (size_t k = first > 0 ? first - 1 : 0; k < i; k++)
                        if (is_part_of(&rules[i], &rules[k]))
                                return refuse(err, EOPNOTSUPP,
                                              "cannot limit devices: version 1 of cgroups cannot "
                                              "take back a part of rule %zu, as rule %zu would",
                                              k + 1, i + 1);
                if (rules[i].type == 'a' && !matches_all(&rules[i]))
                        return refuse(err, EOPNOTSUPP,
                                      "cannot limit devices: version 1 of cgroups has no rule for "
                                      "both kinds of device with numbers, as rule %zu",
                                      i + 1);
                r = write_rule(directory, &rules[i]);
                if (r < 0)
                        return fail(err, r, "cannot limit devices (devices.%s)",
                                    rules[i].allow ? "allow" : "deny");
        }
        return 0;
}

const DeviceRule *device_default_rules(size_t *ret_n) {
        static const DeviceRule rules[] = {
                { true, 'c', -1, -1, "m" },    { true, 'b', -1, -1, "m" },
                { true, 'c', 1, 3, "rwm" },    { true, 'c', 1, 5, "rwm" }, /* null, zero */
                { true, 'c', 1, 7, "rwm" },    { true, 'c', 1, 8, "rwm" }, /* full, random */
                { true, 'c', 1, 9, "rwm" },    { true, 'c', 5, 0, "rwm" }, /* urandom, tty */
                { true, 'c', 5, 1, "rwm" },    { true, 'c', 5, 2, "rwm" }, /* console, ptmx */
                { true, 'c', 136, -1, "rwm" },                             /* pts */
        };

        *ret_n = sizeof rules / sizeof *rules;
        return rules;
}
