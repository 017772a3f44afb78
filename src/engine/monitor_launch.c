/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * One run of a container, from its ids to its first instruction
 *
 * Everything that can outlive this process is taken in an order, and under
 * names, by which whoever finds the container without processes can take it
 * back (run_release()).  state.json is written while init waits for the word to
 * execute: if we are killed before, init ends with us; if after, the record
 * tells what runs.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/id.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/group.h"
#include "engine/idrange.h"
#include "engine/monitor.h"
#include "engine/own_network.h"
#include "engine/publish.h"
#include "engine/relay.h"
#include "engine/spec.h"
#include "engine/uplink.h"
#include "engine/userns.h"
#include "kernel/proc_stat.h"

void state_forget_run(ContainerState *s) {
        for (size_t i = 0; i < s->n_networks; i++)
                endpoint_clear(&s->networks[i]);
        free(take_ptr(s->networks));
        for (size_t i = 0; i < s->n_ports; i++) {
                free(take_ptr(s->ports[i].port));
                json_clear(&port_map_type, &s->ports[i]);
        }
        free(take_ptr(s->ports));
        s->n_networks = s->n_ports = 0;
        s->userns_base = 0;
        free(take_ptr(s->cgroup));
        s->pid = 0;
}

/* The names others find it by: its own, what the user added, the short id. */
static int collect_aliases(const Container *c, char ***ret) {
        autostrv names = NULL;
        int r;

        r = strv_add(&names, c->name);
        if (r >= 0)
                r = strv_extend(&names, c->aliases);
        if (r >= 0)
                r = strv_addf(&names, "%.12s", c->id);
        if (r >= 0)
                *ret = take_ptr(names);
        return r;
}

/* Takes an address; the endpoint becomes part of the state. */
static int reserve_network(Monitor *m, const char *name, Network **ret, Err *err) {
        autoptr(Network) network = NULL;
        autostrv aliases = NULL;
        Endpoint *endpoint;
        int r;

        r = network_load(m->c->home, name, &network, err);
        if (r < 0)
                return r;
        r = collect_aliases(m->c, &aliases);
        if (r < 0)
                return fail(err, r, "cannot connect to network '%s'", name);
        endpoint = json_grow(&m->c->state.networks, &m->c->state.n_networks, sizeof *endpoint);
        if (!endpoint)
                return fail(err, ENOMEM, "cannot connect to network '%s'", name);
        r = network_reserve(m->c->home, network, m->c->id, m->c->ip, m->c->ip6, aliases, endpoint,
                            err);
        if (r < 0) {
                endpoint_clear(endpoint);
                free(take_ptr(m->c->state.networks));
                m->c->state.n_networks = 0;
                return r;
        }
        *ret = take_ptr(network);
        return 0;
}

/*
 * The container's end of an output pipe is opened for reading too: then a write
 * waits, instead of failing, while there is no monitor.
 */
static int make_output(Source *s, int *ret) {
        autoclose int reader = -EBADF, writer = -EBADF;
        char path[32];
        int ends[2];

        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        reader = ends[0];
        writer = ends[1];
        if (fcntl(reader, F_SETFL, O_NONBLOCK) < 0)
                return -errno;

        snprintf(path, sizeof path, "/proc/self/fd/%d", writer);
        *ret = open(path, O_RDWR | O_CLOEXEC);
        if (*ret < 0)
                return -errno;
        s->fd = take_fd(reader);
        return 0;
}

static int make_streams(Monitor *m, int stdio[3]) {
        int r = 0;

        if (m->c->config.tty)
                return 0;
        stdio[0] = m->input_read;
        for (size_t i = 0; i < 2 && r >= 0; i++)
                r = make_output(&m->source[i], &stdio[1 + i]);
        return r;
}

/* A restarted container gets a new stdin; the first one's comes from the starting command. */
static int renew_input(Monitor *m) {
        int ends[2];

        if (!m->c->config.open_stdin || m->c->config.tty || m->input_read >= 0)
                return 0;
        m->input_write = close_fd(m->input_write);
        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        m->input_read = ends[0];
        m->input_write = ends[1];
        return fcntl(m->input_write, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

static int spawn(Monitor *m, ContainerSetup *setup, Err *err) {
        int r;

        setup->options.cgroup = m->cgroup;
        setup->options.wants_netns = true;
        for (int i = 0; i < 3; i++)
                setup->options.stdio[i] = -EBADF;
        r = renew_input(m);
        if (r >= 0)
                r = make_streams(m, setup->options.stdio);
        if (r < 0)
                r = fail(err, r, "cannot make the container's standard streams");
        else
                r = runtime_spawn(setup->spec, &setup->options, &m->runtime, err);

        /* Init has its copies; ours would keep the streams open after its end. */
        close_fd(setup->options.stdio[1]);
        close_fd(setup->options.stdio[2]);
        m->input_read = close_fd(m->input_read);
        return r;
}

int monitor_open_dns(Monitor *m, const Network *network, int netns, Err *err) {
        const DnsOptions options = { .network = network->name,
                                     .internal = network->internal,
                                     .upstreams = m->c->host.dns,
                                     .search = m->c->host.dns_search };

        return dns_open(m->c->home, netns, &options, &m->dns, err);
}

void monitor_open_port_relay(Monitor *m) {
        int r = port_relay_open(m->c->home, m->c->state.networks, m->ports, m->n_ports,
                                &m->port_relay);

        if (r < 0)
                log_warn("the ports of container '%s' are not published%s: %s", m->c->name,
                         m->c->home->network ? "" : " on ::1", strerror(-r));
}

/* Whether it could send packets with others' addresses: over a network of its own, or the host's.
 */
static bool could_forge(const Monitor *m, const OciCapabilities *caps) {
        if (m->c->host.privileged)
                return false; /* it may do what the host may */
        return !container_has_userns(m->c) || (caps && (strv_has(caps->bounding, "CAP_NET_RAW") ||
                                                        strv_has(caps->bounding, "CAP_NET_ADMIN")));
}

/* --network pasta */
static int connect_own(Monitor *m, int netns, Err *err) {
        int r = network_loopback(netns, err);

        if (r >= 0)
                r = publish_collect(m->c, &m->ports, &m->n_ports, err);
        if (r >= 0)
                r = own_network_open(m->c, netns, m->ports, m->n_ports, err);
        if (r < 0)
                return r;
        fault_point("monitor.connected");
        r = publish_report(m->ports, m->n_ports, &m->c->state.ports, &m->c->state.n_ports);
        if (r < 0)
                return fail(err, r, "cannot note the published ports");
        monitor_uplink_begin(m);
        return 0;
}

static int connect_network(Monitor *m, const ContainerSetup *setup, const Network *network,
                           Err *err) {
        Endpoint *endpoint = m->c->state.networks;
        int netns = runtime_netns(m->runtime), r;

        if (own_network_is(m->c->host.network_mode))
                return connect_own(m, netns, err);
        if (!network)
                return netns >= 0 && container_has_netns(m->c) ? network_loopback(netns, err) : 0;

        endpoint->guarded =
                network_is_guarded(network) && could_forge(m, setup->spec->process->capabilities);
        r = network_attach(m->c->home, network, endpoint, netns, err);
        if (r < 0)
                return r;
        uplink_finish(m->c->home);
        monitor_uplink_begin(m);
        fault_point("monitor.connected");
        r = publish_collect(m->c, &m->ports, &m->n_ports, err);
        if (r < 0)
                return r;
        if (m->n_ports) {
                r = network_publish(m->c->home, m->c->id, endpoint, m->ports, m->n_ports, err);
                if (r < 0)
                        return r;
                fault_point("monitor.published");
                monitor_open_port_relay(m);
                r = publish_report(m->ports, m->n_ports, &m->c->state.ports, &m->c->state.n_ports);
                if (r < 0)
                        return fail(err, r, "cannot note the published ports");
        }
        return monitor_open_dns(m, network, netns, err);
}

static int replace(char **text, char *with) {
        free(*text);
        *text = with;
        return with ? 0 : -ENOMEM;
}

/* Fills in the state of a run that begins now, and writes it. */
static int record_start(Monitor *m, Err *err) {
        ContainerState *s = &m->c->state;
        int r;

        s->pid = runtime_pid(m->runtime);
        s->monitor_pid = getpid();
        s->exit_code = 0;
        s->oom_killed = false;
        free(take_ptr(s->error));
        r = process_start_time(s->pid, &s->pid_start);
        if (r == -ESRCH) /* init has failed: runtime_start() hears why */
                return 0;
        if (r >= 0)
                r = process_start_time(s->monitor_pid, &s->monitor_start);
        if (r >= 0)
                r = replace(&s->boot_id, strdup(boot_id()));
        if (r >= 0)
                r = replace(&s->status, strdup("running"));
        if (r >= 0)
                r = replace(&s->started_at, clock_rfc3339(clock_now_ns()));
        if (r >= 0)
                r = replace(&s->finished_at, strdup("0001-01-01T00:00:00Z"));
        if (r < 0)
                return fail(err, r, "cannot note the container's state");
        return container_write_state(m->c, err);
}

int monitor_own_failure(int r, Err *err) {
        if (r != -ENOENT && r != -EACCES && r != -ENOEXEC && r != -EISDIR)
                return r;
        r = r == -EACCES ? -EPERM : -EINVAL;
        if (err)
                err->code = r;
        return r;
}

static int prepare(Monitor *m, ContainerSetup **setup, Network **network, Err *err) {
        const char *name = container_network(m->c);
        SetupInput input = {};
        int r = 0;

        state_forget_run(&m->c->state);
        if (container_has_userns(m->c) && !userns_is_planned(m->c))
                r = idrange_take(m->c->home, m->c->id, &m->c->state.userns_base, err);
        fault_point("monitor.ids");
        if (r >= 0 && name)
                r = reserve_network(m, name, network, err);
        if (r >= 0 && *network && !(*network)->internal)
                r = uplink_begin(m->c->home, err);
        fault_point("monitor.address");
        if (r < 0)
                return r;

        input.userns_base = m->c->state.userns_base;
        input.endpoint = m->c->state.networks;
        r = container_setup(m->c, &input, setup, err);
        if (r < 0)
                return r;
        if (m->rows && (*setup)->spec->process) {
                (*setup)->spec->process->console_height = m->rows;
                (*setup)->spec->process->console_width = m->columns;
        }
        r = container_cgroup_make(m->c, &(*setup)->limits, &m->cgroup, err);
        fault_point("monitor.cgroup");
        return r;
}

static int launch(Monitor *m, Err *err) {
        autoptr(ContainerSetup) setup = NULL;
        autoptr(Network) network = NULL;
        int r;

        r = prepare(m, &setup, &network, err);
        if (r >= 0)
                r = spawn(m, setup, err);
        fault_point("monitor.spawned");
        if (r >= 0)
                r = connect_network(m, setup, network, err);
        fault_point("monitor.network");
        if (r >= 0)
                monitor_health_begin(m, false);
        if (r >= 0)
                r = record_start(m, err);
        fault_point("monitor.recorded");
        if (r >= 0 && m->lock >= 0)
                monitor_open_files(m);
        if (r < 0)
                return monitor_own_failure(r, err);

        r = runtime_start(m->runtime, err);
        if (r < 0)
                return r;
        fault_point("monitor.started");
        m->pidfd = runtime_pidfd(m->runtime);
        if (m->c->config.tty) {
                m->console = runtime_take_console(m->runtime);
                m->source[0].fd = m->console;
                if (m->console >= 0 && fcntl(m->console, F_SETFL, O_NONBLOCK) < 0)
                        return fail(err, errno, "cannot use the container's terminal");
        }
        return 0;
}

int monitor_launch(Monitor *m, Err *err) {
        int r;

        m->exited = m->collected = false;
        m->exit_code = RELAY_EXIT_UNKNOWN; /* until the kernel tells */
        m->launched_ms = clock_monotonic_ms();
        r = launch(m, err);
        if (r < 0)
                monitor_release(m);
        return r;
}

static void release_cgroup(const Container *c) {
        autofree char *cgroup = container_cgroup_name(c);
        autoptr(Cgroup) left = NULL;
        int r;

        if (str_empty(cgroup) || container_cgroup_remove(cgroup, 0) >= 0)
                return;
        r = cgroup_open(cgroup, &left);
        if (r == -ENOENT)
                return;
        if (r >= 0)
                (void) cgroup_kill(left, SIGKILL);
        if (container_cgroup_remove(cgroup, 5000) < 0)
                log_warn("the cgroup '%s' cannot be removed; the next command tries again", cgroup);
}

static int release_networks(Container *c, const PublishedPort *ports, size_t n_ports) {
        int r = 0, last;

        /* Processes in a pid namespace of others do not end with their first: they do now, before
         * somebody else has their addresses. */
        if (!str_empty(c->host.pid_mode))
                release_cgroup(c);
        if (own_network_is(c->host.network_mode)) {
                own_network_end(c);
                network_drop_ports(c->home, c->id, ports, n_ports);
        }
        for (size_t i = 0; i < c->state.n_networks; i++) {
                last = network_release(c->home, c->id, &c->state.networks[i], ports, n_ports);
                r = r < 0 ? r : last;
        }
        if (r < 0)
                log_warn("the addresses of container '%s' cannot be taken back (%s); the next "
                         "command tries again",
                         c->name, strerror(-r));
        fault_point("release.network");
        return r;
}

static void release_place(Container *c) {
        uplink_finish(c->home);
        if (c->home->network)
                network_sweep_idle(c->home);
        release_cgroup(c);
        fault_point("release.cgroup");
        if (c->state.userns_base)
                idrange_release(c->home, c->id, c->state.userns_base);
        c->state.userns_base = 0;
        fault_point("release.ids");
}

int run_release(Container *c, const PublishedPort *ports, size_t n_ports) {
        int r = release_networks(c, ports, n_ports);

        release_place(c);
        return r;
}

void monitor_release_names(Monitor *m) {
        monitor_health_end(m);
        monitor_uplink_end(m);
        m->dns = dns_free(m->dns);
        m->port_relay = port_relay_free(m->port_relay);
        /* Kills what was spawned and not started. */
        m->runtime = runtime_free(m->runtime);
        m->pidfd = -EBADF;
        for (size_t i = 0; i < 2; i++) {
                if (m->source[i].fd != m->console)
                        close_fd(m->source[i].fd);
                m->source[i].fd = -EBADF;
                m->source[i].silent = false;
        }
        m->console = close_fd(m->console);
        m->cgroup = cgroup_free(m->cgroup);
        m->left = release_networks(m->c, m->ports, m->n_ports) < 0;
        for (size_t i = 0; i < m->n_ports; i++)
                published_port_clear(&m->ports[i]);
        free(take_ptr(m->ports));
        m->n_ports = 0;
}

void monitor_release_place(Monitor *m) {
        release_place(m->c);
}

void monitor_release(Monitor *m) {
        monitor_release_names(m);
        monitor_release_place(m);
}
