/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/pidfd.h>

#include "base/clock.h"
#include "base/str.h"
#include "cli/command.h"
#include "engine/container.h"
#include "engine/log.h"

typedef struct LogsOptions {
        bool follow, timestamps, details;
        const char *since, *until, *tail;
} LogsOptions;

static const Option options[] COMMAND_DATA = {
        OPT_FLAG(0, "details", LogsOptions, details, "Show the attributes written with each line"),
        OPT_FLAG('f', "follow", LogsOptions, follow, "Go on until the container ends"),
        OPT_STRING(0, "since", LogsOptions, since, "TIME",
                   "Only lines from TIME on: 2026-11-22T14:30:00Z, Unix seconds, or 10m ago"),
        OPT_STRING('n', "tail", LogsOptions, tail, "N", "Only the last N lines (all)"),
        OPT_FLAG('t', "timestamps", LogsOptions, timestamps, "Show when each line was written"),
        OPT_STRING(0, "until", LogsOptions, until, "TIME", "Only lines up to TIME"),
        {},
};

static bool is_over(void *context) {
        struct pollfd process = { .fd = *(int *) context, .events = POLLIN };

        return poll(&process, 1, 0) > 0;
}

/*
 * What to wait for until the log is complete: the monitor, which writes it; the container itself
 * where the monitor was killed.  A container that does not run has a complete log.
 */
static int open_writer(const Container *c) {
        int monitor = container_monitor_pidfd(c);

        return monitor < 0 ? container_pidfd(c) : monitor;
}

static int read_times(const LogsOptions *o, LogQuery *query, Err *err) {
        if (o->since && clock_parse_when(o->since, &query->since_ns) < 0)
                return refuse(err, EINVAL, "--since '%s' is not a time", o->since);
        if (o->until && clock_parse_when(o->until, &query->until_ns) < 0)
                return refuse(err, EINVAL, "--until '%s' is not a time", o->until);
        return 0;
}

static int cmd_logs(const CommandInput *in, Err *err) {
        const LogsOptions *o = in->options;
        LogQuery query = { .tail = -1,
                           .timestamps = o->timestamps,
                           .details = o->details,
                           .output = STDOUT_FILENO,
                           .error = STDERR_FILENO };
        autoclose int dir = -EBADF, writer = -EBADF;
        autofree char *path = NULL;
        autoptr(Container) c = NULL;
        int r;

        if (o->tail && !str_equal(o->tail, "all") && parse_i64(o->tail, &query.tail) < 0)
                return refuse(err, EINVAL, "--tail '%s' is neither a number of lines nor 'all'",
                              o->tail);
        r = read_times(o, &query, err);
        if (r < 0)
                return err_hint(err, r,
                                "write 2026-11-22T14:30:00Z, Unix seconds, or a span back "
                                "from now such as 10m");

        r = container_load(in->home, in->args[0], &c, err);
        if (r < 0)
                return r;
        if (str_equal(c->host.log_config.type, "none"))
                return refuse(err, ENOTSUP, "container '%s' keeps no log (--log-driver none)",
                              c->name);

        path = str_format("containers/%s", c->id);
        if (!path)
                return fail(err, ENOMEM, "cannot read the log of container '%s'", c->name);
        dir = openat(in->home->data_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir < 0)
                return fail(err, errno, "cannot read the log of container '%s'", c->name);

        if (o->follow)
                writer = open_writer(c);
        if (writer >= 0) {
                query.follow = true;
                query.ended = is_over;
                query.context = &writer;
                query.ended_fd = writer;
        }
        return log_read(dir, &query, err);
}

COMMAND(logs) = {
        .name = "logs",
        .alias = "container logs",
        .group = "Containers",
        .synopsis = "[OPTION...] CONTAINER",
        .summary = "Show what a container has written",
        .options = options,
        .options_size = sizeof(LogsOptions),
        .min_args = 1,
        .max_args = 1,
        .completes = "container",
        .run = cmd_logs,
};
