/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "base/str.h"
#include "cli/command.h"
#include "cli/format.h"
#include "cli/lab_filter.h"

typedef struct StatsOptions {
        const char *format, *lab;
        bool reset;
} StatsOptions;

static const Option options[] COMMAND_DATA = {
        OPT_STRING(0, "format", StatsOptions, format, "FORMAT",
                   "Print as json, table or a Go template"),
        OPT_LAB(StatsOptions, lab),
        OPT_FLAG(0, "reset", StatsOptions, reset, "Begin to count anew, and print nothing"),
        {},
};

typedef struct Listing {
        const Lab *lab;
        json_t *rows;
        bool reset;
        Err *err;
} Listing;

static void put_number(json_t *row, const char *name, uint64_t value) {
        json_object_set_new(row, name, json_sprintf("%" PRIu64, value));
}

static void put_counters(json_t *row, const Filter *f) {
        static const char *const names[FILTER_VERDICTS][2] = {
                [FILTER_DROP] = { "Dropped", "DroppedBytes" },
                [FILTER_ACCEPT] = { "Accepted", "AcceptedBytes" },
                [FILTER_MIRROR] = { "Mirrored", "MirroredBytes" },
                [FILTER_REDIRECT] = { "Redirected", "RedirectedBytes" },
                [FILTER_COUNT] = { "Counted", "CountedBytes" },
                [FILTER_FAILED] = { "Failed", "FailedBytes" },
        };
        FilterCounter matched = {}, all = f->counters[FILTER_PASS];

        for (int v = 0; v < FILTER_VERDICTS; v++) {
                if (!names[v][0])
                        continue;
                matched.packets += f->counters[v].packets;
                matched.bytes += f->counters[v].bytes;
                put_number(row, names[v][0], f->counters[v].packets);
                put_number(row, names[v][1], f->counters[v].bytes);
        }
        put_number(row, "Packets", all.packets + matched.packets);
        put_number(row, "Bytes", all.bytes + matched.bytes);
        put_number(row, "Matched", matched.packets);
        put_number(row, "MatchedBytes", matched.bytes);
}

static int add_row(const Filter *f, size_t node, void *context) {
        const char *name, *action = filter_verdict_name(f->action);
        Listing *listing = context;
        json_t *row;

        if (listing->reset)
                return filter_reset(f, listing->err);
        name = listing->lab->topology->nodes[node].name;
        row = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "Filter", f->name, "Node", name,
                        "Interface", f->interface, "Side", f->egress ? "out" : "in", "Function",
                        f->function, "Action", action);
        if (!row)
                return -ENOMEM;
        json_object_set_new(row, "Port", json_sprintf("%s:%s", name, f->interface));
        if (f->target)
                json_object_set_new(row, "Action", json_sprintf("%s:%s", action, f->target_name));
        put_number(row, "Priority", f->priority);
        put_number(row, "Program", f->program);
        put_counters(row, f);
        return json_array_append_new(listing->rows, row) < 0 ? -ENOMEM : 0;
}

static int cmd_lab_filter_stats(const CommandInput *in, Err *err) {
        static const Column columns[] = {
                { "PORT", "Port" },
                { "SIDE", "Side" },
                { "PRIORITY", "Priority" },
                { "FILTER", "Filter" },
                { "ACTION", "Action" },
                { "PACKETS", "Packets" },
                { "BYTES", "Bytes" },
                { "MATCHED", "Matched" },
                { "BYTES", "MatchedBytes" },
                { "DROPPED", "Dropped" },
                {},
        };
        const StatsOptions *o = in->options;
        autoptr(Lab) lab = NULL;
        Listing listing = { .reset = o->reset, .err = err };
        int r = lab_operand_open(in->home, o->lab, &lab, err);

        if (r < 0)
                return r;
        listing.lab = lab;
        listing.rows = json_array();
        if (in->n_args == 0)
                r = lab_filter_each(lab, NULL, add_row, &listing, err);
        for (int i = 0; r >= 0 && i < in->n_args; i++)
                r = lab_filter_each(lab, in->args[i], add_row, &listing, err);
        if (r >= 0 && !o->reset)
                r = format_rows(columns, listing.rows, o->format, err);
        json_decref(listing.rows);
        return r;
}

COMMAND(lab_filter_stats) = {
        .name = "lab filter stats",
        .alias = "lab filter ls",
        .group = "Labs",
        .synopsis = "[OPTION...] [NODE[:INTERFACE]...]",
        .summary = "List filters of a lab, and what they have counted",
        .options = options,
        .options_size = sizeof(StatsOptions),
        .max_args = ARGS_ANY,
        .completes = "node",
        .run = cmd_lab_filter_stats,
};
