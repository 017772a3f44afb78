/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>

#include "cli/lab_flow.h"

typedef struct FlowOptions {
        const char *lab;
        bool all, strict;
} FlowOptions;

static const Option options[] COMMAND_DATA = {
        OPT_FLAG('a', "all", FlowOptions, all, "All flows"),
        OPT_LAB(FlowOptions, lab),
        OPT_FLAG(0, "strict", FlowOptions, strict, "Only those with just this match and priority"),
        {},
};

static int cmd_lab_flow_del(const CommandInput *in, Err *err) {
        static char *const everything[] = { (char *) "", NULL };
        const FlowOptions *o = in->options;
        autoptr(OfClient) client = NULL;
        autoflows flows = {};
        int r;

        if (o->all == (in->n_args > 1))
                return refuse(err, EINVAL,
                              o->all ? "--all takes no match" : "name a match, or give --all");
        r = lab_flow_read(o->all ? everything : in->args + 1, OF_USE_CHOICE, &flows, err);
        if (r >= 0)
                r = lab_flow_open(in->home, o->lab, in->args[0], &client, err);
        return r < 0 ? r
                     : of_client_change(client, o->strict ? OF_DELETE_STRICT : OF_DELETE,
                                        flows.list, flows.n, err);
}

COMMAND(lab_flow_del) = {
        .name = "lab flow del",
        .alias = "lab flow rm",
        .group = "Labs",
        .synopsis = "[OPTION...] SWITCH [MATCH...]",
        .summary = "Remove flows from a switch of Open vSwitch",
        .options = options,
        .options_size = sizeof(FlowOptions),
        .min_args = 1,
        .max_args = ARGS_ANY,
        .completes = "node",
        .run = cmd_lab_flow_del,
};
