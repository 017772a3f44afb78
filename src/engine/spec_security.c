/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/spec_security.h"
#include "kernel/cap_name.h"
#include "kernel/landlock.h"
#include "kernel/lsm.h"

#define PROFILE_MAX (1u << 20)

/* Podman's default set: Docker's without MKNOD, NET_RAW and AUDIT_WRITE. */
static const char *const default_caps[] = {
        "CAP_CHOWN",   "CAP_DAC_OVERRIDE",     "CAP_FOWNER",     "CAP_FSETID",
        "CAP_KILL",    "CAP_NET_BIND_SERVICE", "CAP_SETFCAP",    "CAP_SETGID",
        "CAP_SETPCAP", "CAP_SETUID",           "CAP_SYS_CHROOT",
};

/* Docker's, Podman's and nspawn's lists together, and what else tells of the host or its memory. */
const char *const security_masked_paths[] = {
        "/proc/acpi",
        "/proc/asound",
        "/proc/interrupts",
        "/proc/iomem",
        "/proc/ioports",
        "/proc/kallsyms",
        "/proc/kcore",
        "/proc/keys",
        "/proc/kmsg",
        "/proc/kpagecgroup",
        "/proc/kpagecount",
        "/proc/kpageflags",
        "/proc/latency_stats",
        "/proc/mdstat",
        "/proc/modules",
        "/proc/pagetypeinfo",
        "/proc/sched_debug",
        "/proc/scsi",
        "/proc/slabinfo",
        "/proc/sysrq-trigger",
        "/proc/timer_list",
        "/proc/timer_stats",
        "/proc/vmallocinfo",
        "/sys/class/dmi",
        "/sys/devices/virtual/dmi",
        "/sys/devices/virtual/powercap",
        "/sys/firmware",
        "/sys/fs/bpf",
        "/sys/fs/pstore",
        "/sys/fs/selinux",
        "/sys/kernel/debug",
        "/sys/kernel/security",
        "/sys/kernel/tracing",
        NULL,
};

const char *const security_readonly_paths[] = {
        "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", NULL,
};

static int refuse_option(const char *option, Err *err) {
        return err_hint(err, refuse(err, EINVAL, "security option '%s' is not known", option),
                        "known are no-new-privileges, strict, compat32, seccomp=FILE|unconfined, "
                        "systempaths=unconfined, apparmor=…, label=…");
}

/* There is no profile but that which is asked for: none is loaded where isola is installed. */
static int read_apparmor(const char *profile, SecurityOptions *o, Err *err) {
        if (!str_equal(profile, "unconfined") && !lsm_has_apparmor())
                return refuse(err, EOPNOTSUPP, "AppArmor profile '%s': this kernel has no AppArmor",
                              profile);
        o->apparmor_profile = profile;
        return 0;
}

static int read_option(const char *option, SecurityOptions *o, Err *err) {
        const char *value = strpbrk(option, "=:");
        size_t n = value ? (size_t) (value - option) : strlen(option);

        value = value ? value + 1 : NULL;
        if (n == 17 && strncmp(option, "no-new-privileges", n) == 0) {
                o->no_new_privileges = true;
                if (value && parse_bool(value, &o->no_new_privileges) < 0)
                        return refuse(err, EINVAL, "security option '%s' is neither true nor false",
                                      option);
                return 0;
        }
        if (str_equal(option, "strict"))
                return o->strict = o->no_new_privileges = true, 0;
        if (str_equal(option, "compat32"))
                return o->compat32 = true, 0;
        if (n == 7 && value && strncmp(option, "seccomp", n) == 0) {
                o->seccomp_unconfined = str_equal(value, "unconfined");
                o->seccomp_profile = o->seccomp_unconfined ? NULL : value;
                return 0;
        }
        if (n == 11 && str_equal(value, "unconfined") && strncmp(option, "systempaths", n) == 0) {
                o->paths_unconfined = true;
                return 0;
        }
        if (n == 8 && value && strncmp(option, "apparmor", n) == 0)
                return read_apparmor(value, o, err);
        if (n == 5 && value && strncmp(option, "label", n) == 0) {
                if (str_equal(value, "disable"))
                        return 0;
                return refuse(err, EOPNOTSUPP, "SELinux label '%s': %s", value,
                              lsm_has_selinux() ? "isola run labels no containers"
                                                : "this kernel has no SELinux");
        }
        return refuse_option(option, err);
}

static int check_options(const HostConfig *host, const SecurityOptions *o, Err *err) {
        if (o->strict && !o->no_new_privileges)
                return refuse(err, EINVAL, "security option 'strict' means no-new-privileges");
        if (o->strict && (host->privileged || o->seccomp_unconfined))
                return refuse(err, EINVAL, "security option 'strict' contradicts '%s'",
                              host->privileged ? "--privileged" : "seccomp=unconfined");
        if (o->compat32 && (o->seccomp_profile || o->seccomp_unconfined))
                return err_hint(err,
                                refuse(err, EINVAL,
                                       "security option 'compat32' is for the built-in filter"),
                                "a profile names SCMP_ARCH_X86 among its architectures");
        return 0;
}

int security_options(const HostConfig *host, SecurityOptions *ret, Err *err) {
        *ret = (SecurityOptions){};
        strv_foreach(option, host->security_opt) {
                int r = read_option(*option, ret, err);

                if (r < 0)
                        return r;
        }
        if (host->privileged) {
                ret->paths_unconfined = true;
                if (!ret->seccomp_profile)
                        ret->seccomp_unconfined = true;
        }
        return check_options(host, ret, err);
}

uint64_t security_usual_caps(void) {
        uint64_t mask = 0;

        for (size_t i = 0; i < sizeof default_caps / sizeof *default_caps; i++)
                mask |= 1ULL << cap_from_name(default_caps[i]);
        return mask;
}

/* Reads "NET_ADMIN", "cap_net_admin" or "ALL" into bits. */
static int read_cap(const char *name, uint64_t *ret, Err *err) {
        int cap;

        if (strcasecmp(name, "ALL") == 0) {
                *ret = cap_all();
                return 0;
        }
        cap = cap_from_name(name);
        if (cap < 0)
                return err_hint(err, refuse(err, EINVAL, "'%s' is not a capability", name),
                                "capabilities(7) lists them, such as NET_ADMIN");
        *ret = 1ULL << cap;
        return 0;
}

static int fill(uint64_t mask, char ***ret) {
        for (int i = 0; i < 64; i++)
                if (mask >> i & 1 && strv_add(ret, cap_name(i)) < 0)
                        return -ENOMEM;
        return 0;
}

int security_capabilities(const HostConfig *host, OciCapabilities **ret, Err *err) {
        uint64_t mask = host->privileged ? cap_all() : security_usual_caps(), bits = 0;
        OciCapabilities *caps;
        int r;

        /* Docker's order: ALL first on either side, then single ones. */
        if (strv_has(host->cap_drop, "ALL") || strv_has(host->cap_drop, "all"))
                mask = 0;
        strv_foreach(name, host->cap_add) {
                r = read_cap(*name, &bits, err);
                if (r < 0)
                        return r;
                mask |= bits;
        }
        strv_foreach(name, host->cap_drop) {
                r = read_cap(*name, &bits, err);
                if (r < 0)
                        return r;
                if (bits != cap_all())
                        mask &= ~bits;
        }

        caps = calloc(1, sizeof *caps);
        if (!caps || fill(mask, &caps->bounding) < 0 || fill(mask, &caps->effective) < 0 ||
            fill(mask, &caps->permitted) < 0) {
                free(caps);
                return fail(err, ENOMEM, "cannot set up capabilities");
        }
        *ret = caps;
        return 0;
}

static uint64_t mask_of(const OciCapabilities *caps) {
        uint64_t mask = 0;

        strv_foreach(name, caps ? caps->bounding : NULL) {
                int cap = cap_from_name(*name);

                if (cap >= 0)
                        mask |= 1ULL << cap;
        }
        return mask;
}

static int read_profile(const char *path, uint64_t caps, const char *cache, SecurityFilter *f,
                        Err *err) {
        autoclose int dir = dir_open(AT_FDCWD, cache, 0700);
        autofree char *text = NULL;
        size_t size;
        int r;

        r = file_read(AT_FDCWD, path, PROFILE_MAX, &text, &size);
        if (r < 0)
                return fail(err, r, "cannot read seccomp profile '%s'", path);
        r = seccomp_rules_parse(text, size, path, &f->rules, err);
        if (r < 0)
                return r;
        r = seccomp_rules_compile(f->rules, caps, dir, &f->own, err);
        if (r < 0)
                return err_prefix(err, r, "cannot use seccomp profile '%s'", path);
        f->filter = f->own;
        f->agent.path = f->rules->listener_path;
        f->agent.metadata = f->rules->listener_metadata;
        return 0;
}

int security_filter(const HostConfig *host, const OciCapabilities *caps, const char *cache,
                    SecurityFilter *ret, Err *err) {
        SecurityOptions options;
        SeccompChoice choice;
        int r;

        *ret = (SecurityFilter){};
        r = security_options(host, &options, err);
        if (r < 0 || options.seccomp_unconfined)
                return r;
        if (options.seccomp_profile)
                return read_profile(options.seccomp_profile, mask_of(caps), cache, ret, err);
        choice = (SeccompChoice){ mask_of(caps), options.strict, options.compat32 };
        return seccomp_builtin(&choice, &ret->filter, &ret->own, err);
}

void security_filter_clear(SecurityFilter *f) {
        f->own = seccomp_free(f->own);
        f->rules = seccomp_rules_free(f->rules);
}

const LandlockWalls *security_landlock(const HostConfig *host) {
        /* Which sockets and processes others have is visible only in namespaces of the host. */
        static const LandlockWalls walls[2][2] = {
                { { false, false }, { false, true } },
                { { true, false }, { true, true } },
        };

        if (!strv_has(host->security_opt, "strict"))
                return NULL;
        return &walls[str_equal(host->network_mode, "host")][str_equal(host->pid_mode, "host")];
}

void security_warn(const HostConfig *host) {
        const LandlockWalls *walls = security_landlock(host);

        if (!walls || (!walls->abstract_sockets && !walls->signals) || landlock_has_walls())
                return;
        log_warn("'strict' leaves %s of the host within reach: that takes Linux 6.12",
                 !walls->signals            ? "abstract sockets"
                 : !walls->abstract_sockets ? "processes"
                                            : "abstract sockets and processes");
}
