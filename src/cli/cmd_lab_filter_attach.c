/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "cli/command.h"
#include "cli/lab_filter.h"
#include "kernel/ns.h"
#include "netlink/link.h"
#include "netlink/nl.h"

typedef struct AttachOptions {
        const char *action, *lab, *name, *program, *side;
        const char **parameters;
        int priority;
} AttachOptions;

static const Option options[] COMMAND_DATA = {
        OPT_STRING('a', "action", AttachOptions, action, "ACTION",
                   "drop, accept, count, mirror:IF, redirect:IF (the filter's)",
                   "drop|accept|count|mirror:|redirect:"),
        OPT_LAB(AttachOptions, lab),
        OPT_STRING('n', "name", AttachOptions, name, "NAME", "What to call it (as in its source)"),
        OPT_INT('p', "priority", AttachOptions, priority, "N", "Asked before higher ones (last)"),
        OPT_STRING(0, "program", AttachOptions, program, "NAME", "Which of the file's filters"),
        OPT_LIST('s', "set", AttachOptions, parameters, "NAME=VALUE", "Set a parameter"),
        OPT_SIDE(AttachOptions, side, "What the port receives, sends, or both (in)"),
        {},
};

typedef struct Plan {
        const Lab *lab;
        FilterSides sides;
        FilterSpec spec;
} Plan;

static int open_netlink(void *context) {
        return nl_open();
}

/* Whether something of the kernel has the port: a bridge, or Open vSwitch with its module. */
static int is_port_of_kernel(const LabPort *port, bool *ret, Err *err) {
        autoclose int nl = netns_run(port->netns, open_netlink, NULL);
        Link link;
        int r;

        if (nl < 0)
                return fail(err, nl, "cannot look at the interfaces");
        r = link_get(nl, port->interface, &link, err);
        *ret = r >= 0 && link.master != 0;
        return r;
}

/*
 * Open vSwitch without its kernel module reads a port with a packet socket, which gets packets
 * before filters do: there what is received can be looked at, but not held back.
 */
static int check_power(const Plan *plan, const LabPort *port, bool egress, Err *err) {
        FilterVerdict action = plan->spec.action;
        bool held = false;
        int r;

        if (plan->lab->topology->nodes[port->node].kind != NODE_OVS_BRIDGE || egress ||
            action == FILTER_COUNT || action == FILTER_MIRROR)
                return 0;
        r = is_port_of_kernel(port, &held, err);
        if (r < 0 || held)
                return lab_port_hint(plan->lab, port, r, err);
        return err_hint(err,
                        refuse(err, EOPNOTSUPP,
                               "what Open vSwitch receives without its kernel module cannot be "
                               "held back"),
                        "attach it with --side out to the other end of the link, or only count or "
                        "mirror");
}

/* The target is named as a neighbour of the port. */
static int attach_one(const Plan *plan, const LabPort *port, const FilterPlace *at, Filter *ret,
                      Err *err) {
        autofree char *target = NULL;
        FilterSpec spec = plan->spec;
        int r = check_power(plan, port, at->egress, err);

        if (r >= 0 && spec.target)
                r = lab_port_device(plan->lab, port->node, spec.target, &target, err);
        if (r < 0)
                return r;
        spec.target = target;
        return lab_port_hint(plan->lab, port, filter_attach(at, &spec, ret, err), err);
}

/* Attaches to one side of the first port, then to all that follow; what cannot be done for all is
 * done for none. */
static int attach_from(const Plan *plan, char **ports, bool egress, Err *err) {
        autoport port = { .netns = -EBADF };
        char **next = egress ? ports + 1 : ports;
        FilterPlace at;
        Filter filter;
        int r;

        if (!*ports)
                return 0;
        if (egress ? !plan->sides.out : !plan->sides.in)
                return attach_from(plan, next, !egress, err);
        r = lab_port_open(plan->lab, *ports, false, &port, err);
        if (r < 0)
                return r;
        at = (FilterPlace){ port.netns, port.interface, egress };
        r = attach_one(plan, &port, &at, &filter, err);
        if (r < 0)
                return err_prefix(err, r, "port '%s'", *ports);
        r = attach_from(plan, next, !egress, err);
        if (r < 0)
                (void) filter_detach(&at, filter.name, NULL);
        return r;
}

static int cmd_lab_filter_attach(const CommandInput *in, Err *err) {
        const AttachOptions *o = in->options;
        autoptr(Lab) lab = NULL;
        autoclose int lock = -EBADF;
        Plan plan = {};
        int r;

        plan.spec = (FilterSpec){
                .name = o->name,
                .object = in->args[0],
                .program = o->program,
                .priority = o->priority,
                .parameters = (char *const *) o->parameters,
        };
        r = filter_sides_read(o->side, (FilterSides){ .in = true }, &plan.sides, err);
        if (r >= 0 && o->action)
                r = filter_action_parse(o->action, &plan.spec.action, &plan.spec.target, err);
        if (r >= 0)
                r = lab_operand_open(in->home, o->lab, &lab, err);
        if (r >= 0)
                r = lock = lab_filter_lock(lab, err);
        if (r < 0)
                return r;
        plan.lab = lab;
        return attach_from(&plan, in->args + 1, false, err);
}

COMMAND(lab_filter_attach) = {
        .name = "lab filter attach",
        .group = "Labs",
        .synopsis = "[OPTION...] OBJECT NODE:INTERFACE...",
        .summary = "Attach a filter to ports of a lab",
        .options = options,
        .options_size = sizeof(AttachOptions),
        .min_args = 2,
        .max_args = ARGS_ANY,
        .completes = "file",
        .run = cmd_lab_filter_attach,
};
