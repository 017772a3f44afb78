/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "kernel/bitlist.h"
#include "kernel/cap_name.h"
#include "kernel/rlimit.h"
#include "kernel/scheduler.h"
#include "oci/spec_check.h"

#define ID_MAX INT64_C(4294967294) /* the last of 32 bits means "none" */

static int check_user(const OciUser *u, Err *err) {
        if (u->uid < 0 || u->uid > ID_MAX)
                return refuse(err, EINVAL, "user.uid: %lld is out of range", (long long) u->uid);
        if (u->gid < 0 || u->gid > ID_MAX)
                return refuse(err, EINVAL, "user.gid: %lld is out of range", (long long) u->gid);
        if (u->umask < -1 || u->umask > 0777)
                return refuse(err, EINVAL, "user.umask: %lld is out of range",
                              (long long) u->umask);
        for (size_t i = 0; i < u->n_additional_gids; i++)
                if (u->additional_gids[i] < 0 || u->additional_gids[i] > ID_MAX)
                        return refuse(err, EINVAL, "user.additionalGids: %lld is out of range",
                                      (long long) u->additional_gids[i]);
        return 0;
}

static int check_rlimits(const OciProcess *p, Err *err) {
        for (size_t i = 0; i < p->n_rlimits; i++) {
                const OciRlimit *limit = &p->rlimits[i];

                if (rlimit_number(limit->type) < 0)
                        return refuse(err, EINVAL, "rlimits: there is no limit '%s'", limit->type);
                if (limit->soft > limit->hard)
                        return refuse(err, EINVAL, "rlimits: the soft '%s' is above the hard one",
                                      limit->type);
                for (size_t j = 0; j < i; j++)
                        if (rlimit_number(p->rlimits[j].type) == rlimit_number(limit->type))
                                return refuse(err, EINVAL, "rlimits: '%s' is said twice",
                                              limit->type);
        }
        return 0;
}

/* Each unknown name once, whatever number of sets it is in. */
static void warn_of_capabilities(const OciCapabilities *c) {
        char **const sets[] = { c->bounding, c->effective, c->inheritable, c->permitted,
                                c->ambient };

        for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
                strv_foreach(name, sets[i]) {
                        bool said = false;

                        for (size_t j = 0; j < i; j++)
                                said = said || strv_has(sets[j], *name);
                        if (!said && cap_from_name(*name) < 0)
                                log_warn("capability '%s' is not known: the container goes "
                                         "without it",
                                         *name);
                }
}

static int check_scheduler(const OciScheduler *s, Err *err) {
        int policy = scheduler_policy(s->policy);
        bool real_time = str_equal(s->policy, "SCHED_FIFO") || str_equal(s->policy, "SCHED_RR");
        bool deadline = str_equal(s->policy, "SCHED_DEADLINE");
        uint64_t flags = 0;

        if (policy == -EOPNOTSUPP)
                return refuse(err, policy, "scheduler.policy: Linux does not implement '%s'",
                              s->policy);
        if (policy < 0)
                return refuse(err, EINVAL, "scheduler.policy: '%s' is not a policy", s->policy);
        strv_foreach(flag, s->flags) {
                if (scheduler_add_flag(*flag, &flags) < 0)
                        return refuse(err, EINVAL, "scheduler.flags: '%s' is not a flag", *flag);
        }
        if (s->nice < -20 || s->nice > 19)
                return refuse(err, EINVAL, "scheduler.nice: %d is not between -20 and 19", s->nice);
        if (real_time && (s->priority < 1 || s->priority > 99))
                return refuse(err, EINVAL, "scheduler.priority: %d is not between 1 and 99",
                              s->priority);
        if (!real_time && s->priority != 0)
                return refuse(err, EINVAL,
                              "scheduler.priority: only SCHED_FIFO and SCHED_RR have one");
        if (!deadline && (s->runtime || s->deadline || s->period))
                return refuse(err, EINVAL,
                              "scheduler: only SCHED_DEADLINE has runtime, deadline and period");
        return 0;
}

static int check_processors(const char *list, const char *member, Err *err) {
        Bitlist processors;

        if (list && bitlist_parse(list, &processors) < 0)
                return refuse(err, EINVAL, "execCPUAffinity.%s: '%s' is not a list like '0-3,7'",
                              member, list);
        return 0;
}

static int check_priorities(const OciProcess *p, Err *err) {
        const OciIoPriority *io = p->io_priority;
        int r;

        if (p->has_oom_score_adj && (p->oom_score_adj < -1000 || p->oom_score_adj > 1000))
                return refuse(err, EINVAL, "oomScoreAdj: %d is not between -1000 and 1000",
                              p->oom_score_adj);
        if (io && io_priority_class(io->class_) < 0)
                return refuse(err, EINVAL, "ioPriority.class: '%s' is not a class", io->class_);
        if (io && (io->priority < 0 || io->priority > 7))
                return refuse(err, EINVAL, "ioPriority.priority: %d is not between 0 and 7",
                              io->priority);
        r = p->scheduler ? check_scheduler(p->scheduler, err) : 0;
        if (r >= 0 && p->exec_cpu_affinity)
                r = check_processors(p->exec_cpu_affinity->initial, "initial", err);
        if (r >= 0 && p->exec_cpu_affinity)
                r = check_processors(p->exec_cpu_affinity->final, "final", err);
        return r;
}

int oci_process_check(const OciProcess *p, Err *err) {
        int r;

        if (!p->args || !*p->args)
                return refuse(err, EINVAL, "args: there is no program to run");
        if (*p->cwd != '/')
                return refuse(err, EINVAL, "cwd: '%s' is not an absolute path", p->cwd);
        if (p->console_height < 0 || p->console_height > UINT16_MAX || p->console_width < 0 ||
            p->console_width > UINT16_MAX)
                return refuse(err, EINVAL, "consoleSize: out of range");
        r = check_user(&p->user, err);
        if (r >= 0)
                r = check_rlimits(p, err);
        if (r >= 0)
                r = check_priorities(p, err);
        if (r >= 0 && p->capabilities)
                warn_of_capabilities(p->capabilities);
        return r;
}
