/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdio.h>

#include "cli/lab_flow.h"

typedef struct FlowOptions {
        const char *lab;
} FlowOptions;

static const Option options[] COMMAND_DATA = {
        OPT_LAB(FlowOptions, lab),
        {},
};

static int cmd_lab_flow_ls(const CommandInput *in, Err *err) {
        const FlowOptions *o = in->options;
        autoptr(OfClient) client = NULL;
        autoflow choice = of_flow_default(OF_USE_CHOICE);
        autoflows flows = {};
        int r = in->n_args > 1 ? of_flow_parse(in->args[1], OF_USE_CHOICE, &choice, err) : 0;

        if (r >= 0)
                r = lab_flow_open(in->home, o->lab, in->args[0], &client, err);
        if (r >= 0)
                r = of_client_flows(client, &choice, &flows, err);
        for (size_t i = 0; r >= 0 && i < flows.n; i++) {
                autofree char *text = of_flow_text(&flows.list[i]);

                if (!text)
                        return fail(err, ENOMEM, "cannot list the flows");
                puts(text);
        }
        return r;
}

COMMAND(lab_flow_ls) = {
        .name = "lab flow ls",
        .alias = "lab flow list",
        .group = "Labs",
        .synopsis = "[OPTION...] SWITCH [MATCH]",
        .summary = "List the flows of a switch of Open vSwitch",
        .options = options,
        .options_size = sizeof(FlowOptions),
        .min_args = 1,
        .max_args = 2,
        .completes = "node",
        .run = cmd_lab_flow_ls,
};
