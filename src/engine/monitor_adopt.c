/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Taking over a container whose monitor was killed
 *
 * Its pipes are found in /proc/<init>/fd: opening a pipe there gives a new
 * descriptor of the same pipe, with what was written to it meanwhile.  A
 * terminal cannot be had back: its master side died with the monitor, and the
 * kernel has hung it up.  The container is not our child, so its exit code is
 * what PIDFD_GET_INFO tells (since Linux 6.15).
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/group.h"
#include "engine/monitor.h"
#include "engine/publish.h"
#include "engine/relay.h"
#include "engine/spec.h"
#include "kernel/proc_stat.h"
#include "kernel/process.h"

/* Not every first process of a machine reaps at once. */
#define REAP_TIMEOUT_MS 5000

int monitor_adopted_code(Monitor *m) {
        struct pollfd reaped = { .fd = m->pidfd }; /* POLLHUP needs no asking */
        int status;

        (void) poll(&reaped, 1, REAP_TIMEOUT_MS);
        if (process_exit_status(m->pidfd, &status) >= 0)
                return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        free(m->c->state.error);
        m->c->state.error = strdup("exit code not known: the monitor was killed");
        return RELAY_EXIT_UNKNOWN;
}

/* Opens one of init's descriptors if it is the pipe a monitor had made. */
static int reopen(const Monitor *m, int number, int flags) {
        char path[48];
        struct stat st;
        autoclose int fd = -EBADF;

        snprintf(path, sizeof path, "/proc/%d/fd/%d", m->c->state.pid, number);
        if (stat(path, &st) < 0 || !S_ISFIFO(st.st_mode))
                return -EBADF;
        fd = open(path, flags | O_CLOEXEC | O_NONBLOCK);
        return fd < 0 ? -EBADF : take_fd(fd);
}

static void reopen_streams(Monitor *m) {
        if (m->c->config.tty) {
                log_warn("the terminal of container '%s' went with its monitor", m->c->name);
                return;
        }
        for (int i = 0; i < 2; i++)
                m->source[i].fd = reopen(m, 1 + i, O_RDONLY);
        if (m->c->config.open_stdin)
                m->input_write = reopen(m, 0, O_WRONLY);
}

static void reopen_dns(Monitor *m) {
        const char *name = container_network(m->c);
        autoptr(Network) network = NULL;
        autoclose int netns = -EBADF;
        autoerr err = {};
        char path[32];

        if (!name)
                return;
        snprintf(path, sizeof path, "/proc/%d/ns/net", m->c->state.pid);
        netns = open(path, O_RDONLY | O_CLOEXEC);
        if (netns < 0) /* it has ended this moment */
                return;
        if (network_load(m->c->home, name, &network, &err) < 0 ||
            monitor_open_dns(m, network, netns, &err) < 0)
                log_warn("names are not resolved in container '%s': %s", m->c->name,
                         err.message ? err.message : strerror(errno));
}

int monitor_adopt(Monitor *m, Err *err) {
        ContainerState *s = &m->c->state;
        int r;

        m->exit_code = RELAY_EXIT_UNKNOWN;
        m->launched_ms = clock_monotonic_ms();
        r = m->pidfd = container_pidfd(m->c);
        if (r < 0)
                return fail(err, r, "cannot find the process of container '%s'", m->c->name);
        (void) container_cgroup_open(m->c, &m->cgroup);
        reopen_streams(m);
        reopen_dns(m);
        if (publish_recall(s, &m->ports, &m->n_ports) < 0)
                log_warn("cannot tell which ports container '%s' has published", m->c->name);
        else if (s->n_networks > 0) {
                network_hold(m->c->home, s->networks, m->ports, m->n_ports);
                monitor_open_port_relay(m);
        }

        monitor_uplink_begin(m);
        monitor_health_begin(m, true);
        fault_point("adopt.opened");
        s->monitor_pid = getpid();
        r = process_start_time(s->monitor_pid, &s->monitor_start);
        if (r < 0)
                return fail(err, r, "cannot read the monitor's start time");
        r = container_write_state(m->c, err);
        if (r >= 0)
                monitor_open_files(m);
        return r;
}
