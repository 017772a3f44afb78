/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "engine/health.h"

#define RECORD_VERSION 1
#define NS_PER_MS      1000000

static const JsonField result_fields[] = {
        JSON_STRING(HealthResult, start, "Start", JSON_ALWAYS),
        JSON_STRING(HealthResult, end, "End", JSON_ALWAYS),
        JSON_INT(HealthResult, exit_code, "ExitCode", JSON_ALWAYS),
        JSON_STRING(HealthResult, output, "Output", JSON_ALWAYS),
        {},
};
static const JsonType result_type = { sizeof(HealthResult), result_fields };

static const JsonField health_fields[] = {
        JSON_INT(Health, version, "Version"),
        JSON_STRING(Health, status, "Status", JSON_ALWAYS),
        JSON_INT(Health, failing_streak, "FailingStreak", JSON_ALWAYS),
        JSON_ARRAY(Health, log, HealthResult, "Log", &result_type, JSON_ALWAYS),
        {},
};
const JsonType health_type = { sizeof(Health), health_fields };

void health_clear(Health *h) {
        json_clear(&health_type, h);
}

bool health_is_wanted(const Container *c) {
        const OciHealthcheck *check = c->config.healthcheck;

        return check && check->test && check->test[0] && !str_equal(check->test[0], "NONE");
}

/* ---- counting ---- */

static int set_status(Health *h, const char *status) {
        return str_set(&h->status, status);
}

int health_reset(Health *h) {
        health_clear(h);
        h->version = RECORD_VERSION;
        return set_status(h, HEALTH_STARTING);
}

static int64_t or_else(int64_t ns, int64_t otherwise) {
        return ns > 0 ? ns : otherwise;
}

static bool is_starting(const Health *h, const OciHealthcheck *check, int64_t age_ns) {
        return str_equal(h->status, HEALTH_STARTING) && age_ns < check->start_period;
}

static int log_result(Health *h, HealthResult *result) {
        HealthResult *slot = json_grow(&h->log, &h->n_log, sizeof *slot);

        if (!slot)
                return -ENOMEM;
        *slot = *result;
        *result = (HealthResult){};
        if (h->n_log > HEALTH_LOG_MAX) {
                json_clear(&result_type, &h->log[0]);
                memmove(h->log, h->log + 1, --h->n_log * sizeof *h->log);
        }
        return 0;
}

int health_add(Health *h, const OciHealthcheck *check, int64_t age_ns, HealthResult *result) {
        int code = result->exit_code, r = log_result(h, result);

        if (r < 0) {
                json_clear(&result_type, result);
                return r;
        }
        if (code == 0) {
                h->failing_streak = 0;
                return set_status(h, HEALTH_HEALTHY);
        }
        if (is_starting(h, check, age_ns))
                return 0;
        h->failing_streak++;
        if (h->failing_streak < (check->retries > 0 ? check->retries : HEALTH_RETRIES))
                return 0;
        return set_status(h, HEALTH_UNHEALTHY);
}

int64_t health_interval_ns(const Health *h, const OciHealthcheck *check, int64_t age_ns) {
        return is_starting(h, check, age_ns)
                       ? or_else(check->start_interval, HEALTH_START_INTERVAL_NS)
                       : or_else(check->interval, HEALTH_INTERVAL_NS);
}

int health_load(const Container *c, Health *ret, Err *err) {
        autofree char *run = container_run_path(c->id), *path = NULL;

        path = run ? str_format("%s/health.json", run) : NULL;
        if (!path)
                return fail(err, ENOMEM, "cannot read the health of container '%s'", c->name);
        return json_load(&health_type, c->home->run_fd, path, ret, err);
}

/* ---- one check ---- */

/* "CMD" and arguments, or "CMD-SHELL" and a command line for the image's shell. */
static int make_command(const ContainerConfig *config, char ***ret) {
        char *const *test = config->healthcheck->test;
        autostrv command = NULL;
        int r = 0;

        if (str_equal(test[0], "CMD-SHELL") && config->shell)
                r = strv_copy(config->shell, &command);
        else if (str_equal(test[0], "CMD-SHELL"))
                r = strv_add(&command, "/bin/sh") < 0 ? -ENOMEM : strv_add(&command, "-c");
        if (r >= 0)
                r = strv_extend(&command, test + 1);
        if (r < 0)
                return r;
        *ret = take_ptr(command);
        return 0;
}

static int start_failure(int r) {
        return r == -ENOENT ? 127 : r == -EACCES || r == -ENOEXEC || r == -EISDIR ? 126 : 1;
}

static char *timeout_words(int64_t ns) {
        autofree char *span = span_exact(ns);

        return span ? str_format("Health check exceeded timeout (%s)", span) : NULL;
}

static int write_report(int fd, int code, const char *output, size_t size) {
        ProbeReport report = { code, (uint32_t) size };
        int r = fd_write_all(fd, &report, sizeof report);

        return r < 0 ? r : fd_write_all(fd, output, size);
}

/* A check that did not end, or not begin, by itself: the reason is its output. */
static int report_failure(int fd, int r, int64_t timeout_ns, const Err *why) {
        autofree char *late = r == -ETIMEDOUT ? timeout_words(timeout_ns) : NULL;
        const char *words = late ? late : why->message ? why->message : "";

        return write_report(fd, r == -ETIMEDOUT ? HEALTH_TIMED_OUT : start_failure(r), words,
                            strlen(words));
}

int health_probe(Container *c, int report, Err *err) {
        int64_t timeout_ns;
        char output[HEALTH_OUTPUT_MAX];
        ExecCapture capture = { output, sizeof output, 0 };
        autostrv command = NULL;
        autoerr why = {};
        int r, code;

        if (!health_is_wanted(c))
                return refuse(err, EINVAL, "container '%s' has no health check", c->name);
        if (make_command(&c->config, &command) < 0)
                return fail(err, ENOMEM, "cannot check the health of container '%s'", c->name);
        timeout_ns = or_else(c->config.healthcheck->timeout, HEALTH_TIMEOUT_NS);
        r = container_exec_capture(c, &(ExecRequest){ .args = command }, timeout_ns / NS_PER_MS,
                                   &capture, &code, &why);
        r = r < 0 ? report_failure(report, r, timeout_ns, &why)
                  : write_report(report, code, output, capture.size);
        return r < 0 ? fail(err, r, "cannot report the health of container '%s'", c->name) : 0;
}
