/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "cli/lab_measure.h"

static const Option options[] COMMAND_DATA = {
        MEASURE_TEXT('P', "flows", flows, "N", "Connections at once (1)"),
        MEASURE_TEXT('t', "duration", duration, "SPAN", "Send for so long (10s)"),
        MEASURE_TEXT('C', "congestion", congestion, "NAME", "Congestion control, as cubic or bbr"),
        MEASURE_REVERSE,
        MEASURE_FAMILY,
        MEASURE_RESULTS,
        {},
};

static int cmd_lab_measure_tcp(const CommandInput *in, Err *err) {
        return lab_measure(in, "tcp", err);
}

COMMAND(lab_measure_tcp) = {
        .name = "lab measure tcp",
        .group = "Labs",
        .synopsis = "[OPTION...] FROM TO",
        .summary = "Measure what TCP carries between two nodes",
        .options = options,
        .options_size = sizeof(MeasureOptions),
        .min_args = 2,
        .max_args = 2,
        .completes = "node",
        .run = cmd_lab_measure_tcp,
};
