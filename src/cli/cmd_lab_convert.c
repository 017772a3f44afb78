/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdio.h>

#include "base/nearest.h"
#include "base/str.h"
#include "cli/command.h"
#include "cli/lab_output.h"
#include "topology/address.h"
#include "topology/read.h"
#include "topology/reshape.h"
#include "topology/write.h"

typedef struct ConvertOptions {
        const char *from, *to, *image, *name;
        bool fibre;
} ConvertOptions;

static const Option options[] COMMAND_DATA = {
        OPT_FLAG(0, "fibre", ConvertOptions, fibre,
                 "Delay each link by the distance of its nodes, 5 µs a kilometre"),
        OPT_STRING(0, "from", ConvertOptions, from, "FORMAT",
                   "What FILE is: lab, clab, kathara, graphml or dot (found out)",
                   "lab|clab|kathara|graphml|dot"),
        OPT_STRING(0, "image", ConvertOptions, image, "IMAGE",
                   "Image of hosts and routers that have none", "image"),
        OPT_STRING(0, "name", ConvertOptions, name, "NAME", "Name of the lab"),
        OPT_STRING(0, "to", ConvertOptions, to, "FORMAT", "lab (default), clab, graphml or dot",
                   "lab|clab|graphml|dot"),
        {},
};

/* A whole lab.yml says everything, so there is nothing to note. */
static int write_lab(const Topology *t, Str *out, char ***notes) {
        (void) notes;
        topology_write_lab(t, out);
        return 0;
}

typedef int (*Write)(const Topology *t, Str *out, char ***notes);

static Write find_format(const char *name, Err *err) {
        static const char *const names[] = { "lab", "clab", "graphml", "dot", NULL };
        static const Write writers[] = { write_lab, topology_write_clab, topology_write_graphml,
                                         topology_write_dot };
        const char *near;

        for (int i = 0; names[i]; i++)
                if (str_equal(name ? name : "lab", names[i]))
                        return writers[i];
        near = nearest_name(name, names);
        (void) err_hint(err,
                        refuse(err, EINVAL, "'%s' is no format to convert to%s%s%s", name,
                               near ? "; did you mean '" : "", near ? near : "", near ? "'?" : ""),
                        "lab, clab, graphml and dot are");
        return NULL;
}

/* Containerlab gives links no addresses of its own; MAC addresses it does. */
static int give_addresses(Topology *t, Err *err) {
        size_t n = 0;
        autofree bool *had_mac = NULL;
        int r;

        if (t->no_addresses)
                return 0;
        for (size_t i = 0; i < t->n_nodes; i++)
                n += t->nodes[i].n_interfaces;
        had_mac = calloc(n + 1, sizeof *had_mac);
        if (!had_mac)
                return fail(err, ENOMEM, "cannot convert the lab");
        n = 0;
        for (size_t i = 0; i < t->n_nodes; i++)
                for (size_t k = 0; k < t->nodes[i].n_interfaces; k++)
                        had_mac[n++] = t->nodes[i].interfaces[k].has_mac;
        r = topology_assign_addresses(t, err);
        n = 0;
        for (size_t i = 0; i < t->n_nodes; i++)
                for (size_t k = 0; k < t->nodes[i].n_interfaces; k++)
                        t->nodes[i].interfaces[k].has_mac = had_mac[n++];
        return r;
}

static int complete(Topology *t, const ConvertOptions *o, Write write, Err *err) {
        int r = o->name && str_set(&t->name, o->name) < 0 ? -ENOMEM : 0;

        for (size_t i = 0; r >= 0 && o->image && i < t->n_nodes; i++)
                if (!t->nodes[i].image && !node_is_switch(&t->nodes[i]))
                        r = str_set(&t->nodes[i].image, o->image);
        if (r >= 0 && o->fibre && topology_delay_by_distance(t) > 0)
                r = strv_add(&t->notes, "links whose nodes have no coordinates got no delay");
        if (r < 0)
                return fail(err, r, "cannot convert the lab");
        r = topology_check(t, err);
        return r >= 0 && write == topology_write_clab ? give_addresses(t, err) : r;
}

static int cmd_lab_convert(const CommandInput *in, Err *err) {
        const ConvertOptions *o = in->options;
        Write write = find_format(o->to, err);
        autoptr(Topology) t = NULL;
        autostr text = {};
        int r;

        if (!write)
                return err->code;
        r = topology_read(in->args[0], o->from, &t, err);
        if (r >= 0)
                r = complete(t, o, write, err);
        if (r < 0)
                return r;
        r = write(t, &text, &t->notes);
        if (r < 0)
                return fail(err, r, "cannot convert the lab");
        lab_print_notes(t->notes);
        return lab_print(&text, err);
}

COMMAND(lab_convert) = {
        .name = "lab convert",
        .group = "Labs",
        .synopsis = "[OPTION...] FILE|DIRECTORY",
        .summary = "Translate a lab's file to or from other formats",
        .options = options,
        .options_size = sizeof(ConvertOptions),
        .min_args = 1,
        .max_args = 1,
        .no_home = true,
        .completes = "file",
        .run = cmd_lab_convert,
};
