/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "cli/lab_measure.h"

static const Option options[] COMMAND_DATA = {
        MEASURE_TEXT('P', "flows", flows, "N", "Connections at once (4)"),
        MEASURE_TEXT('t', "duration", duration, "SPAN", "Load for so long (10s)"),
        MEASURE_TEXT(0, "idle", idle, "SPAN", "Quiet before that (3s)"),
        MEASURE_TEXT('i', "interval", interval, "SPAN", "Between requests (20ms)"),
        MEASURE_TEXT('C', "congestion", congestion, "NAME", "Congestion control, as cubic or bbr"),
        MEASURE_REVERSE,
        MEASURE_FAMILY,
        MEASURE_RESULTS,
        {},
};

static int cmd_lab_measure_load(const CommandInput *in, Err *err) {
        return lab_measure(in, "load", err);
}

COMMAND(lab_measure_load) = {
        .name = "lab measure load",
        .group = "Labs",
        .synopsis = "[OPTION...] FROM TO",
        .summary = "Measure round trips while TCP fills the path",
        .options = options,
        .options_size = sizeof(MeasureOptions),
        .min_args = 2,
        .max_args = 2,
        .completes = "node",
        .run = cmd_lab_measure_load,
};
