/* SPDX-License-Identifier: GPL-2.0-or-later */

/* isola lab graph: a drawing of a lab. */

#include <errno.h>
#include <unistd.h>

#include "base/nearest.h"
#include "base/str.h"
#include "cli/command.h"
#include "cli/lab_output.h"
#include "topology/address.h"
#include "topology/draw.h"
#include "topology/read.h"

typedef struct GraphOptions {
        bool html, svg, dot, mermaid;
        const char *from, *labels, *title;
} GraphOptions;

static const Option options[] = {
        OPT_FLAG(0, "dot", GraphOptions, dot, "Graphviz' language"),
        OPT_STRING(0, "from", GraphOptions, from, "FORMAT", "What the file is (found out)",
                   "lab|clab|kathara|graphml|dot"),
        OPT_FLAG(0, "html", GraphOptions, html, "A page to look around in, in one file"),
        OPT_STRING(0, "labels", GraphOptions, labels, "WHAT",
                   "nothing, nodes, interfaces, addresses, all (what has room)",
                   "nothing|nodes|interfaces|addresses|all"),
        OPT_FLAG(0, "mermaid", GraphOptions, mermaid, "A flowchart for Markdown"),
        OPT_FLAG(0, "svg", GraphOptions, svg, "A picture (the default)"),
        OPT_STRING(0, "title", GraphOptions, title, "TEXT", "Another title than the lab's name"),
        {},
};

static int find_labels(const char *word, DrawLabels *ret, Err *err) {
        const char *near;

        for (int i = 0; word && draw_labels_names[i]; i++)
                if (str_equal(word, draw_labels_names[i])) {
                        *ret = (DrawLabels) i;
                        return 0;
                }
        if (!word)
                return 0;
        near = nearest_name(word, draw_labels_names);
        return err_hint(err,
                        refuse(err, EINVAL, "there are no labels '%s'%s%s%s", word,
                               near ? "; did you mean '" : "", near ? near : "", near ? "'?" : ""),
                        "nothing, nodes, interfaces, addresses, all or auto");
}

/* Pages and pictures are for files. */
static int check_options(const GraphOptions *o, Err *err) {
        if (o->html + o->svg + o->dot + o->mermaid > 1)
                return refuse(err, EINVAL,
                              "a drawing is one of --html, --svg, --dot and --mermaid");
        if (!o->dot && !o->mermaid && isatty(STDOUT_FILENO))
                return err_hint(err, refuse(err, EINVAL, "standard output is a terminal"),
                                "let a file take it: isola lab graph %s > lab.%s",
                                o->html ? "--html" : "--svg", o->html ? "html" : "svg");
        return 0;
}

static int cmd_lab_graph(const CommandInput *in, Err *err) {
        const GraphOptions *o = in->options;
        const char *path = in->n_args ? in->args[0] : ".";
        DrawOptions draw = { .title = o->title };
        autoptr(Topology) t = NULL;
        autostr text = {};
        int r;

        r = check_options(o, err);
        if (r >= 0)
                r = find_labels(o->labels, &draw.labels, err);
        if (r >= 0)
                r = topology_read(path, o->from, &t, err);
        if (r >= 0)
                r = topology_assign_addresses(t, err);
        if (r < 0)
                return r;
        lab_print_notes(t->notes);
        r = o->html      ? draw_html(t, &draw, &text)
            : o->dot     ? draw_dot(t, &draw, &text)
            : o->mermaid ? draw_mermaid(t, &draw, &text)
                         : draw_svg(t, &draw, &text);
        return r < 0 ? fail(err, r, "cannot draw '%s'", path) : lab_print(&text, err);
}

COMMAND(lab_graph) = {
        .name = "lab graph",
        .group = "Labs",
        .synopsis = "[OPTION...] [FILE|DIRECTORY|-]",
        .summary = "Draw a lab",
        .options = options,
        .options_size = sizeof(GraphOptions),
        .max_args = 1,
        .no_home = true,
        .completes = "file",
        .run = cmd_lab_graph,
};
