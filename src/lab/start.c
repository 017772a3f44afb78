/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/str.h"
#include "lab/container_node.h"
#include "lab/health.h"
#include "lab/lab_internal.h"
#include "lab/node.h"
#include "lab/start.h"

#define NS_PER_MS 1000000
#define WATCH_MS  50 /* how often the end of a command is looked for */

typedef struct Progress {
        bool started, configured;
        bool awaited;   /* somebody waits for its health */
        int64_t due_ms; /* when its delay has passed; 0: it waits for others yet */
        Probe probe;
} Progress;

typedef struct Starter {
        Lab *lab;
        const Topology *t;
        Progress *nodes;
        size_t left; /* not configured */
} Starter;

static bool has_work(const Node *n) {
        return n->image || n->exec || node_is_held(n);
}

bool lab_has_start(const Topology *t) {
        for (size_t i = 0; i < t->n_nodes; i++)
                if (has_work(&t->nodes[i]))
                        return true;
        return false;
}

/* ---- starting ---- */

static bool has_come(const Starter *s, const NodeWait *w) {
        size_t other = (size_t) topology_find_node(s->t, w->node);
        const Progress *p = &s->nodes[other];
        int code;

        if (str_equal(w->stage, "configure"))
                return p->configured;
        if (str_equal(w->stage, "healthy"))
                return p->probe.health == LAB_HEALTHY;
        if (str_equal(w->stage, "exit"))
                return p->started && lab_node_command(s->lab, other, &code) == LAB_COMMAND_ENDED;
        return p->started;
}

static bool may_start(const Starter *s, size_t node) {
        const Node *n = &s->t->nodes[node];

        for (size_t i = 0; i < n->n_waits; i++)
                if (!has_come(s, &n->waits[i]))
                        return false;
        return true;
}

static int start_node(Starter *s, size_t node, Err *err) {
        const Node *n = &s->t->nodes[node];
        Progress *p = &s->nodes[node];
        autoclose int pidfd = -EBADF;

        if (n->image) {
                int r = lab_start_container(s->lab, node, err);

                if (r < 0)
                        return r;
        } else if (node_is_held(n) && n->cmd) {
                pidfd = lab_node_pidfd(s->lab, node, err);
                if (pidfd < 0)
                        return pidfd;
                if (pidfd_send_signal(pidfd, SIGUSR1, NULL, 0) < 0)
                        return fail(err, errno, "cannot start the command of '%s'", n->name);
        }
        p->started = true;
        if (p->awaited)
                probe_begin(&p->probe);
        if (!n->exec) {
                p->configured = true;
                s->left--;
        }
        fault_point("lab.node-started");
        return 0;
}

/* 1 if any was. */
static int start_some(Starter *s, Err *err) {
        int64_t now = clock_monotonic_ms();
        int r = 0, any = 0;

        for (size_t i = 0; r >= 0 && i < s->t->n_nodes; i++) {
                Progress *p = &s->nodes[i];

                if (p->started || (p->due_ms == 0 && !may_start(s, i)))
                        continue;
                if (p->due_ms == 0)
                        p->due_ms = now + s->t->nodes[i].startup_delay_ns / NS_PER_MS;
                if (p->due_ms > now)
                        continue;
                r = start_node(s, i, err);
                any = 1;
        }
        return r < 0 ? r : any;
}

/* ---- exec ---- */

static int open_output(const Lab *lab, const Node *n, Err *err) {
        autofree char *path = str_format("exec/%s", n->name);
        int fd = path ? dir_make(lab->dir, "exec", 0700) : -ENOMEM;

        if (fd >= 0) {
                fd = openat(lab->dir, path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
                fd = fd < 0 ? -errno : fd;
        }
        return fd < 0 ? fail(err, fd, "cannot keep what exec of '%s' writes", n->name) : fd;
}

int lab_run_exec(const Lab *lab, size_t node, char *command, Err *err) {
        const Node *n = &lab->topology->nodes[node];
        char *const args[] = { (char *) "sh", (char *) "-c", command, NULL };
        autotask task = LAB_TASK_NONE;
        autofree char *line = NULL;
        int output = open_output(lab, n, err), r;
        off_t from;

        if (output < 0)
                return output;
        from = lseek(output, 0, SEEK_END);
        r = lab_task_start(lab, node, args, output, &task, err);
        if (r < 0)
                return r;
        r = lab_task_collect(&task);
        if (r < 0)
                return fail(err, r, "cannot wait for '%s' in node '%s'", command, n->name);
        if (r == 0)
                return 0;
        line = lab_task_last_line(&task, from);
        return refuse(err, EREMOTEIO, "node '%s': '%s' has ended with exit code %d%s%s", n->name,
                      command, r, line ? ": " : "", line ? line : "");
}

/* 1 if a node was configured. */
static int configure_one(Starter *s, Err *err) {
        for (size_t i = 0; i < s->t->n_nodes; i++) {
                Progress *p = &s->nodes[i];

                if (!p->started || p->configured)
                        continue;
                strv_foreach(command, s->t->nodes[i].exec) {
                        int r = lab_run_exec(s->lab, i, *command, err);

                        fault_point("lab.exec");
                        if (r < 0)
                                return r;
                }
                p->configured = true;
                s->left--;
                return 1;
        }
        return 0;
}

/* ---- waiting ---- */

static int check_some(Starter *s, Err *err) {
        for (size_t i = 0; i < s->t->n_nodes; i++) {
                Progress *p = &s->nodes[i];
                int r;

                if (!p->started || !p->awaited || p->probe.health == LAB_HEALTHY)
                        continue;
                r = probe_step(s->lab, i, &p->probe, err);
                if (r < 0)
                        return r;
                if (p->probe.health == LAB_UNHEALTHY)
                        return refuse(err, EREMOTEIO,
                                      "node '%s' is not healthy, and others wait for it: %s",
                                      s->t->nodes[i].name, p->probe.why ? p->probe.why : "?");
        }
        return 0;
}

static bool waits_for_end(const Node *n) {
        for (size_t i = 0; i < n->n_waits; i++)
                if (str_equal(n->waits[i].stage, "exit"))
                        return true;
        return false;
}

/* Until something may have come that a node waits for. */
static int wait_some(const Starter *s, Err *err) {
        autofree struct pollfd *polled = calloc(s->t->n_nodes, sizeof *polled);
        int64_t now = clock_monotonic_ms(), until = INT64_MAX;
        nfds_t n = 0;

        if (!polled)
                return fail(err, ENOMEM, "cannot wait for the nodes");
        for (size_t i = 0; i < s->t->n_nodes; i++) {
                const Progress *p = &s->nodes[i];
                int64_t next = INT64_MAX;

                if (!p->started)
                        next = p->due_ms                        ? p->due_ms
                               : waits_for_end(&s->t->nodes[i]) ? now + WATCH_MS
                                                                : INT64_MAX;
                else if (p->awaited && p->probe.health == LAB_HEALTH_NONE) {
                        next = probe_next_ms(&p->probe);
                        polled[n++] =
                                (struct pollfd){ .fd = p->probe.task.pidfd, .events = POLLIN };
                }
                until = next < until ? next : until;
        }
        if (until - now > 60000)
                until = now + 60000;
        if (until > now && poll(polled, n, (int) (until - now)) < 0 && errno != EINTR)
                return fail(err, errno, "cannot wait for the nodes");
        return 0;
}

/* ---- all of it ---- */

static void find_awaited(Starter *s) {
        for (size_t i = 0; i < s->t->n_nodes; i++)
                for (size_t k = 0; k < s->t->nodes[i].n_waits; k++) {
                        const NodeWait *w = &s->t->nodes[i].waits[k];

                        if (str_equal(w->stage, "healthy"))
                                s->nodes[topology_find_node(s->t, w->node)].awaited = true;
                }
}

static int start_all(Starter *s, Err *err) {
        int r = 0;

        while (r >= 0 && s->left > 0) {
                r = check_some(s, err);
                if (r >= 0)
                        r = start_some(s, err);
                if (r == 0 && s->left > 0)
                        r = configure_one(s, err);
                if (r == 0 && s->left > 0)
                        r = wait_some(s, err);
        }
        return r;
}

int lab_start(Lab *lab, Err *err) {
        return lab_start_some(lab, NULL, err);
}

int lab_start_some(Lab *lab, const bool *which, Err *err) {
        size_t n = lab->topology->n_nodes;
        Starter s = { lab, lab->topology, calloc(n, sizeof *s.nodes), n };
        int r;

        if (!s.nodes)
                return fail(err, ENOMEM, "cannot start the nodes");
        for (size_t i = 0; i < n; i++)
                s.nodes[i].probe.task = LAB_TASK_NONE;
        find_awaited(&s);
        for (size_t i = 0; which && i < n; i++)
                if (!which[i]) {
                        s.nodes[i].started = s.nodes[i].configured = true;
                        probe_begin(&s.nodes[i].probe);
                        s.left--;
                }
        r = start_all(&s, err);
        for (size_t i = 0; i < n; i++)
                probe_clear(&s.nodes[i].probe);
        free(s.nodes);
        return r < 0 ? r : 0;
}
