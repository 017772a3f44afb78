/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Health checks of containers (HEALTHCHECK, --health-cmd)
 *
 * The monitor lets a process of its own run each check, when it is time for one:
 * `isola __probe`, which joins the container as `exec` does, waits, kills what takes
 * too long, and writes a ProbeReport to a descriptor.  What came of it is counted
 * here, by Docker's rules, and kept in $RUN/containers/<id>/health.json.
 */

#include "engine/container.h"

/* What Docker does where nothing is said. */
#define HEALTH_INTERVAL_NS       (30 * INT64_C(1000000000))
#define HEALTH_TIMEOUT_NS        (30 * INT64_C(1000000000))
#define HEALTH_START_INTERVAL_NS (5 * INT64_C(1000000000))
#define HEALTH_RETRIES           3

#define HEALTH_LOG_MAX    5    /* results that are kept */
#define HEALTH_OUTPUT_MAX 4096 /* bytes of a check's output that are */
#define HEALTH_TIMED_OUT  (-1) /* its exit code */

#define HEALTH_STARTING  "starting"
#define HEALTH_HEALTHY   "healthy"
#define HEALTH_UNHEALTHY "unhealthy"

typedef struct HealthResult {
        char *start, *end; /* RFC 3339 */
        int exit_code;
        char *output;
} HealthResult;

typedef struct Health {
        int version; /* of the record */
        char *status;
        int failing_streak;
        HealthResult *log; /* the newest last */
        size_t n_log;
} Health;
extern const JsonType health_type;

void health_clear(Health *h);
#define autohealth __attribute__((__cleanup__(health_clear))) Health

/* Whether there is a check to run. */
bool health_is_wanted(const Container *c);
/* Sets it to "starting", with nothing in its log. */
int health_reset(Health *h);
/**
 * health_add() - count what came of a check
 * @age_ns:	of the container, when the check began
 * @result:	taken over
 *
 * One success makes it healthy.  So many failures in a row as the check's retries make it
 * unhealthy; those within the start period of one that was never healthy do not count.
 */
int health_add(Health *h, const OciHealthcheck *check, int64_t age_ns, HealthResult *result);
/* How long until the next check. */
int64_t health_interval_ns(const Health *h, const OciHealthcheck *check, int64_t age_ns);

/* The record of a container that runs; -ENOENT if it has none. */
int health_load(const Container *c, Health *ret, Err *err);

/* What a probe tells its monitor: this, then @size bytes of output. */
typedef struct ProbeReport {
        int32_t exit_code;
        uint32_t size;
} ProbeReport;

/**
 * health_probe() - run a container's check once
 * @report:	descriptor that gets the ProbeReport
 *
 * A check that could not be started is a report, too: its exit code is 1, or 126 and 127 as
 * `exec` has them, its output the reason.
 */
int health_probe(Container *c, int report, Err *err);
