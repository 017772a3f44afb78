/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/str.h"
#include "cli/format.h"
#include "cli/lab_operand.h"
#include "lab/link.h"

typedef struct ShowOptions {
        const char *lab, *format;
} ShowOptions;

static const Option options[] COMMAND_DATA = {
        OPT_STRING(0, "format", ShowOptions, format, "FORMAT",
                   "Print as json, table or a Go template"),
        OPT_LAB(ShowOptions, lab),
        {},
};

static char *end_name(const Topology *t, LinkSide side) {
        return str_format("%s:%s", t->nodes[side.node].name, topology_interface(t, side)->name);
}

static char *late_words(const LinkView *v, const LinkStats *s) {
        if (v->engine != ENGINE_WIRE)
                return strdup("");
        return str_format("%.1fus%s", (double) s->late_median_ns / 1000,
                          s->overruns ? " overrun" : "");
}

static int add_direction(json_t *rows, const Topology *t, const TopologyLink *l, const LinkView *v,
                         int d) {
        const LinkDirection *w = &v->directions[d];
        const LinkStats *s = &w->stats;
        autofree char *from = end_name(t, l->sides[d]), *to = end_name(t, l->sides[!d]),
                      *late = late_words(v, s),
                      *packets = str_format("%ju", (uintmax_t) s->packets),
                      *bytes = str_format("%ju", (uintmax_t) s->bytes),
                      *drops = str_format("%ju", (uintmax_t) link_dropped(s));
        json_t *row;

        if (!from || !to || !late || !packets || !bytes || !drops)
                return -ENOMEM;
        row = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "Name", l->name,
                        "From", from, "To", to, "Engine", link_engine_names[v->engine], "State",
                        v->cut ? "cut" : "up", "Quality", w->quality, "Packets", packets, "Bytes",
                        bytes, "Dropped", drops, "Late", late);
        if (!row)
                return -ENOMEM;
        json_object_set_new(
                row, "Stats",
                json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
                          "s:I, s:I}",
                          "Arrived", (json_int_t) s->arrived, "Lost", (json_int_t) s->lost,
                          "QueueFull", (json_int_t) s->queue_full, "CoDel", (json_int_t) s->codel,
                          "Cut", (json_int_t) s->cut, "Down", (json_int_t) s->down, "Memory",
                          (json_int_t) s->memory, "Corrupted", (json_int_t) s->corrupted,
                          "Duplicated", (json_int_t) s->duplicated, "Reordered",
                          (json_int_t) s->reordered, "Queued", (json_int_t) s->queued, "InFlight",
                          (json_int_t) s->in_flight, "Overruns", (json_int_t) s->overruns,
                          "LateMedianNs", (json_int_t) s->late_median_ns, "LateP99Ns",
                          (json_int_t) s->late_p99_ns, "LateMaxNs", (json_int_t) s->late_max_ns));
        return json_array_append_new(rows, row) == 0 ? 0 : -ENOMEM;
}

static int add_link(json_t *rows, const Lab *lab, size_t link, int direction, Err *err) {
        const TopologyLink *l = &lab->topology->links[link];
        autolinkview v = {};
        int r = lab_link_view(lab, link, &v, err);

        for (int d = 0; r >= 0 && d < 2; d++)
                if (direction < 0 || direction == d) {
                        r = add_direction(rows, lab->topology, l, &v, d);
                        if (r < 0)
                                r = fail(err, r, "cannot show link '%s'", l->name);
                }
        return r;
}

static int add_all(json_t *rows, const CommandInput *in, const Lab *lab, Err *err) {
        int r = 0;

        for (size_t i = 0; r >= 0 && in->n_args == 0 && i < lab->topology->n_links; i++)
                r = add_link(rows, lab, i, -1, err);
        for (int i = 0; r >= 0 && i < in->n_args; i++) {
                int direction;
                ssize_t link = topology_find_link(lab->topology, in->args[i], &direction, err);

                r = link < 0 ? (int) link : add_link(rows, lab, (size_t) link, direction, err);
        }
        return r;
}

static int cmd_lab_link_show(const CommandInput *in, Err *err) {
        static const Column columns[] = {
                { "FROM", "From" },       { "TO", "To" },
                { "ENGINE", "Engine" },   { "STATE", "State" },
                { "PACKETS", "Packets" }, { "BYTES", "Bytes" },
                { "DROPPED", "Dropped" }, { "LATE", "Late" },
                { "QUALITY", "Quality" }, {},
        };
        const ShowOptions *o = in->options;
        autoptr(Lab) lab = NULL;
        json_t *rows;
        int r = lab_operand_open(in->home, o->lab, &lab, err);

        if (r < 0)
                return r;
        rows = json_array();
        r = add_all(rows, in, lab, err);
        if (r >= 0)
                r = format_rows(columns, rows, o->format, err);
        json_decref(rows);
        return r;
}

COMMAND(lab_link_show) = {
        .name = "lab link show",
        .alias = "lab link ls",
        .group = "Labs",
        .synopsis = "[OPTION...] [LINK...]",
        .summary = "Show the quality and counters of links",
        .options = options,
        .options_size = sizeof(ShowOptions),
        .max_args = ARGS_ANY,
        .completes = "link",
        .run = cmd_lab_link_show,
};
