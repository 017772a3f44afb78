/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "cli/lab_flow.h"

typedef struct FlowOptions {
        const char *lab;
} FlowOptions;

static const Option options[] COMMAND_DATA = {
        OPT_LAB(FlowOptions, lab),
        {},
};

static int cmd_lab_flow_add(const CommandInput *in, Err *err) {
        const FlowOptions *o = in->options;
        autoptr(OfClient) client = NULL;
        autoflows flows = {};
        int r = lab_flow_read(in->args + 1, OF_USE_FLOW, &flows, err);

        if (r >= 0)
                r = lab_flow_open(in->home, o->lab, in->args[0], &client, err);
        return r < 0 ? r : of_client_change(client, OF_ADD, flows.list, flows.n, err);
}

COMMAND(lab_flow_add) = {
        .name = "lab flow add",
        .group = "Labs",
        .synopsis = "[OPTION...] SWITCH FLOW...",
        .summary = "Add flows to a switch of Open vSwitch",
        .options = options,
        .options_size = sizeof(FlowOptions),
        .min_args = 2,
        .max_args = ARGS_ANY,
        .completes = "node",
        .run = cmd_lab_flow_add,
};
