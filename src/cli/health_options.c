/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>

#include "base/clock.h"
#include "base/str.h"
#include "cli/health_options.h"
#include "oci/image.h"

#define NS_PER_S  1000000000
#define NS_PER_MS 1000000

/* As in an image: at least 1 ms, or 0 for the default. */
static int read_span(const char *name, const char *text, int64_t *ret, Err *err) {
        if (!text)
                return 0;
        if (span_parse(text, NS_PER_S, ret) < 0 || *ret < 0 || (*ret > 0 && *ret < NS_PER_MS))
                return err_hint(err,
                                refuse(err, EINVAL,
                                       "option '--health-%s': '%s' is no span of "
                                       "at least 1ms",
                                       name, text),
                                "such as 500ms, 30s or 1m30s");
        return 0;
}

static int read_command(const HealthOptions *o, OciHealthcheck *check, Err *err) {
        int r = 0;

        if (o->off || str_equal(o->command, "none"))
                r = strv_add(&check->test, "NONE");
        else if (!str_empty(o->command))
                r = strv_add(&check->test, "CMD-SHELL") < 0 ? -ENOMEM
                                                            : strv_add(&check->test, o->command);
        return r < 0 ? fail(err, r, "cannot read the health check") : 0;
}

int health_options_read(const HealthOptions *o, ContainerConfig *config, Err *err) {
        const char *any = o->command        ? o->command
                          : o->interval     ? o->interval
                          : o->timeout      ? o->timeout
                          : o->retries      ? o->retries
                          : o->start_period ? o->start_period
                                            : o->start_interval;
        OciHealthcheck *check;
        int r;

        if (!any && !o->off)
                return 0;
        if (any && o->off)
                return refuse(err, EINVAL,
                              "--no-healthcheck and --health-… cannot be used together");
        check = config->healthcheck = calloc(1, sizeof *check);
        if (!check)
                return fail(err, ENOMEM, "cannot read the health check");
        r = read_command(o, check, err);
        if (r >= 0)
                r = read_span("interval", o->interval, &check->interval, err);
        if (r >= 0)
                r = read_span("timeout", o->timeout, &check->timeout, err);
        if (r >= 0)
                r = read_span("start-period", o->start_period, &check->start_period, err);
        if (r >= 0)
                r = read_span("start-interval", o->start_interval, &check->start_interval, err);
        if (r >= 0 && o->retries && parse_int(o->retries, 0, 1000000, &check->retries) < 0)
                return refuse(err, EINVAL, "option '--health-retries': '%s' is no number",
                              o->retries);
        return r;
}
