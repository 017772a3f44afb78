/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <string.h>

#include "base/nearest.h"
#include "base/str.h"
#include "cli/command.h"
#include "cli/lab_output.h"
#include "cli/table.h"
#include "topology/generate.h"
#include "topology/read.h"
#include "topology/reshape.h"
#include "topology/write.h"

typedef struct GenOptions {
        const char *name, *image, *host_kind, *switch_kind, *seed;
        const char **links, **trunks;
        bool fibre, no_addresses;
} GenOptions;

static const Option options[] COMMAND_DATA = {
        OPT_FLAG(0, "fibre", GenOptions, fibre,
                 "Delay each link of a graph by the distance of its nodes, 5 µs a kilometre"),
        OPT_STRING(0, "image", GenOptions, image, "IMAGE",
                   "Make hosts containers of an image (light nodes)", "image"),
        OPT_STRING(0, "kind", GenOptions, host_kind, "KIND", "What hosts are: host or router",
                   "host|router"),
        OPT_LIST(0, "link", GenOptions, links, "KEY=VALUE,...",
                 "Properties of every link, as delay=5ms,rate=10mbit"),
        OPT_STRING(0, "name", GenOptions, name, "NAME", "Name of the lab (the topology's)"),
        OPT_FLAG(0, "no-addresses", GenOptions, no_addresses, "Give hosts no addresses"),
        OPT_STRING(0, "seed", GenOptions, seed, "NUMBER", "Seed of all that is random"),
        OPT_STRING(0, "switch", GenOptions, switch_kind, "KIND",
                   "What switches are: bridge, ovs-bridge or router", "bridge|ovs-bridge|router"),
        OPT_LIST(0, "trunk", GenOptions, trunks, "KEY=VALUE,...",
                 "Properties of links between switches, more than those of --link"),
        {},
};

/* ---- properties of links ---- */

static int set_property(TopologyLink *l, const char *setting, Err *err) {
        const char *equals = strchr(setting, '=');
        autofree char *key = equals ? strndup(setting, (size_t) (equals - setting)) : NULL;
        int r, mtu;

        if (!equals)
                return refuse(err, EINVAL, "'%s' is not KEY=VALUE", setting);
        if (!key)
                return fail(err, ENOMEM, "cannot set '%s'", setting);
        if (str_equal(key, "mtu")) {
                if (parse_int(equals + 1, 68, 65535, &mtu) < 0)
                        return refuse(err, EINVAL, "an MTU is a number from 68 to 65535, not '%s'",
                                      equals + 1);
                l->mtu = (uint32_t) mtu;
                return 0;
        }
        r = quality_set(&l->quality[0], key, equals + 1, err);
        return r < 0 ? r : quality_set(&l->quality[1], key, equals + 1, err);
}

static int set_properties(TopologyLink *l, const char *const *lists, Err *err) {
        for (; lists && *lists; lists++) {
                autostrv settings = NULL;
                int r = strv_split(*lists, ",", true, &settings);

                if (r < 0)
                        return fail(err, r, "cannot set '%s'", *lists);
                strv_foreach(setting, settings) {
                        r = set_property(l, *setting, err);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

/* @was_switch: of nodes, for a switch may have become a router meanwhile. */
static int set_links(Topology *t, const GenOptions *o, const bool *was_switch, Err *err) {
        for (size_t i = 0; i < t->n_links; i++) {
                TopologyLink *l = &t->links[i];
                int r = set_properties(l, o->links, err);

                if (r >= 0 && was_switch[l->sides[0].node] && was_switch[l->sides[1].node])
                        r = set_properties(l, o->trunks, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ---- nodes ---- */

/* The kind of that name; -EINVAL unless it is a switch or not, as wanted, or a router. */
static int find_kind(const char *word, NodeKind otherwise, bool of_switches, Err *err) {
        if (!word)
                return otherwise;
        for (int i = 0; node_kind_names[i]; i++)
                if (str_equal(node_kind_names[i], word) &&
                    (i == NODE_ROUTER || of_switches == (i != NODE_HOST)))
                        return i;
        return refuse(err, EINVAL,
                      of_switches ? "'%s' is no kind of switches: bridge, ovs-bridge or router"
                                  : "'%s' is no kind of hosts: host or router",
                      word);
}

static int set_nodes(Topology *t, const GenOptions *o, Err *err) {
        int host_kind = find_kind(o->host_kind, NODE_HOST, false, err), loop;
        int switch_kind =
                host_kind < 0 ? host_kind : find_kind(o->switch_kind, NODE_BRIDGE, true, err);

        if (switch_kind < 0)
                return switch_kind;
        for (size_t i = 0; i < t->n_nodes; i++) {
                Node *n = &t->nodes[i];

                if (node_is_switch(n))
                        continue;
                n->kind = (NodeKind) host_kind;
                if (str_set(&n->image, o->image) < 0)
                        return fail(err, ENOMEM, "cannot make a topology");
        }
        loop = topology_set_switches(t, (NodeKind) switch_kind);
        if (loop < 0 ||
            (loop && switch_kind == NODE_OVS_BRIDGE &&
             strv_add(&t->notes, "switches form loops: their controller has to break them") < 0))
                return fail(err, ENOMEM, "cannot make a topology");
        return 0;
}

/* ---- what is made ---- */

/* "linear 4 2", or Mininet's "linear,4,2". */
static int split_words(const CommandInput *in, char ***words, Err *err) {
        for (int i = 0; i < in->n_args; i++) {
                autostrv more = NULL;
                int r = i == 0 ? strv_split(in->args[i], ",", false, &more)
                               : strv_add(&more, in->args[i]);

                if (r < 0 || strv_extend(words, more) < 0)
                        return fail(err, ENOMEM, "cannot make a topology");
        }
        return 0;
}

static int parse_parameters(char *const *words, int *parameters, size_t *n, Err *err) {
        for (; *words; words++) {
                if (*n == GENERATOR_PARAMETERS)
                        return refuse(err, EINVAL, "there are more than %d parameters",
                                      GENERATOR_PARAMETERS);
                if (parse_int(*words, 0, 1000000, &parameters[*n]) < 0)
                        return refuse(err, EINVAL, "'%s' is no number from 0 to 1000000", *words);
                ++*n;
        }
        return 0;
}

static const char *const graphs[] = { "graphml", "dot", NULL };

/* Each node of a graph becomes a switch with hosts. */
static int from_graph(char *const *words, Topology **ret, Err *err) {
        autoptr(Topology) t = NULL;
        int hosts[GENERATOR_PARAMETERS] = { 1 }, r;
        size_t n = 0;

        if (!words[1])
                return refuse(err, EINVAL, "'%s' needs a file", words[0]);
        r = parse_parameters(words + 2, hosts, &n, err);
        if (r >= 0 && n > 1)
                r = refuse(err, EINVAL, "after the file there is at most the number of hosts");
        if (r >= 0)
                r = topology_read(words[1], words[0], &t, err);
        if (r < 0)
                return r;
        if (topology_populate(t, hosts[0]) < 0)
                return fail(err, ENOMEM, "cannot make a topology");
        *ret = take_ptr(t);
        return 0;
}

static int make(const CommandInput *in, Topology **ret, Err *err) {
        int parameters[GENERATOR_PARAMETERS], r;
        autostrv words = NULL;
        size_t n = 0;

        r = split_words(in, &words, err);
        if (r < 0)
                return r;
        if (strv_has((char *const *) graphs, words[0]))
                return from_graph(words, ret, err);
        r = parse_parameters(words + 1, parameters, &n, err);
        return r < 0 ? r : topology_generate(words[0], parameters, n, ret, err);
}

static int complete(Topology *t, const GenOptions *o, Err *err) {
        autofree bool *was_switch = calloc(t->n_nodes + 1, sizeof *was_switch);
        int r;

        if (!was_switch || (o->name && str_set(&t->name, o->name) < 0))
                return fail(err, ENOMEM, "cannot make a topology");
        for (size_t i = 0; i < t->n_nodes; i++)
                was_switch[i] = node_is_switch(&t->nodes[i]);
        t->no_addresses = o->no_addresses;
        t->has_seed = o->seed;
        if (o->seed && parse_u64(o->seed, &t->seed) < 0)
                return refuse(err, EINVAL, "the seed must be a whole number, not '%s'", o->seed);
        r = set_nodes(t, o, err);
        if (r >= 0)
                r = set_links(t, o, was_switch, err);
        if (r >= 0 && o->fibre && topology_delay_by_distance(t) > 0)
                r = strv_add(&t->notes, "links whose nodes have no coordinates got no delay");
        return r < 0 ? r : topology_check(t, err);
}

/* The kinds, for who asks for none. */
static int print_kinds(Err *err) {
        autostrv lines = NULL;
        autostr text = {};
        int r = strv_add(&lines, "KIND\tPARAMETERS\tIS");

        for (const Generator *g = generators; r >= 0 && g->name; g++)
                r = strv_addf(&lines, "%s\t%s\t%s", g->name, g->parameters, g->help);
        for (int i = 0; r >= 0 && graphs[i]; i++)
                r = strv_addf(&lines, "%s\tFILE [HOSTS]\ta graph, each node a switch with hosts",
                              graphs[i]);
        if (r < 0)
                return fail(err, r, "cannot list the topologies");
        table_layout(lines, &text);
        return lab_print(&text, err);
}

static int cmd_lab_gen(const CommandInput *in, Err *err) {
        autoptr(Topology) t = NULL;
        autostr text = {};
        int r;

        if (in->n_args == 0)
                return print_kinds(err);
        r = make(in, &t, err);
        if (r >= 0)
                r = complete(t, in->options, err);
        if (r < 0)
                return r;
        lab_print_notes(t->notes);
        topology_write_lab(t, &text);
        return lab_print(&text, err);
}

COMMAND(lab_gen) = {
        .name = "lab gen",
        .group = "Labs",
        .synopsis = "[OPTION...] [KIND [PARAMETER...]]",
        .summary = "Make the file of a regular topology, or of a graph",
        .options = options,
        .options_size = sizeof(GenOptions),
        .max_args = ARGS_ANY,
        .no_home = true,
        .completes = "single|linear|tree|torus|ring|star|mesh|fat-tree|clos|graphml|dot",
        .run = cmd_lab_gen,
};
