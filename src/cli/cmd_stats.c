/* SPDX-License-Identifier: GPL-2.0-or-later */

/* isola stats: what containers use, again and again. */

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/id.h"
#include "base/size.h"
#include "base/str.h"
#include "cli/command.h"
#include "cli/format.h"
#include "cli/interrupt.h"
#include "cli/screen.h"
#include "cli/table.h"
#include "engine/usage.h"

#define INTERVAL_MS 1000

typedef struct StatsOptions {
        bool all, no_stream, no_trunc;
        const char *format;
} StatsOptions;

static const Option options[] COMMAND_DATA = {
        OPT_FLAG('a', "all", StatsOptions, all, "Also those that do not run"),
        OPT_STRING(0, "format", StatsOptions, format, "FORMAT", "json, table, or a Go template"),
        OPT_FLAG(0, "no-stream", StatsOptions, no_stream, "Look once"),
        OPT_FLAG(0, "no-trunc", StatsOptions, no_trunc, "Do not shorten ids"),
        {},
};

/* A container at one time. */
typedef struct Sample {
        char id[ID_LENGTH + 1], *name;
        bool runs;
        ContainerUsage usage;
} Sample;

typedef struct Samples {
        Sample *all;
        size_t n;
} Samples;

static void samples_clear(Samples *s) {
        for (size_t i = 0; i < s->n; i++)
                free(s->all[i].name);
        free(s->all);
        *s = (Samples){};
}
#define autosamples __attribute__((__cleanup__(samples_clear))) Samples

/* ---- looking ---- */

static int take_sample(Samples *s, const Container *c, Err *err) {
        Sample *sample = json_grow(&s->all, &s->n, sizeof *sample);
        int r;

        if (!sample || !(sample->name = strdup(c->name)))
                return fail(err, ENOMEM, "cannot look at container '%s'", c->name);
        memcpy(sample->id, c->id, sizeof sample->id);
        if (!container_is_up(c) || container_status(c) == CONTAINER_RESTARTING)
                return 0;
        r = container_usage(c, &sample->usage, err);
        if (r == -ESRCH) {
                err_clear(err); /* it has just ended */
                return 0;
        }
        sample->runs = r >= 0;
        return r;
}

static int look_at_all(const CommandInput *in, Samples *ret, Err *err) {
        const StatsOptions *o = in->options;
        Container **list = NULL;
        size_t n = 0;
        int r = container_list(in->home, o->all, &list, &n, err);

        for (size_t i = 0; i < n && r >= 0; i++)
                r = take_sample(ret, list[i], err);
        container_list_free(list, n);
        return r;
}

static int look(const CommandInput *in, Samples *ret, Err *err) {
        if (in->n_args == 0)
                return look_at_all(in, ret, err);
        for (int i = 0; i < in->n_args; i++) {
                autoptr(Container) c = NULL;
                int r = container_load(in->home, in->args[i], &c, err);

                if (r >= 0)
                        r = take_sample(ret, c, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ---- showing ---- */

/* In percent of one processor; negative where two looks do not tell. */
static double cpu_share(const Samples *before, const Sample *now) {
        for (size_t i = 0; i < before->n && now->runs; i++) {
                const Sample *b = &before->all[i];

                if (!str_equal(b->id, now->id) || !b->runs || now->usage.at_ns <= b->usage.at_ns)
                        continue;
                /* Of a process that nobody waits for the time is lost when it ends. */
                if (now->usage.cpu_ns < b->usage.cpu_ns)
                        return 0;
                return 100 * (double) (now->usage.cpu_ns - b->usage.cpu_ns) /
                       (double) (now->usage.at_ns - b->usage.at_ns);
        }
        return -1;
}

static char *two_sizes(uint64_t a, uint64_t b) {
        autofree char *first = size_words(a), *second = size_words(b);

        return first && second ? str_format("%s / %s", first, second) : NULL;
}

static char *percent(double share) {
        return share < 0 ? strdup("--") : str_format("%.2f%%", share);
}

static json_t *row(const Samples *before, const Sample *s, const StatsOptions *o) {
        const ContainerUsage *u = &s->usage;
        autofree char *id = strndup(s->id, o->no_trunc ? ID_LENGTH : ID_SHORT_LENGTH);
        autofree char *cpu = percent(cpu_share(before, s));
        autofree char *memory = two_sizes(u->memory, u->memory_limit);
        autofree char *share =
                percent(u->memory_limit ? 100 * (double) u->memory / (double) u->memory_limit : -1);
        autofree char *network = u->has_network ? two_sizes(u->received, u->sent) : strdup("--");
        autofree char *blocks = two_sizes(u->blocks_read, u->blocks_written);
        autofree char *processes = str_format("%llu", (unsigned long long) u->processes);

        if (!id || !cpu || !memory || !share || !network || !blocks || !processes)
                return NULL;
        return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "Container", id, "ID", id,
                         "Name", s->name, "CPUPerc", cpu, "MemUsage", s->runs ? memory : "-- / --",
                         "MemPerc", s->runs ? share : "--", "NetIO", s->runs ? network : "--",
                         "BlockIO", s->runs ? blocks : "--", "PIDs", s->runs ? processes : "--");
}

static const Column columns[] = {
        { "CONTAINER ID", "ID" },
        { "NAME", "Name" },
        { "CPU %", "CPUPerc" },
        { "MEM USAGE / LIMIT", "MemUsage" },
        { "MEM %", "MemPerc" },
        { "NET I/O", "NetIO" },
        { "BLOCK I/O", "BlockIO" },
        { "PIDS", "PIDs" },
        {},
};

static json_t *make_rows(const Samples *before, const Samples *now, const StatsOptions *o) {
        json_t *rows = json_array();

        for (size_t i = 0; i < now->n; i++)
                if (json_array_append_new(rows, row(before, &now->all[i], o)) < 0) {
                        json_decref(rows);
                        return NULL;
                }
        return rows;
}

/* The default table, as text: a screen wants all of it at once. */
static char *table_text(json_t *rows) {
        autostrv lines = NULL;
        autostr heading = {}, s = {};
        size_t i;
        json_t *object;

        for (const Column *c = columns; c->title; c++)
                str_printf(&heading, "%s%s", c == columns ? "" : "\t", c->title);
        if (strv_take(&lines, str_take(&heading)) < 0)
                return NULL;
        json_array_foreach(rows, i, object) {
                autostr line = {};

                for (const Column *c = columns; c->title; c++) {
                        str_put(&line, c == columns ? "" : "\t");
                        table_put(&line, json_string_value(json_object_get(object, c->field)));
                }
                if (strv_take(&lines, str_take(&line)) < 0)
                        return NULL;
        }
        table_layout(lines, &s);
        return str_take(&s);
}

static int show(const Samples *before, const Samples *now, const StatsOptions *o,
                const Screen *screen, int nth, Err *err) {
        autofree char *text = NULL;
        json_t *rows = make_rows(before, now, o);
        int r;

        if (!rows)
                return fail(err, ENOMEM, "cannot show what containers use");
        if (o->format) {
                r = format_rows(columns, rows, o->format, err);
        } else {
                text = table_text(rows);
                r = text ? screen_show(screen, text, 0, nth) : -ENOMEM;
                if (r < 0)
                        r = fail(err, r, "cannot show what containers use");
        }
        json_decref(rows);
        return r < 0 || fflush(stdout) == 0 ? r : fail(err, errno, "cannot write");
}

/* ---- the verb ---- */

static int watch(const CommandInput *in, const Screen *screen, int signals, Err *err) {
        const StatsOptions *o = in->options;
        autosamples before = {};
        int r = look(in, &before, err);

        for (int nth = 0; r >= 0 && !screen_wait(screen, signals, INTERVAL_MS); nth++) {
                autosamples now = {};

                r = look(in, &now, err);
                if (r >= 0)
                        r = show(&before, &now, o, screen, nth, err);
                if (o->no_stream)
                        break;
                samples_clear(&before);
                before = now;
                now = (Samples){};
        }
        return r;
}

static int cmd_stats(const CommandInput *in, Err *err) {
        const StatsOptions *o = in->options;
        autoclose int signals = interrupt_open();
        autoscreen screen = SCREEN_NONE;
        int r = signals;

        if (r >= 0 && !o->no_stream && !o->format)
                r = screen_take(&screen);
        return r < 0 ? fail(err, r, "cannot take the terminal") : watch(in, &screen, signals, err);
}

COMMAND(stats) = {
        .name = "stats",
        .alias = "container stats",
        .group = "Containers",
        .synopsis = "[OPTION...] [CONTAINER...]",
        .summary = "Watch what containers use",
        .options = options,
        .options_size = sizeof(StatsOptions),
        .max_args = ARGS_ANY,
        .completes = "container",
        .run = cmd_stats,
};
