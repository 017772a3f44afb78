/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>

#include "base/json.h"
#include "base/str.h"
#include "cli/lab_flow.h"
#include "lab/switches.h"

#define ANSWER_MS 10000

int lab_flow_open(const Home *home, const char *lab, const char *node, OfClient **ret, Err *err) {
        autoptr(Lab) l = NULL;
        autofree char *target = NULL;
        int r = lab_operand_open(home, lab, &l, err);
        ssize_t index;

        if (r < 0)
                return r;
        index = lab_find_node(l, node, err);
        if (index < 0)
                return (int) index;
        r = lab_switch_target(l, (size_t) index, &target, err);
        if (r >= 0)
                r = of_client_open(target, OF_VERSIONS, ANSWER_MS, ret, err);
        return r < 0 ? err_prefix(err, r, "switch '%s'", node) : 0;
}

int lab_flow_read(char *const *texts, OfFlowUse use, OfFlows *ret, Err *err) {
        autoflows flows = {};
        int r = 0;

        for (; r >= 0 && *texts; texts++) {
                OfFlow *flow = json_grow(&flows.list, &flows.n, sizeof *flow);

                if (!flow)
                        return fail(err, ENOMEM, "cannot read a flow");
                *flow = of_flow_default(use);
                r = of_flow_parse(*texts, use, flow, err);
        }
        if (r < 0)
                return r;
        *ret = flows;
        flows = (OfFlows){};
        return 0;
}
