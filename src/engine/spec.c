/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>

#include "base/file.h"
#include "base/str.h"
#include "engine/hosts.h"
#include "engine/idrange.h"
#include "engine/spec.h"
#include "engine/spec_internal.h"
#include "engine/spec_security.h"
#include "engine/userns.h"
#include "kernel/idmap.h"

#define NS_PER_SECOND      1000000000LL
#define PROCESSES_PER_USER 4096 /* unless --ulimit nproc or --pids-limit says otherwise */
#define CPU_PERIOD_US      100000

static bool has_ulimit(const HostConfig *h, const char *name) {
        for (size_t i = 0; i < h->n_ulimits; i++)
                if (str_equal(h->ulimits[i].name, name))
                        return true;
        return false;
}

/* A fork bomb of one user ends here.  Each container's ids are its own, so nobody else is counted;
 * it costs nothing, where a limit of the control group may (kernel/cgroup.h).  A lower limit of the
 * caller's is inherited. */
static int add_process_limit(const Container *c, OciProcess *p) {
        struct rlimit now;
        OciRlimit *limit;

        if (!container_has_userns(c) || c->host.pids_limit || has_ulimit(&c->host, "nproc"))
                return 0;
        if (getrlimit(RLIMIT_NPROC, &now) == 0 && now.rlim_max < PROCESSES_PER_USER)
                return 0;
        limit = json_grow(&p->rlimits, &p->n_rlimits, sizeof *limit);
        if (!limit)
                return -ENOMEM;
        limit->soft = limit->hard = PROCESSES_PER_USER;
        limit->type = strdup("RLIMIT_NPROC");
        return limit->type ? 0 : -ENOMEM;
}

static int add_rlimits(const HostConfig *h, OciProcess *p, Err *err) {
        for (size_t i = 0; i < h->n_ulimits; i++) {
                OciRlimit *limit = json_grow(&p->rlimits, &p->n_rlimits, sizeof *limit);

                if (!limit)
                        return fail(err, ENOMEM, "cannot set up limits");
                limit->type = str_format("RLIMIT_%s", h->ulimits[i].name);
                if (!limit->type)
                        return fail(err, ENOMEM, "cannot set up limits");
                for (char *c = limit->type; *c; c++)
                        if (*c >= 'a' && *c <= 'z')
                                *c = (char) (*c - 'a' + 'A');
                limit->soft = (uint64_t) h->ulimits[i].soft;
                limit->hard = (uint64_t) h->ulimits[i].hard;
        }
        return 0;
}

/* The environment: what the container says, HOSTNAME and TERM before it where it does not. */
static int add_env(const Container *c, bool tty, char *const *more, char ***ret) {
        if (strv_copy(c->config.env, ret) < 0)
                return -ENOMEM;
        if (c->config.hostname && !strv_env_get(*ret, "HOSTNAME") &&
            strv_addf(ret, "HOSTNAME=%s", c->config.hostname) < 0)
                return -ENOMEM;
        if (tty && !strv_env_get(*ret, "TERM") && strv_add(ret, "TERM=xterm") < 0)
                return -ENOMEM;
        if (!strv_env_get(*ret, "container") && strv_add(ret, "container=isola") < 0)
                return -ENOMEM;
        strv_foreach(entry, more)
                if (strv_env_set(ret, *entry) < 0)
                        return -ENOMEM;
        return 0;
}

/* What every process of the container has in common, the first one and exec's. */
static int process_common(const Container *c, OciProcess *p, Err *err) {
        const HostConfig *h = &c->host;
        SecurityOptions options;
        int r;

        r = security_options(h, &options, err);
        if (r >= 0)
                r = security_capabilities(h, &p->capabilities, err);
        p->user.group_names = h->group_add;
        if (r >= 0)
                r = add_rlimits(h, p, err);
        if (r < 0)
                return r;
        if (add_process_limit(c, p) < 0 ||
            str_set(&p->apparmor_profile, options.apparmor_profile) < 0)
                return fail(err, ENOMEM, "cannot set up limits");
        p->user.umask = 0022; /* whatever the user's shell has */
        p->no_new_privileges = options.no_new_privileges;
        p->oom_score_adj = h->oom_score_adj;
        p->has_oom_score_adj = h->oom_score_adj != 0;
        return 0;
}

static int setup_process(const Container *c, OciSpec *spec, Err *err) {
        OciProcess *p = spec->process = calloc(1, sizeof *p);

        if (!p || strv_add(&p->args, c->path) < 0 || strv_extend(&p->args, c->args) < 0 ||
            add_env(c, c->config.tty, NULL, &p->env) < 0 ||
            str_set(&p->cwd, str_empty(c->config.working_dir) ? "/" : c->config.working_dir) < 0)
                return fail(err, ENOMEM, "cannot set up container '%s'", c->name);
        p->terminal = c->config.tty;
        return process_common(c, p, err);
}

static int add_mapping(OciIdMapping **mappings, size_t *n, const IdRange *range) {
        OciIdMapping *m = json_grow(mappings, n, sizeof *m);

        if (!m)
                return -ENOMEM;
        m->container_id = range->inside;
        m->host_id = range->outside;
        m->size = range->count;
        return 0;
}

static int map_ids(const Container *c, OciLinux *l, uint64_t base) {
        autocontainerids ids = {};
        int r = userns_ids(c, base, &ids);

        for (size_t i = 0; r >= 0 && i < ids.uids.n; i++)
                r = add_mapping(&l->uid_mappings, &l->n_uid_mappings, &ids.uids.ranges[i]);
        for (size_t i = 0; r >= 0 && i < ids.gids.n; i++)
                r = add_mapping(&l->gid_mappings, &l->n_gid_mappings, &ids.gids.ranges[i]);
        return r;
}

static OciTimeOffset *time_offset(int64_t ns) {
        OciTimeOffset *offset = calloc(1, sizeof *offset);

        if (offset) {
                /* The kernel wants nanoseconds of 0 to 999999999, also before negative seconds. */
                offset->secs = ns / NS_PER_SECOND - (ns % NS_PER_SECOND < 0);
                offset->nanosecs = ns - offset->secs * NS_PER_SECOND;
        }
        return offset;
}

int64_t setup_groups(const OciLinux *l) {
        autofree IdRange *ranges = NULL;
        size_t n = 0;
        int64_t count = 0;

        for (size_t i = 0; i < l->n_gid_mappings; i++)
                if (l->gid_mappings[i].container_id == count)
                        count += l->gid_mappings[i].size;
        if (l->n_gid_mappings > 0)
                return count;
        if (idmap_read_own("gid_map", &ranges, &n) < 0)
                return IDRANGE_SIZE;
        for (size_t i = 0; i < n; i++)
                if (ranges[i].inside == count)
                        count += ranges[i].count;
        return count;
}

static int setup_sysctls(const Container *c, OciLinux *l) {
        int64_t groups = setup_groups(l);
        bool own_network = container_has_netns(c) && !container_joins_netns(c);

        /* ping without a capability, low ports without root: both are harmless in a network of
         * one's own. */
        if (own_network &&
            (strv_addf(&l->sysctl, "net.ipv4.ping_group_range=0 %lld",
                       (long long) (groups < IDRANGE_SIZE ? groups : IDRANGE_SIZE) - 1) < 0 ||
             strv_add(&l->sysctl, "net.ipv4.ip_unprivileged_port_start=0") < 0))
                return -ENOMEM;
        strv_foreach(sysctl, c->host.sysctls)
                if (strv_env_set(&l->sysctl, *sysctl) < 0)
                        return -ENOMEM;
        return 0;
}

/* Without a user namespace the container's root could make and open the machine's devices; all but
 * the standard ones and those given are closed to it, if it is not privileged. */
static int close_devices(const Container *c, OciLinux *l) {
        OciDeviceRule *rule;

        if (container_has_userns(c))
                return 0;
        l->resources = calloc(1, sizeof *l->resources);
        rule = l->resources
                       ? json_grow(&l->resources->devices, &l->resources->n_devices, sizeof *rule)
                       : NULL;
        if (!rule)
                return -ENOMEM;
        rule->allow = c->host.privileged;
        rule->major = rule->minor = -1;
        rule->type = strdup("a");
        rule->access = strdup("rwm");
        return rule->type && rule->access ? 0 : -ENOMEM;
}

static int setup_linux(const Container *c, const SetupInput *in, OciSpec *spec, Err *err) {
        OciLinux *l = spec->linux_ = calloc(1, sizeof *l);
        const HostConfig *h = &c->host;
        SecurityOptions options;
        int r;

        if (!l)
                return fail(err, ENOMEM, "cannot set up container '%s'", c->name);
        r = security_options(h, &options, err);
        if (r >= 0)
                r = setup_namespaces(c, spec, err);
        if (r < 0)
                return r;

        if ((container_has_userns(c) && map_ids(c, l, in->userns_base) < 0) ||
            setup_sysctls(c, l) < 0 || close_devices(c, l) < 0)
                return fail(err, ENOMEM, "cannot set up container '%s'", c->name);
        if (!options.paths_unconfined &&
            (strv_add_words(&l->masked_paths, security_masked_paths) < 0 ||
             strv_add_words(&l->readonly_paths, security_readonly_paths) < 0))
                return fail(err, ENOMEM, "cannot set up container '%s'", c->name);
        if (h->has_time_offset) {
                l->monotonic = time_offset(h->time_monotonic_ns);
                l->boottime = time_offset(h->time_boottime_ns);
                if (!l->monotonic || !l->boottime)
                        return fail(err, ENOMEM, "cannot set up container '%s'", c->name);
        }
        return 0;
}

/* How much swap goes with a memory limit: what was asked for, else as much again, as Docker. */
static int64_t memory_and_swap(const HostConfig *h) {
        if (h->memory_swap != 0 || h->memory <= 0)
                return h->memory_swap;
        return h->memory > INT64_MAX / 2 ? -1 : 2 * h->memory;
}

void container_limits(const HostConfig *h, CgroupLimits *limits) {
        *limits = (CgroupLimits){
                .memory = h->memory,
                .memory_swap = memory_and_swap(h),
                .memory_swap_wish = h->memory_swap == 0,
                .memory_reservation = h->memory_reservation,
                .cpu_shares = (uint64_t) h->cpu_shares,
                .cpuset_cpus = str_empty(h->cpuset_cpus) ? NULL : h->cpuset_cpus,
                .cpuset_mems = str_empty(h->cpuset_mems) ? NULL : h->cpuset_mems,
                .has_pids = h->pids_limit != 0,
                .pids = h->pids_limit,
        };
        if (h->nano_cpus > 0) {
                limits->cpu_period = CPU_PERIOD_US;
                limits->cpu_quota = h->nano_cpus * CPU_PERIOD_US / NS_PER_SECOND;
        }
}

static void use_mapped(const Container *c, ContainerSetup *s) {
        RuntimeRoot *root = &s->options.root;

        if (!s->layers.tree)
                return;
        s->lower[0] = s->layers.tree;
        root->lowers = s->lower;
        root->data = s->layers.data ? (const char *const *) c->lowers : NULL;
        root->by_maker = true;
}

static int setup_root(const Container *c, const SetupInput *in, ContainerSetup *s) {
        s->upper = in->upper ? strdup(in->upper)
                             : str_format("%s/containers/%s/upper", c->home->data, c->id);
        s->work = in->work ? strdup(in->work)
                           : str_format("%s/containers/%s/work", c->home->data, c->id);
        if (!s->upper || !s->work)
                return -ENOMEM;
        s->options = (RuntimeOptions){
                .root = { .lowers = (const char *const *) c->lowers,
                          .upper = s->upper,
                          .work = s->work,
                          .scratch = c->host.auto_remove && !in->upper },
                .user = str_empty(c->config.user) ? NULL : c->config.user,
                .stdio = { -EBADF, -EBADF, -EBADF },
                .init = c->host.init,
                .owners_stay = !in->userns_base && (!userns_is_planned(c) || idmap_is_inside()),
        };
        use_mapped(c, s);
        s->spec->root_readonly = c->host.readonly_rootfs;
        return 0;
}

static int setup_files(const Container *c, const SetupInput *in, OciSpec *spec, Err *err) {
        static const char *const names[] = { "hosts", "resolv.conf", "hostname" };
        autofree char *path =
                in->files ? strdup(in->files) : str_format("%s/containers/%s", c->home->run, c->id);
        autoclose int dir = -EBADF;
        int r;

        if (!path)
                return fail(err, ENOMEM, "cannot set up container '%s'", c->name);
        dir = dir_open(AT_FDCWD, path, 0700);
        if (dir < 0)
                return fail(err, dir, "cannot open '%s'", path);
        r = hosts_write(c, in->endpoint, dir, err);
        for (size_t i = 0; r >= 0 && i < sizeof names / sizeof *names; i++)
                if (userns_give_root(c, dir, names[i]) < 0)
                        return fail(err, errno, "cannot give '%s/%s' to the container's root", path,
                                    names[i]);
        return r < 0 ? r : setup_mounts(c, path, spec, err);
}

/* Compiled profiles are kept beside what runs: another kernel may need others. */
static int setup_filter(const Container *c, const OciProcess *p, SecurityFilter *ret, Err *err) {
        autofree char *cache = str_format("%s/seccomp", c->home->run);
        int r;

        if (!cache)
                return fail(err, ENOMEM, "cannot set up container '%s'", c->name);
        r = security_filter(&c->host, p->capabilities, cache, ret, err);
        ret->agent.id = c->id;
        return r;
}

int container_setup(const Container *c, const SetupInput *in, ContainerSetup **ret, Err *err) {
        autoptr(ContainerSetup) s = calloc(1, sizeof *s);
        int r;

        r = s ? userns_layers(c, &s->layers, err) : 0;
        if (r < 0)
                return r;
        if (!s || !(s->spec = calloc(1, sizeof *s->spec)) || setup_root(c, in, s) < 0 ||
            str_set(&s->spec->hostname,
                    str_empty(c->host.uts_mode) || str_equal(c->host.uts_mode, "private")
                            ? c->config.hostname
                            : NULL) < 0 ||
            str_set(&s->spec->domainname, c->config.domainname) < 0)
                return fail(err, ENOMEM, "cannot set up container '%s'", c->name);

        r = setup_process(c, s->spec, err);
        if (r >= 0)
                r = setup_linux(c, in, s->spec, err);
        if (r >= 0)
                r = setup_files(c, in, s->spec, err);
        if (r >= 0)
                r = setup_filter(c, s->spec->process, &s->filter, err);
        if (r < 0)
                return r;
        s->options.seccomp = s->filter.filter;
        s->options.agent = &s->filter.agent;
        s->options.landlock = security_landlock(&c->host);
        container_limits(&c->host, &s->limits);
        *ret = take_ptr(s);
        return 0;
}

ContainerSetup *container_setup_free(ContainerSetup *s) {
        if (s) {
                oci_spec_free(s->spec);
                security_filter_clear(&s->filter);
                mapped_layers_clear(&s->layers);
                free(s->upper);
                free(s->work);
                free(s);
        }
        return NULL;
}

int exec_setup(const Container *c, const ExecRequest *request, ExecSetup **ret, Err *err) {
        autoptr(ExecSetup) s = calloc(1, sizeof *s);
        const char *cwd =
                str_empty(request->working_dir) ? c->config.working_dir : request->working_dir;
        HostConfig privileged = c->host;
        Container view = *c;
        OciProcess *p;
        int r;

        if (!s || !(p = s->process = calloc(1, sizeof *p)) ||
            strv_copy(request->args, &p->args) < 0 ||
            add_env(c, request->tty, request->env, &p->env) < 0 ||
            str_set(&p->cwd, str_empty(cwd) ? "/" : cwd) < 0)
                return fail(err, ENOMEM, "cannot set up the process");

        /* A shallow view: exec --privileged changes what this one process may do. */
        privileged.privileged = c->host.privileged || request->privileged;
        view.host = privileged;
        p->terminal = request->tty;
        r = process_common(&view, p, err);
        if (r >= 0)
                r = setup_filter(&view, p, &s->filter, err);
        if (r < 0)
                return r;
        s->exec.seccomp = s->filter.filter;
        s->exec.agent = &s->filter.agent;
        s->exec.landlock = security_landlock(&view.host);
        s->filter.agent.status = "running";
        s->filter.agent.init = c->state.pid;

        s->exec.process = p;
        s->exec.user = !str_empty(request->user)    ? request->user
                       : !str_empty(c->config.user) ? c->config.user
                                                    : NULL;
        s->exec.privileged = request->privileged;
        for (int i = 0; i < 3; i++)
                s->exec.stdio[i] = -EBADF;
        s->exec.pidfd = -EBADF;
        *ret = take_ptr(s);
        return 0;
}

ExecSetup *exec_setup_free(ExecSetup *s) {
        if (s) {
                oci_process_free(s->process);
                security_filter_clear(&s->filter);
                free(s);
        }
        return NULL;
}
