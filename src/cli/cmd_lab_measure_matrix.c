/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "cli/lab_measure.h"

static const Option options[] COMMAND_DATA = {
        MEASURE_TEXT('c', "count", count, "N", "Requests for each pair (3)"),
        MEASURE_TEXT('W', "timeout", timeout, "SPAN", "Patience for each answer (3s)"),
        MEASURE_FAMILY,
        MEASURE_RESULTS,
        {},
};

static int cmd_lab_measure_matrix(const CommandInput *in, Err *err) {
        return lab_measure(in, "matrix", err);
}

COMMAND(lab_measure_matrix) = {
        .name = "lab measure matrix",
        .group = "Labs",
        .synopsis = "[OPTION...] [NODE...]",
        .summary = "Measure round trips between all nodes",
        .options = options,
        .options_size = sizeof(MeasureOptions),
        .max_args = ARGS_ANY,
        .completes = "node",
        .run = cmd_lab_measure_matrix,
};
