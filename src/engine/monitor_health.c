/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * When a container's health is checked
 *
 * At most one probe runs at a time; the time until the next counts from its end, as
 * with Docker.  A paused container is not checked: its program could not answer.
 */

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/monitor.h"
#include "kernel/process.h"

#define NS_PER_MS 1000000
/* A probe ends its check in time; if that does not help, it is ended itself. */
#define GRACE_MS 10000
#define PROGRAM  "/proc/self/exe"

static const OciHealthcheck *check_of(const Monitor *m) {
        return m->c->config.healthcheck;
}

static int64_t age_ns(const Monitor *m) {
        return (clock_monotonic_ms() - m->launched_ms) * NS_PER_MS;
}

static void save(Monitor *m) {
        autoerr err = {};

        if (json_save(&health_type, m->run_dir, "health.json", &m->health.record, false, &err) < 0)
                log_warn("the health of container '%s' is not recorded: %s", m->c->name,
                         err.message);
}

static void plan_next(Monitor *m) {
        m->health.next_ms =
                clock_monotonic_ms() +
                health_interval_ns(&m->health.record, check_of(m), age_ns(m)) / NS_PER_MS;
}

void monitor_health_begin(Monitor *m, bool adopt) {
        if (!health_is_wanted(m->c))
                return;
        if (!adopt || health_load(m->c, &m->health.record, NULL) < 0) {
                if (health_reset(&m->health.record) < 0)
                        log_warn("the health of container '%s' is not recorded", m->c->name);
                save(m);
        }
        m->health.on = true;
        plan_next(m);
}

void monitor_health_end(Monitor *m) {
        MonitorHealth *h = &m->health;

        if (h->pidfd >= 0)
                process_kill_and_reap(h->pidfd);
        h->pidfd = close_fd(h->pidfd);
        h->report = close_fd(h->report);
        free(take_ptr(h->start));
        health_clear(&h->record);
        h->on = false;
}

/* ---- one probe ---- */

/* The monitor has all signals blocked, and nobody's standard streams. */
static int execute(char *const argv[], int report, pid_t *ret) {
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        char *const nothing[] = { NULL };
        sigset_t none;
        int r;

        sigemptyset(&none);
        r = posix_spawnattr_init(&attributes);
        if (r != 0)
                return -r;
        r = posix_spawn_file_actions_init(&actions);
        if (r == 0) {
                (void) posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
                (void) posix_spawnattr_setsigmask(&attributes, &none);
                r = posix_spawn_file_actions_adddup2(&actions, report, report); /* is inherited */
                if (r == 0)
                        r = posix_spawn(ret, PROGRAM, &actions, &attributes, argv, nothing);
                posix_spawn_file_actions_destroy(&actions);
        }
        posix_spawnattr_destroy(&attributes);
        return -r;
}

static int start_probe(Monitor *m) {
        MonitorHealth *h = &m->health;
        char number[16];
        char *const argv[] = { (char *) "isola", (char *) "--root",
                               m->c->home->data, (char *) "--run-root",
                               m->c->home->run,  (char *) "__probe",
                               (char *) "--",    m->c->id,
                               number,           NULL };
        pid_t pid;
        int r;

        h->start = clock_rfc3339(clock_now_ns());
        h->start_age_ns = age_ns(m);
        h->report = memfd_create("health", MFD_CLOEXEC);
        if (!h->start || h->report < 0)
                return h->start ? -errno : -ENOMEM;
        snprintf(number, sizeof number, "%d", h->report);
        r = execute(argv, h->report, &pid);
        if (r < 0)
                return r;
        h->pidfd = pidfd_open(pid, 0);
        if (h->pidfd < 0) {
                r = -errno;
                (void) kill(pid, SIGKILL);
                (void) waitpid(pid, NULL, 0);
                return r;
        }
        h->deadline_ms =
                clock_monotonic_ms() + GRACE_MS +
                (check_of(m)->timeout > 0 ? check_of(m)->timeout : HEALTH_TIMEOUT_NS) / NS_PER_MS;
        return 0;
}

/* What the probe has reported; a probe that was killed has not. */
static int read_report(int report, HealthResult *ret) {
        char bytes[sizeof(ProbeReport) + HEALTH_OUTPUT_MAX];
        ProbeReport head;
        ssize_t n = pread(report, bytes, sizeof bytes, 0);

        if (n < (ssize_t) sizeof head)
                return -ENODATA;
        memcpy(&head, bytes, sizeof head);
        if (head.size > (size_t) n - sizeof head)
                return -ENODATA;
        ret->exit_code = head.exit_code;
        ret->output = strndup(bytes + sizeof head, head.size);
        return ret->output ? 0 : -ENOMEM;
}

/* @why: where there is no report, or NULL. */
static void end_probe(Monitor *m, const char *why) {
        MonitorHealth *h = &m->health;
        HealthResult result = { .start = take_ptr(h->start),
                                .end = clock_rfc3339(clock_now_ns()),
                                .exit_code = 1 };

        if (why || read_report(h->report, &result) < 0)
                result.output = strdup(why ? why : "the health check could not be run");
        h->report = close_fd(h->report);
        if (health_add(&h->record, check_of(m), h->start_age_ns, &result) < 0)
                log_warn("the health of container '%s' is not recorded: %s", m->c->name,
                         strerror(ENOMEM));
        save(m);
        plan_next(m);
}

/* ---- for the loop ---- */

int monitor_health_fd(const Monitor *m) {
        return m->health.on && !m->exited ? m->health.pidfd : -EBADF;
}

int monitor_health_timeout_ms(const Monitor *m) {
        const MonitorHealth *h = &m->health;
        int64_t left;

        if (!h->on || m->exited)
                return -1;
        left = (h->pidfd >= 0 ? h->deadline_ms : h->next_ms) - clock_monotonic_ms();
        return left < 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int) left;
}

void monitor_health_run(Monitor *m, bool ended) {
        MonitorHealth *h = &m->health;
        int r;

        if (!h->on || m->exited)
                return;
        if (h->pidfd >= 0 && (ended || clock_monotonic_ms() >= h->deadline_ms)) {
                process_kill_and_reap(h->pidfd);
                h->pidfd = close_fd(h->pidfd);
                end_probe(m, ended ? NULL : "the health check did not end");
        }
        if (h->pidfd >= 0 || clock_monotonic_ms() < h->next_ms)
                return;
        if (container_status(m->c) == CONTAINER_PAUSED)
                return plan_next(m);
        r = start_probe(m);
        if (r < 0)
                end_probe(m, strerror(-r));
}
