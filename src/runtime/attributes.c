/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>

#include "base/log.h"
#include "base/str.h"
#include "kernel/bitlist.h"
#include "kernel/cap_name.h"
#include "kernel/caps.h"
#include "kernel/lsm.h"
#include "kernel/memory_policy.h"
#include "runtime/attributes.h"

/* Unconfined is what every process is where there is nothing to confine it. */
static bool wants_profile(const OciProcess *p) {
        return !str_empty(p->apparmor_profile) &&
               (!str_equal(p->apparmor_profile, "unconfined") || lsm_has_apparmor());
}

static int check_labels(const OciProcess *p, Err *err) {
        if (wants_profile(p) && !lsm_has_apparmor())
                return refuse(err, EOPNOTSUPP,
                              "the AppArmor profile '%s' cannot be applied: AppArmor is not "
                              "enabled on this machine",
                              p->apparmor_profile);
        if (!str_empty(p->selinux_label) && !lsm_has_selinux())
                return refuse(err, EOPNOTSUPP,
                              "the SELinux label '%s' cannot be applied: SELinux is not enabled "
                              "on this machine",
                              p->selinux_label);
        return 0;
}

static int read_scheduler(const OciScheduler *s, SchedulerAttr *ret, Err *err) {
        SchedulerAttr attr = { .policy = scheduler_policy(s->policy),
                               .nice = s->nice,
                               .priority = (unsigned) s->priority,
                               .runtime = s->runtime,
                               .deadline = s->deadline,
                               .period = s->period };

        if (attr.policy < 0)
                return refuse(err, attr.policy, "there is no scheduling policy '%s'", s->policy);
        strv_foreach(flag, s->flags) {
                if (scheduler_add_flag(*flag, &attr.flags) < 0)
                        return refuse(err, EINVAL, "there is no scheduling flag '%s'", *flag);
        }
        *ret = attr;
        return 0;
}

int attributes_make(const OciProcess *p, Attributes *ret, Err *err) {
        Attributes a = { .has_scheduler = p->scheduler, .has_io_priority = p->io_priority };
        int r;

        r = check_labels(p, err);
        if (r >= 0 && p->scheduler)
                r = read_scheduler(p->scheduler, &a.scheduler, err);
        if (r < 0)
                return r;
        if (p->io_priority) {
                a.io_class = io_priority_class(p->io_priority->class_);
                a.io_level = p->io_priority->priority;
                if (a.io_class < 0)
                        return refuse(err, EINVAL, "there is no I/O priority class '%s'",
                                      p->io_priority->class_);
        }
        *ret = a;
        return 0;
}

bool attributes_any(const Attributes *a) {
        return a->has_scheduler || a->has_io_priority;
}

int attributes_set(const Attributes *a, pid_t pid, Err *err) {
        int r = a->has_scheduler ? scheduler_set(pid, &a->scheduler) : 0;

        if (r == -EPERM)
                return err_hint(err, fail(err, r, "cannot set the scheduler"),
                                "real-time policies and a better nice value need CAP_SYS_NICE, and "
                                "with cgroup version 1 a share of cpu.rt_runtime_us");
        if (r < 0)
                return fail(err, r, "cannot set the scheduler");
        r = a->has_io_priority ? io_priority_set(pid, a->io_class, a->io_level) : 0;
        return r < 0 ? fail(err, r, "cannot set the I/O priority") : 0;
}

static int take_personality(const OciPersonality *p, Err *err) {
        unsigned long domain = str_equal(p->domain, "LINUX32") ? PER_LINUX32 : PER_LINUX;

        return personality(domain) < 0
                       ? fail(err, errno, "cannot take on the personality '%s'", p->domain)
                       : 0;
}

static int take_memory_policy(const OciMemoryPolicy *p, Err *err) {
        int mode = memory_policy_mode(p->mode, NULL), r = mode < 0 ? mode : 0;
        Bitlist nodes = {};

        for (size_t i = 0; r >= 0 && p->flags && p->flags[i]; i++)
                r = memory_policy_add_flag(p->flags[i], &mode);
        if (r >= 0 && p->nodes)
                r = bitlist_parse(p->nodes, &nodes);
        if (r >= 0)
                r = memory_policy_set(mode, &nodes);
        if (r == -ENOSYS)
                return refuse(err, r, "this kernel knows no memory policies (CONFIG_NUMA)");
        if (r < 0)
                return fail(err, r, "cannot set the memory policy '%s' with nodes '%s'", p->mode,
                            p->nodes ? p->nodes : "");
        return 0;
}

bool attributes_need_proc(const OciProcess *p) {
        return wants_profile(p) || !str_empty(p->selinux_label);
}

int attributes_take_on(const OciProcess *p, const OciLinux *l, int proc, Err *err) {
        int r = 0;

        if (l && l->personality)
                r = take_personality(l->personality, err);
        if (r >= 0 && l && l->memory_policy)
                r = take_memory_policy(l->memory_policy, err);
        if (r < 0 || proc < 0)
                return r;

        r = wants_profile(p) ? lsm_set_exec_profile(proc, p->apparmor_profile) : 0;
        if (r == -ENOENT)
                return err_hint(
                        err,
                        refuse(err, r, "there is no AppArmor profile '%s'", p->apparmor_profile),
                        "load it with apparmor_parser");
        if (r < 0)
                return fail(err, r, "cannot take on the AppArmor profile '%s'",
                            p->apparmor_profile);
        r = str_empty(p->selinux_label) ? 0 : lsm_set_exec_label(proc, p->selinux_label);
        if (r < 0)
                return fail(err, r, "cannot take on the SELinux label '%s'", p->selinux_label);
        return 0;
}

int attributes_set_processors(const OciProcess *p, bool final, Err *err) {
        const char *list = !p->exec_cpu_affinity ? NULL
                           : final               ? p->exec_cpu_affinity->final
                                                 : p->exec_cpu_affinity->initial;
        Bitlist processors = {};
        int r = list ? bitlist_parse(list, &processors) : 0;

        if (r >= 0 && processors.n > 0)
                r = affinity_set(0, &processors);
        return r < 0 ? fail(err, r, "cannot run on the processors '%s'", list) : 0;
}

void attributes_warn_of_capabilities(const OciProcess *p) {
        const OciCapabilities *c = p->capabilities;
        uint64_t have = caps_permitted();
        char **const sets[] = { c ? c->bounding : NULL, c ? c->permitted : NULL };
        autostr missing = {};

        for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
                strv_foreach(name, sets[i]) {
                        int cap = cap_from_name(*name);

                        /* Root has what is only bounding again when it executes. */
                        if (cap < 0 || have >> cap & 1 || prctl(PR_CAPBSET_READ, cap, 0, 0, 0) > 0)
                                continue;
                        have |= UINT64_C(1) << cap;
                        str_printf(&missing, "%s%s", missing.text ? ", " : "", *name);
                }
        if (missing.text)
                log_warn("the container goes without %s: this process does not have it either",
                         missing.text);
}
