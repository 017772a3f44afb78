/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "cli/command.h"
#include "cli/lab_filter.h"

typedef struct DetachOptions {
        const char *lab, *side;
} DetachOptions;

static const Option options[] COMMAND_DATA = {
        OPT_LAB(DetachOptions, lab),
        OPT_SIDE(DetachOptions, side, "Only from what a port receives, or sends (both)"),
        {},
};

/* Where filters of the name are: they are detached after the walk that finds them. */
typedef struct Found {
        const char *name;
        FilterSides sides;
        Filter *filters;
        size_t *nodes;
        size_t n;
} Found;

static int take_found(const Filter *filter, size_t node, void *context) {
        Found *found = context;
        Filter *filters;
        size_t *nodes;

        if (!str_equal(filter->name, found->name) ||
            !(filter->egress ? found->sides.out : found->sides.in))
                return 0;
        filters = reallocarray(found->filters, found->n + 1, sizeof *filters);
        if (filters)
                found->filters = filters;
        nodes = reallocarray(found->nodes, found->n + 1, sizeof *nodes);
        if (nodes)
                found->nodes = nodes;
        if (!filters || !nodes)
                return -ENOMEM;
        filters[found->n] = *filter;
        nodes[found->n++] = node;
        return 0;
}

static int detach_found(const Lab *lab, const Found *found, Err *err) {
        for (size_t i = 0; i < found->n; i++) {
                autoclose int netns = lab_node_netns(lab, found->nodes[i], err);
                const Filter *f = &found->filters[i];
                autofree char *device = NULL;
                int r;

                if (netns < 0)
                        return netns;
                r = lab_port_device(lab, found->nodes[i], f->interface, &device, err);
                if (r >= 0)
                        r = filter_detach(&(FilterPlace){ netns, device, f->egress }, f->name, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Detaches at one port or node, or in the whole lab. */
static int detach(const Lab *lab, const char *where, const char *name, FilterSides sides,
                  Err *err) {
        Found found = { .name = name, .sides = sides };
        int r = lab_filter_each(lab, where, take_found, &found, err);

        if (r >= 0 && found.n == 0)
                r = err_hint(err,
                             refuse(err, ENOENT, "there is no filter '%s'%s%s%s", name,
                                    where ? " at '" : "", where ? where : "", where ? "'" : ""),
                             "`isola lab filter stats` lists those that there are");
        if (r >= 0)
                r = detach_found(lab, &found, err);
        free(found.filters);
        free(found.nodes);
        return r;
}

static int cmd_lab_filter_detach(const CommandInput *in, Err *err) {
        const DetachOptions *o = in->options;
        autoptr(Lab) lab = NULL;
        autoclose int lock = -EBADF;
        FilterSides sides;
        int r;

        r = filter_sides_read(o->side, (FilterSides){ true, true }, &sides, err);
        if (r >= 0)
                r = lab_operand_open(in->home, o->lab, &lab, err);
        if (r >= 0)
                r = lock = lab_filter_lock(lab, err);
        if (r >= 0 && in->n_args == 1)
                r = detach(lab, NULL, in->args[0], sides, err);
        for (int i = 1; r >= 0 && i < in->n_args; i++)
                r = detach(lab, in->args[i], in->args[0], sides, err);
        return r;
}

COMMAND(lab_filter_detach) = {
        .name = "lab filter detach",
        .group = "Labs",
        .synopsis = "[OPTION...] FILTER [NODE[:INTERFACE]...]",
        .summary = "Detach a filter from ports of a lab, or from all",
        .options = options,
        .options_size = sizeof(DetachOptions),
        .min_args = 1,
        .max_args = ARGS_ANY,
        .run = cmd_lab_filter_detach,
};
