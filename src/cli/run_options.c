/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/id.h"
#include "base/log.h"
#include "base/str.h"
#include "cli/env_file.h"
#include "cli/host_spec.h"
#include "cli/ids_options.h"
#include "cli/limit_spec.h"
#include "cli/mount_spec.h"
#include "cli/operands.h"
#include "cli/run_image.h"
#include "cli/run_options.h"
#include "cli/volumes_from.h"
#include "engine/own_network.h"
#include "engine/port_spec.h"
#include "engine/spec.h"
#include "engine/spec_security.h"
#include "kernel/cap_name.h"
#include "kernel/idmap.h"
#include "oci/image.h"

#define HOSTNAME_MAX 64 /* sethostname(2) */

const Option run_options[] COMMAND_DATA = {
        OPT_GROUP("Running"),
        OPT_FLAG('d', "detach", RunOptions, detach, "Run in the background and print the id"),
        OPT_STRING(0, "detach-keys", RunOptions, detach_keys, "KEYS",
                   "Keys that detach from it (ctrl-p,ctrl-q)"),
        OPT_FLAG_ON(0, "sig-proxy", RunOptions, signal_proxy, "Pass signals on to the process"),

        OPT_GROUP("Container"),
        OPT_STRING(0, "name", RunOptions, name, "NAME", "Name it"),
        OPT_FLAG(0, "rm", RunOptions, remove, "Remove it when it ends"),
        OPT_FLAG('i', "interactive", RunOptions, interactive, "Keep standard input open"),
        OPT_FLAG('t', "tty", RunOptions, tty, "Give it a terminal"),
        OPT_LIST('a', "attach", RunOptions, attach, "STREAM", "Attach to this stream only",
                 "stdin|stdout|stderr"),
        OPT_STRING(0, "cidfile", RunOptions, cidfile, "FILE", "Write its id into a new FILE",
                   "file"),
        OPT_STRING(0, "restart", RunOptions, restart, "POLICY",
                   "When to start it again: no, on-failure[:N], always, unless-stopped",
                   "no|always|unless-stopped|on-failure"),
        OPT_STRING(0, "stop-signal", RunOptions, stop_signal, "SIGNAL",
                   "Signal that stops it (SIGTERM)"),
        OPT_STRING(0, "stop-timeout", RunOptions, stop_timeout, "SECONDS",
                   "Kill it if it is still there then (10)"),
        OPT_FLAG(0, "init", RunOptions, init, "Put a small init before the process"),
        OPT_STRING(0, "log-driver", RunOptions, log_driver, "DRIVER",
                   "Keep its output as json-file, or none", "json-file|none"),
        OPT_LIST(0, "log-opt", RunOptions, log_options, "KEY=VALUE",
                 "max-size=SIZE (10m), max-file=N (3)"),
        OPT_STRING(0, "pull", RunOptions, pull, "POLICY",
                   "When the image is pulled: missing, always or never", "missing|always|never"),
        OPT_STRING(0, "platform", RunOptions, platform, "OS/ARCH[/VARIANT]",
                   "Another platform's image than this machine's"),
        OPT_FLAG('q', "quiet", RunOptions, quiet, NULL),

        OPT_GROUP("Health"),
        OPT_STRING(0, "health-cmd", RunOptions, health.command, "COMMAND",
                   "Check its health with this command line, or none"),
        OPT_STRING(0, "health-interval", RunOptions, health.interval, "TIME",
                   "Time between two checks (30s)"),
        OPT_STRING(0, "health-timeout", RunOptions, health.timeout, "TIME",
                   "Time a check may take (30s)"),
        OPT_STRING(0, "health-retries", RunOptions, health.retries, "NUMBER",
                   "Failures in a row that make it unhealthy (3)"),
        OPT_STRING(0, "health-start-period", RunOptions, health.start_period, "TIME",
                   "Failures do not count that long (0s)"),
        OPT_STRING(0, "health-start-interval", RunOptions, health.start_interval, "TIME",
                   "Time between two checks until then (5s)"),
        OPT_FLAG(0, "no-healthcheck", RunOptions, health.off,
                 "Do not check it, whatever the image says"),

        OPT_GROUP("Process"),
        OPT_LIST('e', "env", RunOptions, env, "NAME=VALUE", "Set a variable, or pass NAME on"),
        OPT_LIST(0, "env-file", RunOptions, env_files, "FILE", "Read variables from FILE", "file"),
        OPT_STRING('w', "workdir", RunOptions, working_dir, "DIR", "Start in DIR"),
        OPT_STRING('u', "user", RunOptions, user, "USER[:GROUP]", "Run as USER, a name or number"),
        OPT_LIST(0, "group-add", RunOptions, groups, "GROUP", "Add to this group as well"),
        OPT_STRING(0, "entrypoint", RunOptions, entrypoint, "PROGRAM",
                   "Run this instead of the image's entrypoint"),
        OPT_LIST('l', "label", RunOptions, labels, "KEY=VALUE", "Attach a label"),
        OPT_LIST(0, "label-file", RunOptions, label_files, "FILE", "Read labels from FILE", "file"),

        OPT_GROUP("Files"),
        OPT_LIST('v', "volume", RunOptions, volumes, "[SOURCE:]TARGET[:OPTIONS]",
                 "Mount a path or volume (ro, rslave, …)", "file"),
        OPT_LIST(0, "mount", RunOptions, mounts, "KEY=VALUE,…",
                 "Mount: type=bind|volume|tmpfs, source=, target=, readonly, bind-propagation=, "
                 "bind-recursive=, tmpfs-size=, tmpfs-mode="),
        OPT_LIST(0, "volumes-from", RunOptions, volumes_from, "CONTAINER[:ro]",
                 "Mount what CONTAINER has mounted", "container"),
        OPT_LIST(0, "tmpfs", RunOptions, tmpfs, "TARGET[:OPTIONS]", "Mount memory"),
        OPT_FLAG(0, "read-only", RunOptions, read_only, "Let nothing be written into the root"),
        OPT_SIZE(0, "shm-size", RunOptions, shm_size, "SIZE", "Size of /dev/shm (64m)"),
        OPT_LIST(0, "device", RunOptions, devices, "PATH[:PATH][:rwm]", "Give it a device", "file"),

        OPT_GROUP("Network"),
        OPT_LIST(0, "network", RunOptions, networks, "NETWORK",
                 "bridge, host, none, pasta[:OPTIONS], container:NAME, or one of "
                 "'isola network ls' (bridge)",
                 "network"),
        OPT_LIST(0, "net", RunOptions, networks, "NETWORK", NULL, "network"),
        OPT_LIST(0, "network-alias", RunOptions, aliases, "NAME", "Be found by this name too"),
        OPT_LIST(0, "net-alias", RunOptions, aliases, "NAME", NULL),
        OPT_STRING(0, "ip", RunOptions, ip, "ADDRESS", "Take this IPv4 address"),
        OPT_STRING(0, "ip6", RunOptions, ip6, "ADDRESS", "Take this IPv6 address"),
        OPT_LIST('p', "publish", RunOptions, publish, "[[IP:]HOST:]PORT[/udp]",
                 "Lead a port of the host to it"),
        OPT_FLAG('P', "publish-all", RunOptions, publish_all,
                 "Publish all exposed ports on free ones"),
        OPT_LIST(0, "expose", RunOptions, expose, "PORT[/udp]", "Say that it listens there"),
        OPT_STRING('h', "hostname", RunOptions, hostname, "NAME", "Its host name"),
        OPT_STRING(0, "domainname", RunOptions, domainname, "NAME", "Its domain name"),
        OPT_LIST(0, "add-host", RunOptions, hosts, "NAME:ADDRESS", "Add to /etc/hosts"),
        OPT_LIST(0, "dns", RunOptions, dns, "ADDRESS", "Ask this name server"),
        OPT_LIST(0, "dns-search", RunOptions, dns_search, "DOMAIN", "Search names in DOMAIN"),
        OPT_LIST(0, "dns-option", RunOptions, dns_options, "OPTION", "As in resolv.conf(5)"),

        OPT_GROUP("Limits"),
        OPT_SIZE('m', "memory", RunOptions, memory, "SIZE", "Memory"),
        OPT_STRING(0, "memory-swap", RunOptions, memory_swap, "SIZE",
                   "Memory and swap together; -1: any"),
        OPT_SIZE(0, "memory-reservation", RunOptions, memory_reservation, "SIZE",
                 "Memory that is kept for it"),
        OPT_DOUBLE(0, "cpus", RunOptions, cpus, "NUMBER", "Processors' time, such as 1.5"),
        OPT_INT('c', "cpu-shares", RunOptions, cpu_shares, "WEIGHT",
                "Share of the processors' time (1024)"),
        OPT_STRING(0, "cpuset-cpus", RunOptions, cpuset_cpus, "LIST", "Processors, such as 0-2,4"),
        OPT_STRING(0, "cpuset-mems", RunOptions, cpuset_mems, "LIST", "Memory nodes"),
        OPT_INT(0, "pids-limit", RunOptions, pids_limit, "NUMBER",
                "Processes in all; -1: any (4096 of each user)"),
        OPT_LIST(0, "ulimit", RunOptions, ulimits, "NAME=SOFT[:HARD]", "As in setrlimit(2)"),
        OPT_INT(0, "oom-score-adj", RunOptions, oom_score_adj, "NUMBER",
                "How soon it is killed when memory runs out, -1000 to 1000"),

        OPT_GROUP("Isolation"),
        OPT_LIST(0, "cap-add", RunOptions, cap_add, "CAPABILITY", "Give a capability, or ALL"),
        OPT_LIST(0, "cap-drop", RunOptions, cap_drop, "CAPABILITY", "Take a capability, or ALL"),
        OPT_LIST(0, "security-opt", RunOptions, security, "OPTION",
                 "no-new-privileges, strict, compat32, seccomp=FILE, ... (see the manual)"),
        OPT_FLAG(0, "privileged", RunOptions, privileged,
                 "Hardly isolate it: host's users, all capabilities and devices"),
        OPT_LIST(0, "sysctl", RunOptions, sysctls, "NAME=VALUE", "Set a kernel parameter"),
        OPT_STRING(0, "pid", RunOptions, pid, "MODE", "Processes: private, host, container:NAME",
                   "private|host"),
        OPT_STRING(0, "ipc", RunOptions, ipc, "MODE", "IPC: private, host, container:NAME",
                   "private|host"),
        OPT_STRING(0, "uts", RunOptions, uts, "MODE", "Host name: private, host", "private|host"),
        OPT_STRING(0, "userns", RunOptions, ids.userns, "MODE",
                   "Users: private, host, auto, keep-id, nomap", "private|host|auto|keep-id|nomap"),
        OPT_LIST(0, "uidmap", RunOptions, ids.uidmap, "INSIDE:OUTSIDE[:COUNT]",
                 "Give it these of your user ids"),
        OPT_LIST(0, "gidmap", RunOptions, ids.gidmap, "INSIDE:OUTSIDE[:COUNT]",
                 "Give it these of your group ids"),
        OPT_STRING(0, "subuidname", RunOptions, ids.subuidname, "NAME",
                   "Give it the ids that /etc/subuid gives NAME"),
        OPT_STRING(0, "subgidname", RunOptions, ids.subgidname, "NAME",
                   "Give it the ids that /etc/subgid gives NAME"),
        OPT_STRING(0, "cgroupns", RunOptions, cgroupns, "MODE", "Control groups: private, host",
                   "private|host"),
        OPT_STRING(0, "time-offset", RunOptions, time_offset, "monotonic=SPAN,boottime=SPAN",
                   "Put its clocks ahead, or back with a minus"),
        {},
};

static int no_memory(Err *err) {
        return fail(err, ENOMEM, "cannot read the options");
}

static int set(char **member, const char *value, Err *err) {
        if (!value)
                return 0;
        *member = strdup(value);
        return *member ? 0 : no_memory(err);
}

static int set_list(char ***member, const char *const *values, Err *err) {
        if (!values)
                return 0;
        return strv_copy((char *const *) values, member) < 0 ? no_memory(err) : 0;
}

static bool has_word(const char *const *list, const char *word) {
        strv_foreach(s, list)
                if (strcasecmp(*s, word) == 0)
                        return true;
        return false;
}

/* ---- the process ---- */

static int read_command(const RunOptions *o, char *const *args, ContainerConfig *config, Err *err) {
        int r;

        r = set(&config->image, args[0], err);
        if (r < 0)
                return r;
        if (args[1] && strv_copy(args + 1, &config->cmd) < 0)
                return no_memory(err);
        if (o->entrypoint && strv_add(&config->entrypoint, o->entrypoint) < 0)
                return no_memory(err);
        if (o->working_dir && *o->working_dir != '/')
                return refuse(err, EINVAL, "the working directory '%s' is not an absolute path",
                              o->working_dir);
        r = set(&config->working_dir, o->working_dir, err);
        if (r >= 0)
                r = set(&config->user, o->user, err);
        if (r >= 0)
                r = env_read(o->env_files, o->env, &config->env, err);
        if (r >= 0)
                r = labels_read(o->label_files, o->labels, &config->labels, err);
        return r;
}

static int check_streams(const RunOptions *o, Err *err) {
        strv_foreach(stream, o->attach)
                if (strcasecmp(*stream, "stdin") != 0 && strcasecmp(*stream, "stdout") != 0 &&
                    strcasecmp(*stream, "stderr") != 0)
                        return refuse(err, EINVAL, "'%s' is not stdin, stdout or stderr", *stream);
        if (o->attach && o->detach)
                return refuse(err, EINVAL, "--attach and --detach cannot be used together");
        return 0;
}

static int read_streams(const RunOptions *o, ContainerConfig *config, Err *err) {
        bool attached = !o->detach;

        config->tty = o->tty;
        config->open_stdin = o->interactive;
        config->attach_stdin =
                attached && (o->attach ? has_word(o->attach, "stdin") : o->interactive);
        config->attach_stdout = attached && (!o->attach || has_word(o->attach, "stdout"));
        config->attach_stderr = attached && (!o->attach || has_word(o->attach, "stderr"));
        config->stdin_once = o->interactive && config->attach_stdin;
        return check_streams(o, err);
}

static int read_end(const RunOptions *o, Container *c, Err *err) {
        int r, ignored;

        if (o->stop_signal) {
                r = operand_signal(o->stop_signal, &ignored, err);
                if (r >= 0)
                        r = set(&c->config.stop_signal, o->stop_signal, err);
                if (r < 0)
                        return r;
        }
        if (o->stop_timeout &&
            parse_int(o->stop_timeout, -1, INT32_MAX, &c->config.stop_timeout) < 0)
                return refuse(err, EINVAL, "stop timeout '%s' is not a number of seconds",
                              o->stop_timeout);
        if (o->stop_timeout && c->config.stop_timeout == 0)
                return err_hint(err, refuse(err, EINVAL, "a stop timeout of 0 cannot be kept"),
                                "--stop-signal KILL ends it at once");
        c->host.auto_remove = o->remove;
        c->host.init = o->init;
        if (o->restart) {
                r = restart_policy(o->restart, &c->host, err);
                if (r < 0)
                        return r;
                if (o->remove && !str_equal(c->host.restart_policy.name, "no"))
                        return refuse(err, EINVAL, "--restart and --rm cannot be used together");
        }
        r = health_options_read(&o->health, &c->config, err);
        return r < 0 ? r : log_config(o->log_driver, o->log_options, &c->host, err);
}

/* ---- files ---- */

typedef int (*ReadMount)(const char *text, Container *c, Err *err);

static int read_each(const char *const *texts, ReadMount read, Container *c, Err *err) {
        strv_foreach(text, texts) {
                int r = read(*text, c, err);

                if (r < 0)
                        return r;
        }
        return 0;
}

static int read_files(const Home *home, const RunOptions *o, Container *c, Err *err) {
        int r;

        c->host.readonly_rootfs = o->read_only;
        if (o->shm_size > INT64_MAX)
                return refuse(err, EINVAL, "option '--shm-size' is too large");
        c->host.shm_size = (int64_t) o->shm_size;
        r = read_each(o->volumes, mount_volume, c, err);
        if (r >= 0)
                r = read_each(o->mounts, mount_entry, c, err);
        if (r >= 0)
                r = read_each(o->tmpfs, mount_tmpfs, c, err);
        strv_foreach(other, o->volumes_from)
                if (r >= 0)
                        r = volumes_from(home, *other, c, err);
        strv_foreach(device, o->devices) {
                if (r < 0)
                        break;
                r = limit_device(*device, &c->host, err);
        }
        return r;
}

/* ---- network ---- */

static int read_addresses(const RunOptions *o, Container *c, Err *err) {
        int r;

        if (o->ip && address_family(o->ip) != AF_INET)
                return refuse(err, EINVAL, "'%s' is not an IPv4 address", o->ip);
        if (o->ip6 && address_family(o->ip6) != AF_INET6)
                return refuse(err, EINVAL, "'%s' is not an IPv6 address", o->ip6);
        strv_foreach(server, o->dns)
                if (!address_family(*server))
                        return refuse(err, EINVAL, "name server '%s' is not an IP address",
                                      *server);
        r = set(&c->ip, o->ip, err);
        if (r >= 0)
                r = set(&c->ip6, o->ip6, err);
        return r;
}

/* Makes "container:NAME" into "container:ID", which outlives a change of names. */
static int set_mode(const Home *home, char **member, const char *mode, Err *err) {
        const char *peer = mode ? str_after(mode, "container:") : NULL;
        autoptr(Container) other = NULL;
        int r;

        if (!peer)
                return set(member, str_equal(mode, "private") ? "" : mode, err);
        r = container_load(home, peer, &other, err);
        if (r < 0)
                return r;
        *member = str_format("container:%s", other->id);
        return *member ? 0 : no_memory(err);
}

static int check_network(const RunOptions *o, const HostConfig *host, Err *err) {
        const char *mode = host->network_mode;
        bool alone = str_equal(mode, "host") || str_equal(mode, "none") ||
                     str_equal(mode, "null") || str_after(mode, "container:"),
             pasta = own_network_is(mode);
        int r;

        if (str_equal(mode, "slirp4netns") || str_after(mode, "slirp4netns:"))
                return err_hint(err,
                                refuse(err, EINVAL,
                                       "there is no --network slirp4netns: it is given up by those "
                                       "who made it"),
                                "--network pasta does the same, and bridge reaches other "
                                "containers as well");
        if (pasta && !idmap_is_inside())
                return err_hint(err, refuse(err, EINVAL, "--network pasta is for ordinary users"),
                                "root's containers have networks without it: leave it out");
        r = pasta ? own_network_check(mode, err) : 0;
        if (r < 0)
                return r;
        if (alone && (o->publish || o->publish_all) && !str_equal(mode, "host"))
                return refuse(err, EINVAL, "no port can be published with --network %s", mode);
        if (str_equal(mode, "host") && (o->publish || o->publish_all))
                log_warn("published ports are discarded with --network host: the container has the "
                         "host's own");
        if ((alone || pasta) && (o->ip || o->ip6 || o->aliases))
                return refuse(err, EINVAL, "--network %s has no addresses and names to give", mode);
        if (str_after(mode, "container:") && (o->hostname || o->hosts || o->dns))
                return refuse(err, EINVAL,
                              "--hostname, --add-host and --dns belong to the container whose "
                              "network is shared");
        return 0;
}

static int read_network_mode(const Home *home, const RunOptions *o, Container *c, Err *err) {
        size_t n = strv_length((char *const *) o->networks);
        int r;

        if (n == 0)
                return 0;
        if (n > 1 && !str_equal(o->networks[0], o->networks[1]))
                return refuse(err, EINVAL, "a container is in one network, and --network names %zu",
                              n);
        if (!*o->networks[0])
                return refuse(err, EINVAL, "--network names no network");
        r = set_mode(home, &c->host.network_mode, o->networks[0], err);
        return r < 0 ? r : check_network(o, &c->host, err);
}

static int read_ports(const RunOptions *o, Container *c, Err *err) {
        int r = 0;

        strv_foreach(port, o->publish) {
                r = port_publish(*port, &c->config, &c->host, err);
                if (r < 0)
                        return r;
        }
        strv_foreach(port, o->expose) {
                r = port_expose(*port, &c->config, err);
                if (r < 0)
                        return r;
        }
        c->host.publish_all_ports = o->publish_all;
        return r;
}

/* It becomes a line of /etc/hosts. */
static bool is_hostname(const char *name) {
        for (const char *p = name; *p; p++)
                if (!isalnum((unsigned char) *p) && !strchr("._-", *p))
                        return false;
        return true;
}

static int read_network(const Home *home, const RunOptions *o, Container *c, Err *err) {
        int r;

        if (o->hostname && (!*o->hostname || strlen(o->hostname) > HOSTNAME_MAX))
                return refuse(err, EINVAL, "host name '%s' is not 1 to %d bytes long", o->hostname,
                              HOSTNAME_MAX);
        if (o->hostname && !is_hostname(o->hostname))
                return refuse(err, EINVAL,
                              "host name '%s' has other characters than letters, digits, '.', '_' "
                              "and '-'",
                              o->hostname);
        if (o->hostname && str_equal(o->uts, "host"))
                return refuse(err, EINVAL, "--hostname and --uts=host cannot be used together");
        r = set(&c->config.hostname, o->hostname, err);
        if (r >= 0)
                r = set(&c->config.domainname, o->domainname, err);
        if (r >= 0)
                r = read_addresses(o, c, err);
        if (r >= 0)
                r = read_network_mode(home, o, c, err);
        if (r >= 0)
                r = read_ports(o, c, err);
        strv_foreach(host, o->hosts) {
                if (r < 0)
                        break;
                r = host_entry(*host, &c->host, err);
        }
        if (r >= 0)
                r = set_list(&c->aliases, o->aliases, err);
        if (r >= 0)
                r = set_list(&c->host.dns, o->dns, err);
        if (r >= 0)
                r = set_list(&c->host.dns_search, o->dns_search, err);
        if (r >= 0)
                r = set_list(&c->host.dns_options, o->dns_options, err);
        return r;
}

/* ---- limits and isolation ---- */

static int read_cpus(const RunOptions *o, HostConfig *host, Err *err) {
        int r;

        r = limit_cpus(o->cpus, o->cpus == 0 ? 0 : sysconf(_SC_NPROCESSORS_ONLN), host, err);
        if (r < 0)
                return r;
        r = limit_shares(o->cpu_shares, host, err);
        if (r >= 0)
                r = limit_processors(o->cpuset_cpus, err);
        if (r >= 0)
                r = limit_memory_nodes(o->cpuset_mems, err);
        if (r >= 0)
                r = set(&host->cpuset_cpus, o->cpuset_cpus, err);
        if (r >= 0)
                r = set(&host->cpuset_mems, o->cpuset_mems, err);
        return r;
}

static int read_limits(const RunOptions *o, HostConfig *host, Err *err) {
        int r;

        r = limit_memory(o->memory, o->memory_reservation, o->memory_swap, host, err);
        if (r >= 0)
                r = read_cpus(o, host, err);
        if (r < 0)
                return r;
        if (o->pids_limit < -1)
                return refuse(err, EINVAL, "option '--pids-limit' is a number, or -1");
        if (o->oom_score_adj < -1000 || o->oom_score_adj > 1000)
                return refuse(err, EINVAL, "option '--oom-score-adj' is -1000 to 1000");
        host->pids_limit = o->pids_limit;
        host->oom_score_adj = o->oom_score_adj;
        strv_foreach(limit, o->ulimits) {
                r = limit_ulimit(*limit, host, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int check_caps(const char *const *names, Err *err) {
        strv_foreach(name, names)
                if (strcasecmp(*name, "ALL") != 0 && cap_from_name(*name) < 0)
                        return err_hint(err, refuse(err, EINVAL, "'%s' is not a capability", *name),
                                        "capabilities(7) lists them, such as NET_ADMIN");
        return 0;
}

static int read_sysctls(const RunOptions *o, HostConfig *host, Err *err) {
        strv_foreach(sysctl, o->sysctls) {
                size_t n = strcspn(*sysctl, "=");

                if (n == 0 || !(*sysctl)[n] || strstr(*sysctl, ".."))
                        return refuse(err, EINVAL, "kernel parameter '%s' is not NAME=VALUE",
                                      *sysctl);
        }
        return set_list(&host->sysctls, o->sysctls, err);
}

static int read_security(const RunOptions *o, HostConfig *host, Err *err) {
        SecurityOptions ignored;
        int r;

        host->privileged = o->privileged;
        r = check_caps(o->cap_add, err);
        if (r >= 0)
                r = check_caps(o->cap_drop, err);
        if (r >= 0)
                r = set_list(&host->cap_add, o->cap_add, err);
        if (r >= 0)
                r = set_list(&host->cap_drop, o->cap_drop, err);
        if (r >= 0)
                r = set_list(&host->security_opt, o->security, err);
        if (r >= 0 && o->security)
                r = security_options(host, &ignored, err);
        if (r >= 0)
                r = set_list(&host->group_add, o->groups, err);
        if (r >= 0)
                r = read_sysctls(o, host, err);
        return r;
}

static int check_mode(const char *option, const char *mode, bool peers, Err *err) {
        if (!mode || !*mode || str_equal(mode, "private") || str_equal(mode, "host") ||
            (peers && (str_after(mode, "container:") || str_equal(mode, "shareable"))))
                return 0;
        return refuse(err, EINVAL, "option '--%s': '%s' is not private%s or host", option, mode,
                      peers ? ", container:NAME" : "");
}

static int read_namespaces(const Home *home, const RunOptions *o, HostConfig *host, Err *err) {
        int r;

        r = check_mode("pid", o->pid, true, err);
        if (r >= 0)
                r = check_mode("ipc", o->ipc, true, err);
        if (r >= 0)
                r = check_mode("uts", o->uts, false, err);
        if (r >= 0)
                r = ids_options_read(&o->ids, o->privileged, host, err);
        if (r >= 0)
                r = check_mode("cgroupns", o->cgroupns, false, err);
        if (r >= 0)
                r = set_mode(home, &host->pid_mode, o->pid, err);
        if (r >= 0)
                r = set_mode(home, &host->ipc_mode, o->ipc, err);
        if (r >= 0)
                r = set_mode(home, &host->uts_mode, o->uts, err);
        if (r >= 0)
                r = set_mode(home, &host->userns_mode, o->ids.userns, err);
        if (r >= 0)
                r = set_mode(home, &host->cgroupns_mode, o->cgroupns, err);
        if (r >= 0 && o->time_offset)
                r = time_offset(o->time_offset, host, err);
        return r;
}

/* ---- all of it ---- */

int run_options_read(const Home *home, const RunOptions *o, char *const *args, Container **ret,
                     Err *err) {
        autoptr(Container) c = calloc(1, sizeof *c);
        int r;

        if (!c)
                return no_memory(err);
        c->dir = -EBADF;
        if (o->name && !name_is_valid(*o->name == '/' ? o->name + 1 : o->name))
                return err_hint(
                        err, refuse(err, EINVAL, "'%s' cannot be a container's name", o->name),
                        "up to 128 letters, digits, '_', '.' and '-', a letter or digit first");
        r = run_image_check(o, err);
        if (r >= 0 && o->name)
                r = set(&c->name, *o->name == '/' ? o->name + 1 : o->name, err);
        if (r >= 0)
                r = set(&c->host.container_id_file, o->cidfile, err);
        if (r >= 0)
                r = read_command(o, args, &c->config, err);
        if (r >= 0)
                r = read_streams(o, &c->config, err);
        if (r >= 0)
                r = read_end(o, c, err);
        if (r >= 0)
                r = read_files(home, o, c, err);
        if (r >= 0)
                r = read_network(home, o, c, err);
        if (r >= 0)
                r = read_limits(o, &c->host, err);
        if (r >= 0)
                r = read_security(o, &c->host, err);
        if (r >= 0)
                r = read_namespaces(home, o, &c->host, err);
        if (r < 0)
                return r;
        security_warn(&c->host);
        *ret = take_ptr(c);
        return 0;
}

int run_create(const Home *home, const RunOptions *o, char *const *args, Container **ret,
               Err *err) {
        autoptr(Container) c = NULL;
        int r;

        r = run_options_read(home, o, args, &c, err);
        if (r < 0)
                return r;
        r = run_image(home, o, &c->config.image, err);
        if (r >= 0)
                r = run_image_choose(home, o, c, err);
        if (r < 0)
                return r;
        /* Before anything is made: the program may start anew here. */
        r = container_has_userns(c) ? 0 : runtime_seal(err);
        if (r < 0)
                return r;
        /* The file is made first: it tells others, by being there, that the container is wanted. */
        if (o->cidfile) {
                r = file_create(AT_FDCWD, o->cidfile, "", 0, 0644);
                if (r == -EEXIST)
                        return err_hint(err,
                                        refuse(err, r, "file '%s' is there already", o->cidfile),
                                        "another container may have written its id to it; if not, "
                                        "remove it");
                if (r < 0)
                        return fail(err, r, "cannot write '%s'", o->cidfile);
        }

        r = container_create(home, c, err);
        if (r >= 0 && o->cidfile) {
                r = file_write(AT_FDCWD, o->cidfile, c->id);
                if (r < 0) {
                        fail(err, r, "cannot write '%s'", o->cidfile);
                        (void) container_remove(c, true, true, NULL);
                }
        }
        if (r < 0) {
                if (o->cidfile)
                        (void) unlink(o->cidfile);
                return r;
        }
        *ret = take_ptr(c);
        return 0;
}
