/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "cli/lab_measure.h"

static const Option options[] COMMAND_DATA = {
        MEASURE_TEXT(0, "sizes", sizes, "LIST", "Frames in bytes (those of RFC 2544)"),
        MEASURE_TEXT('b', "rate", rate, "RATE", "Where the search begins (10gbit)"),
        MEASURE_TEXT(0, "resolution", resolution, "SHARE", "Of the rate, where it ends (1%)"),
        MEASURE_TEXT(0, "tolerance", tolerance, "SHARE", "Loss that passes (0%)"),
        MEASURE_TEXT('t', "duration", duration, "SPAN", "Of each trial (2s)"),
        MEASURE_FAMILY,
        MEASURE_RESULTS,
        {},
};

static int cmd_lab_measure_sweep(const CommandInput *in, Err *err) {
        return lab_measure(in, "sweep", err);
}

COMMAND(lab_measure_sweep) = {
        .name = "lab measure sweep",
        .group = "Labs",
        .synopsis = "[OPTION...] FROM TO",
        .summary = "Find the highest rate without loss for sizes of frames",
        .options = options,
        .options_size = sizeof(MeasureOptions),
        .min_args = 2,
        .max_args = 2,
        .completes = "node",
        .run = cmd_lab_measure_sweep,
};
