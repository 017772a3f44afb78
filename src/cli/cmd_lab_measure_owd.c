/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "cli/lab_measure.h"

static const Option options[] COMMAND_DATA = {
        MEASURE_TEXT('i', "interval", interval, "SPAN", "Between datagrams (10ms)"),
        MEASURE_TEXT(0, "size", size, "BYTES", "Data in each (64)"),
        MEASURE_TEXT('t', "duration", duration, "SPAN", "Send for so long (5s)"),
        MEASURE_REVERSE,
        MEASURE_FAMILY,
        MEASURE_RESULTS,
        {},
};

static int cmd_lab_measure_owd(const CommandInput *in, Err *err) {
        return lab_measure(in, "owd", err);
}

COMMAND(lab_measure_owd) = {
        .name = "lab measure owd",
        .group = "Labs",
        .synopsis = "[OPTION...] FROM TO",
        .summary = "Measure one-way delay between two nodes",
        .options = options,
        .options_size = sizeof(MeasureOptions),
        .min_args = 2,
        .max_args = 2,
        .completes = "node",
        .run = cmd_lab_measure_owd,
};
