/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/str.h"
#include "cli/format.h"
#include "cli/lab_flow.h"

typedef struct StatsOptions {
        const char *lab, *format;
} StatsOptions;

static const Option options[] COMMAND_DATA = {
        OPT_STRING(0, "format", StatsOptions, format, "FORMAT",
                   "Print as json, table or a Go template"),
        OPT_LAB(StatsOptions, lab),
        {},
};

static const char *name_of(const OfFeatures *features, uint32_t number) {
        for (size_t i = 0; i < features->n_ports; i++)
                if (features->ports[i].number == number)
                        return features->ports[i].name;
        return "";
}

/* What the switch does not count is empty. */
static json_t *count(uint64_t value) {
        return value == UINT64_MAX ? json_string("") : json_sprintf("%ju", (uintmax_t) value);
}

static int add_row(json_t *rows, const OfFeatures *features, const OfPortStats *s) {
        json_t *row =
                json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "Port",
                          json_sprintf("%u", s->number), "Name", name_of(features, s->number),
                          "RxPackets", count(s->rx_packets), "RxBytes", count(s->rx_bytes),
                          "RxDropped", count(s->rx_dropped), "TxPackets", count(s->tx_packets),
                          "TxBytes", count(s->tx_bytes), "TxDropped", count(s->tx_dropped));

        return row && json_array_append_new(rows, row) == 0 ? 0 : -ENOMEM;
}

static int print(const OfFeatures *features, const OfPortStats *stats, size_t n, const char *format,
                 Err *err) {
        static const Column columns[] = {
                { "PORT", "Port" },
                { "NAME", "Name" },
                { "RX PACKETS", "RxPackets" },
                { "RX BYTES", "RxBytes" },
                { "RX DROPPED", "RxDropped" },
                { "TX PACKETS", "TxPackets" },
                { "TX BYTES", "TxBytes" },
                { "TX DROPPED", "TxDropped" },
                {},
        };
        json_t *rows = json_array();
        int r = 0;

        for (size_t i = 0; r >= 0 && i < n; i++)
                r = add_row(rows, features, &stats[i]);
        r = r < 0 ? fail(err, r, "cannot list the ports") : format_rows(columns, rows, format, err);
        json_decref(rows);
        return r;
}

static int cmd_lab_flow_stats(const CommandInput *in, Err *err) {
        const StatsOptions *o = in->options;
        autoptr(OfClient) client = NULL;
        autofree OfPortStats *stats = NULL;
        OfFeatures features = {};
        size_t n = 0;
        int r = lab_flow_open(in->home, o->lab, in->args[0], &client, err);

        if (r >= 0)
                r = of_client_features(client, &features, err);
        if (r >= 0)
                r = of_client_port_stats(client, OF_PORT_ANY, &stats, &n, err);
        if (r >= 0)
                r = print(&features, stats, n, o->format, err);
        of_features_clear(&features);
        return r;
}

COMMAND(lab_flow_stats) = {
        .name = "lab flow stats",
        .group = "Labs",
        .synopsis = "[OPTION...] SWITCH",
        .summary = "Show what the ports of a switch of Open vSwitch have counted",
        .options = options,
        .options_size = sizeof(StatsOptions),
        .min_args = 1,
        .max_args = 1,
        .completes = "node",
        .run = cmd_lab_flow_stats,
};
