/* SPDX-License-Identifier: GPL-2.0-or-later */

/* isola lab top: what nodes use and links carry, again and again. */

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/size.h"
#include "base/str.h"
#include "cli/interrupt.h"
#include "cli/lab_operand.h"
#include "cli/lab_sample.h"
#include "cli/screen.h"
#include "cli/table.h"

#define INTERVAL_MS 1000

typedef struct TopOptions {
        const char *sort;
        int64_t interval_ms;
        int count;
} TopOptions;

static const Option options[] COMMAND_DATA = {
        OPT_SPAN('d', "interval", TopOptions, interval_ms, "TIME", "Time between two looks (1s)"),
        OPT_INT('n', "count", TopOptions, count, "NUMBER", "End after so many looks"),
        OPT_STRING(0, "sort", TopOptions, sort, "ORDER",
                   "load: the busiest first; name: as in the file (load)", "load|name"),
        {},
};

/* Two looks at the same lab. */
typedef struct Looks {
        const Lab *lab;
        const LabSample *before, *now;
        bool by_load;
} Looks;

typedef struct Ranked {
        double key;
        size_t index;
} Ranked;

static int compare_ranked(const void *a, const void *b) {
        const Ranked *x = a, *y = b;

        if (x->key != y->key)
                return x->key > y->key ? -1 : 1;
        return x->index < y->index ? -1 : x->index > y->index;
}

/* ---- tables ---- */

/* In percent of one processor; NAN where two looks do not tell. */
static double cpu_share(const Looks *l, size_t node) {
        const NodeSample *a = &l->before->nodes[node], *b = &l->now->nodes[node];

        if (!a->known || !b->known || b->at_ms <= a->at_ms)
                return NAN;
        /* Of a process that nobody waits for the time is lost when it ends. */
        return fmax(0, (b->cpu_s - a->cpu_s) * 100000 / (double) (b->at_ms - a->at_ms));
}

/* "-" for NAN. */
static void put_number(Str *line, int decimals, double number, const char *unit) {
        if (isnan(number))
                str_put(line, "-\t");
        else
                str_printf(line, "%.*f%s\t", decimals, number, unit);
}

static int add_node_line(const Looks *l, size_t node, char ***lines) {
        const Node *n = &l->lab->topology->nodes[node];
        const NodeSample *s = &l->now->nodes[node];
        autofree char *memory = size_words(s->memory);
        autostr line = {};

        table_put(&line, n->name);
        str_printf(&line, "\t%s\t", node_kind_names[n->kind]);
        put_number(&line, 1, cpu_share(l, node), "");
        str_printf(&line, "%s\t", s->known && memory ? memory : "-");
        if (s->known)
                str_printf(&line, "%zu", s->processes);
        else
                str_put(&line, "ended");
        return strv_take(lines, str_take(&line));
}

static int add_nodes(const Looks *l, char ***lines) {
        size_t n = l->now->n_nodes;
        autofree Ranked *order = calloc(n + 1, sizeof *order);
        int r = order ? strv_add(lines, "NODE\tKIND\tCPU %\tMEMORY\tPROCESSES") : -ENOMEM;

        for (size_t i = 0; i < n && r >= 0; i++) {
                double share = cpu_share(l, i);

                order[i] = (Ranked){ l->by_load && !isnan(share) ? share : 0, i };
        }
        if (r >= 0)
                qsort(order, n, sizeof *order, compare_ranked);
        for (size_t i = 0; i < n && r >= 0; i++)
                r = add_node_line(l, order[i].index, lines);
        return r;
}

static double each_second(const Looks *l, size_t link, uint64_t before, uint64_t now) {
        const LinkSample *a = &l->before->links[link], *b = &l->now->links[link];

        if (!a->known || !b->known || b->at_ms <= a->at_ms || now < before)
                return NAN;
        return (double) (now - before) * 1000 / (double) (b->at_ms - a->at_ms);
}

/* @index: twice the link, and its direction. */
static int add_direction_line(const Looks *l, size_t index, char ***lines) {
        size_t link = index / 2;
        int d = (int) (index % 2);
        const Topology *t = l->lab->topology;
        const LinkSample *a = &l->before->links[link], *b = &l->now->links[link];
        const LinkStats *was = &a->view.directions[d].stats, *is = &b->view.directions[d].stats;
        double bits = link_bit_rate(a, b, d), rate = (double) link_rate(b, d);
        autostr line = {};

        for (int end = 0; end < 2; end++) {
                LinkSide side = t->links[link].sides[end == 0 ? d : !d];

                str_printf(&line, "%s:%s\t", t->nodes[side.node].name,
                           topology_interface(t, side)->name);
        }
        put_number(&line, 3, bits / 1e6, "");
        put_number(&line, 0, each_second(l, link, was->packets, is->packets), "");
        put_number(&line, 0, each_second(l, link, link_dropped(was), link_dropped(is)), "");
        put_number(&line, 0, rate > 0 ? bits / rate * 100 : NAN, "%");
        str_printf(&line, "%s\t", !b->known ? "ended" : b->view.cut ? "cut" : "up");
        table_put(&line,
                  b->known && *b->view.directions[d].quality ? b->view.directions[d].quality : "-");
        return strv_take(lines, str_take(&line));
}

static int add_links(const Looks *l, char ***lines) {
        size_t n = 2 * l->now->n_links;
        autofree Ranked *order = calloc(n + 1, sizeof *order);
        int r = order ? strv_add(lines,
                                 "FROM\tTO\tMBIT/S\tPACKETS/S\tDROPPED/S\tUSE\tSTATE\tQUALITY")
                      : -ENOMEM;

        for (size_t i = 0; i < n && r >= 0; i++) {
                double bits = link_bit_rate(&l->before->links[i / 2], &l->now->links[i / 2],
                                            (int) (i % 2));

                order[i] = (Ranked){ l->by_load && !isnan(bits) ? bits : 0, i };
        }
        if (r >= 0)
                qsort(order, n, sizeof *order, compare_ranked);
        for (size_t i = 0; i < n && r >= 0; i++)
                r = add_direction_line(l, order[i].index, lines);
        return r;
}

/* All of a look, line by line; @ret_nodes: how many lines come before the links. */
static char *make_text(const Looks *l, size_t *ret_nodes) {
        autostrv nodes = NULL;
        autostrv links = NULL;
        autostr s = {};

        str_printf(&s, "lab %s: %zu of %zu nodes run, %zu links\n\n", l->lab->name,
                   lab_running_nodes(l->lab), l->lab->topology->n_nodes, l->lab->topology->n_links);
        if (add_nodes(l, &nodes) < 0 || add_links(l, &links) < 0)
                return NULL;
        table_layout(nodes, &s);
        str_put(&s, "\n");
        table_layout(links, &s);
        *ret_nodes = strv_length(nodes) + 3;
        return str_take(&s);
}

/* ---- the verb ---- */

static int look(const Lab *lab, LabSample *ret, Err *err) {
        int r = lab_sample_links(lab, ret, err);

        return r < 0 ? r : lab_sample_nodes(lab, ret, err);
}

/* @nth: look, from 0. */
static int show(const Looks *l, const Screen *screen, int nth, Err *err) {
        autofree char *text = NULL;
        size_t n_nodes;
        int r;

        text = make_text(l, &n_nodes);
        r = text ? screen_show(screen, text, n_nodes, nth) : -ENOMEM;
        return r < 0 ? fail(err, r, "cannot show lab '%s'", l->lab->name) : 0;
}

static int watch(const CommandInput *in, const char *name, const Screen *screen, int signals,
                 Err *err) {
        const TopOptions *o = in->options;
        int64_t interval = o->interval_ms < 0 ? INTERVAL_MS : o->interval_ms;
        autosample before = {};
        int r = 0;

        /* The lab is read each time, for it may be changed meanwhile. */
        for (int shown = 0; r >= 0 && (o->count == 0 || shown < o->count);) {
                autosample now = {};
                autoptr(Lab) lab = NULL;

                r = lab_open(in->home, name, &lab, err);
                if (r >= 0)
                        r = look(lab, &now, err);
                if (r >= 0 && before.links && before.n_links == now.n_links &&
                    before.n_nodes == now.n_nodes) {
                        r = show(&(Looks){ lab, &before, &now, !str_equal(o->sort, "name") },
                                 screen, shown++, err);
                }
                if (r < 0 || (o->count > 0 && shown == o->count) ||
                    screen_wait(screen, signals, interval))
                        break;
                lab_sample_clear(&before);
                before = now;
                now = (LabSample){};
        }
        return r;
}

static int cmd_lab_top(const CommandInput *in, Err *err) {
        const TopOptions *o = in->options;
        autofree char *name = NULL;
        autoclose int signals = -EBADF;
        autoscreen screen = SCREEN_NONE;
        int r;

        if (o->sort && !str_equal(o->sort, "load") && !str_equal(o->sort, "name"))
                return refuse(err, EINVAL, "the order is 'load' or 'name', not '%s'", o->sort);
        if (o->count < 0)
                return refuse(err, EINVAL, "there are no %d looks", o->count);
        r = lab_operand_name(in->home, in->n_args > 0 ? in->args[0] : NULL, &name, err);
        if (r < 0)
                return r;
        signals = interrupt_open();
        r = signals < 0 ? signals : screen_take(&screen);
        if (r < 0)
                return fail(err, r, "cannot take the terminal");
        return watch(in, name, &screen, signals, err);
}

COMMAND(lab_top) = {
        .name = "lab top",
        .group = "Labs",
        .synopsis = "[OPTION...] [LAB]",
        .summary = "Watch what nodes use and links carry",
        .options = options,
        .options_size = sizeof(TopOptions),
        .max_args = 1,
        .completes = "lab",
        .run = cmd_lab_top,
};
