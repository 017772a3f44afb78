/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "cli/lab_measure.h"

static const Option options[] COMMAND_DATA = {
        MEASURE_TEXT('b', "rate", rate, "RATE", "Of IP packets (10mbit)"),
        MEASURE_TEXT(0, "size", size, "BYTES", "Data in each datagram (1400)"),
        MEASURE_TEXT('t', "duration", duration, "SPAN", "Send for so long (10s)"),
        MEASURE_REVERSE,
        MEASURE_FAMILY,
        MEASURE_RESULTS,
        {},
};

static int cmd_lab_measure_udp(const CommandInput *in, Err *err) {
        return lab_measure(in, "udp", err);
}

COMMAND(lab_measure_udp) = {
        .name = "lab measure udp",
        .group = "Labs",
        .synopsis = "[OPTION...] FROM TO",
        .summary = "Measure what arrives of a constant rate of datagrams",
        .options = options,
        .options_size = sizeof(MeasureOptions),
        .min_args = 2,
        .max_args = 2,
        .completes = "node",
        .run = cmd_lab_measure_udp,
};
