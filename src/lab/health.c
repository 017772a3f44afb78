/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <poll.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "base/str.h"
#include "lab/health.h"

/* Docker's, where the file does not say. */
#define INTERVAL_NS 30000000000
#define TIMEOUT_NS  30000000000
#define RETRIES     3
#define NS_PER_MS   1000000
#define AT_ONCE     64

static int64_t span_ms(int64_t ns, int64_t otherwise_ns) {
        return (ns > 0 ? ns : otherwise_ns) / NS_PER_MS;
}

void probe_begin(Probe *p) {
        *p = (Probe){ .task = LAB_TASK_NONE, .began_ms = clock_monotonic_ms() };
        p->next_ms = p->began_ms;
}

void probe_clear(Probe *p) {
        lab_task_clear(&p->task);
        free(p->why);
}

static int start_check(const Lab *lab, size_t node, Probe *p, Err *err) {
        const HealthCheck *h = &lab->topology->nodes[node].health;
        int output = memfd_create("health", MFD_CLOEXEC), r;

        if (output < 0)
                return fail(err, errno, "cannot check the health of '%s'",
                            lab->topology->nodes[node].name);
        p->next_ms = clock_monotonic_ms() + span_ms(h->interval_ns, INTERVAL_NS);
        p->deadline_ms = clock_monotonic_ms() + span_ms(h->timeout_ns, TIMEOUT_NS);
        r = lab_task_start(lab, node, h->test, output, &p->task, err);
        return r < 0 ? r : 0;
}

static void note_failure(const HealthCheck *h, Probe *p, char *why) {
        free(p->why);
        p->why = why;
        if (clock_monotonic_ms() - p->began_ms >= h->start_period_ns / NS_PER_MS)
                p->failures++;
        if (p->failures >= (h->retries > 0 ? h->retries : RETRIES))
                p->health = LAB_UNHEALTHY;
}

static void end_check(const HealthCheck *h, Probe *p) {
        int code = lab_task_collect(&p->task);
        char *line = code == 0 ? NULL : lab_task_last_line(&p->task, 0);

        if (code == 0)
                p->health = LAB_HEALTHY;
        else
                note_failure(h, p, line ? line : str_format("exit code %d", code));
        lab_task_clear(&p->task);
}

static bool has_ended(const LabTask *task) {
        struct pollfd p = { .fd = task->pidfd, .events = POLLIN };

        return poll(&p, 1, 0) > 0;
}

int probe_step(const Lab *lab, size_t node, Probe *p, Err *err) {
        const HealthCheck *h = &lab->topology->nodes[node].health;
        int64_t now = clock_monotonic_ms();
        autoerr why = {};
        int r;

        if (p->task.pidfd >= 0 && has_ended(&p->task))
                end_check(h, p);
        else if (p->task.pidfd >= 0 && now >= p->deadline_ms) {
                lab_task_clear(&p->task);
                note_failure(h, p, str_format("no answer in time"));
        }
        if (p->health != LAB_HEALTH_NONE || p->task.pidfd >= 0 || now < p->next_ms)
                return 0;
        r = start_check(lab, node, p, &why);
        if (r == -ENOMEM)
                return fail(err, r, "cannot check the health of '%s'",
                            lab->topology->nodes[node].name);
        if (r < 0)
                note_failure(h, p, take_ptr(why.message));
        return 0;
}

int64_t probe_next_ms(const Probe *p) {
        return p->task.pidfd >= 0 ? p->deadline_ms : p->next_ms;
}

/* ---- one check for each ---- */

/* Waits until a check has ended or has had its time. */
static void wait_for_any(const Probe *probes, size_t n) {
        struct pollfd polled[AT_ONCE];
        int64_t first = INT64_MAX, now = clock_monotonic_ms();

        for (size_t i = 0; i < n; i++) {
                polled[i] = (struct pollfd){ .fd = probes[i].task.pidfd, .events = POLLIN };
                if (probes[i].task.pidfd >= 0 && probes[i].deadline_ms < first)
                        first = probes[i].deadline_ms;
        }
        if (first != INT64_MAX)
                (void) poll(polled, n, first > now ? (int) (first - now) : 0);
}

static bool is_over(const Probe *p) {
        return p->health != LAB_HEALTH_NONE || p->why;
}

static int check_some(const Lab *lab, const size_t *nodes, size_t n, LabHealth *ret, Err *err) {
        Probe probes[AT_ONCE];
        size_t left = n;
        int r = 0;

        for (size_t i = 0; i < n; i++)
                probe_begin(&probes[i]);
        while (r >= 0 && left > 0) {
                left = 0;
                for (size_t i = 0; r >= 0 && i < n; i++) {
                        if (!is_over(&probes[i]))
                                r = probe_step(lab, nodes[i], &probes[i], err);
                        left += !is_over(&probes[i]);
                }
                if (r >= 0 && left > 0)
                        wait_for_any(probes, n);
        }
        for (size_t i = 0; i < n; i++) {
                ret[nodes[i]] = probes[i].health == LAB_HEALTHY ? LAB_HEALTHY : LAB_UNHEALTHY;
                probe_clear(&probes[i]);
        }
        return r;
}

int lab_health(const Lab *lab, LabHealth *ret, Err *err) {
        size_t nodes[AT_ONCE], n = 0;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < lab->topology->n_nodes; i++) {
                ret[i] = LAB_HEALTH_NONE;
                if (lab->topology->nodes[i].health.test)
                        nodes[n++] = i;
                if (n == AT_ONCE) {
                        r = check_some(lab, nodes, n, ret, err);
                        n = 0;
                }
        }
        return r < 0 || n == 0 ? r : check_some(lab, nodes, n, ret, err);
}
