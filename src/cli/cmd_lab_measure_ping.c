/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "cli/lab_measure.h"

static const Option options[] COMMAND_DATA = {
        MEASURE_TEXT('c', "count", count, "N", "Requests (100)"),
        MEASURE_TEXT('i', "interval", interval, "SPAN",
                     "Between requests (20ms); 0: after each answer"),
        MEASURE_TEXT(0, "size", size, "BYTES", "Data in each (56)"),
        MEASURE_TEXT('W', "timeout", timeout, "SPAN", "Patience for each answer (1s)"),
        MEASURE_FAMILY,
        MEASURE_RESULTS,
        {},
};

static int cmd_lab_measure_ping(const CommandInput *in, Err *err) {
        return lab_measure(in, "ping", err);
}

COMMAND(lab_measure_ping) = {
        .name = "lab measure ping",
        .group = "Labs",
        .synopsis = "[OPTION...] FROM TO",
        .summary = "Measure round trips between two nodes",
        .options = options,
        .options_size = sizeof(MeasureOptions),
        .min_args = 2,
        .max_args = 2,
        .completes = "node",
        .run = cmd_lab_measure_ping,
};
