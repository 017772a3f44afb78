/* SPDX-License-Identifier: GPL-2.0-or-later */

/* isola lab graph: a drawing of a lab. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/nearest.h"
#include "base/str.h"
#include "cli/command.h"
#include "cli/lab_colour.h"
#include "cli/lab_output.h"
#include "topology/address.h"
#include "topology/draw.h"
#include "topology/read.h"

typedef struct GraphOptions {
        bool html, svg, dot, mermaid;
        const char *colour, *from, *labels, *title;
        int64_t interval_ms;
} GraphOptions;

static const Option options[] COMMAND_DATA = {
        OPT_STRING(0, "color", GraphOptions, colour, "BY", NULL, "loss|use|traffic"),
        OPT_STRING(0, "colour", GraphOptions, colour, "BY",
                   "Colour links of a lab that is up: loss, use, traffic", "loss|use|traffic"),
        OPT_FLAG(0, "dot", GraphOptions, dot, "Graphviz' language"),
        OPT_STRING(0, "from", GraphOptions, from, "FORMAT", "What the file is (found out)",
                   "lab|clab|kathara|graphml|dot"),
        OPT_FLAG(0, "html", GraphOptions, html, "A page to look around in, in one file"),
        OPT_SPAN(0, "interval", GraphOptions, interval_ms, "TIME",
                 "How long use and traffic are counted (1s)"),
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

/* What is no file by its name, and not there as one, is a lab that is up. */
static bool is_file(const char *text) {
        return strchr(text, '/') || str_equal(text, ".") || str_equal(text, "-") ||
               file_access(AT_FDCWD, text, F_OK) == 0;
}

static int print_drawing(const GraphOptions *o, const Topology *t, DrawOptions *draw, Err *err) {
        autostr text = {};
        int r;

        draw->title = o->title;
        r = o->html      ? draw_html(t, draw, &text)
            : o->dot     ? draw_dot(t, draw, &text)
            : o->mermaid ? draw_mermaid(t, draw, &text)
                         : draw_svg(t, draw, &text);
        return r < 0 ? fail(err, r, "cannot draw the lab") : lab_print(&text, err);
}

static int draw_file(const GraphOptions *o, const char *path, DrawOptions *drawing, Err *err) {
        autoptr(Topology) t = NULL;
        int r;

        if (o->colour)
                return err_hint(
                        err, refuse(err, EINVAL, "'%s' is a file, and its links are not up", path),
                        "name a lab that is up: isola lab graph --colour %s LAB", o->colour);
        r = topology_read(path, o->from, &t, err);
        if (r >= 0)
                r = topology_assign_addresses(t, err);
        if (r < 0)
                return r;
        lab_print_notes(t->notes);
        return print_drawing(o, t, drawing, err);
}

static int draw_lab(const GraphOptions *o, const CommandInput *in, const char *name,
                    DrawOptions *drawing, Err *err) {
        autocolours colours = {};
        autoptr(Lab) lab = NULL;
        int64_t interval = o->interval_ms < 0 ? 1000 : o->interval_ms;
        int r = lab_open(in->home, name, &lab, err);

        if (r == -ENOENT)
                return err_hint(err, r, "nor is there such a file");
        if (r >= 0)
                r = lab_colour(lab, o->colour, interval, &colours, drawing, err);
        return r < 0 ? r : print_drawing(o, lab->topology, drawing, err);
}

/* Without an operand: the lab of this directory, or else the only one that is up. */
static int draw_either(const GraphOptions *o, const CommandInput *in, DrawOptions *drawing,
                       Err *err) {
        autofree char *name = NULL;
        autoerr why = {};

        if (o->from || (!o->colour && topology_is_in(".")))
                return draw_file(o, ".", drawing, err);
        if (lab_only(in->home, &name, &why) >= 0)
                return draw_lab(o, in, name, drawing, err);
        return err_hint(err, refuse(err, ENOENT, "there is no lab in '.', and %s", why.message),
                        "name a file or a lab");
}

static int cmd_lab_graph(const CommandInput *in, Err *err) {
        const GraphOptions *o = in->options;
        DrawOptions drawing = {};
        int r = check_options(o, err);

        if (r >= 0)
                r = find_labels(o->labels, &drawing.labels, err);
        if (r < 0)
                return r;
        if (in->n_args == 0)
                return draw_either(o, in, &drawing, err);
        return is_file(in->args[0]) || o->from ? draw_file(o, in->args[0], &drawing, err)
                                               : draw_lab(o, in, in->args[0], &drawing, err);
}

COMMAND(lab_graph) = {
        .name = "lab graph",
        .group = "Labs",
        .synopsis = "[OPTION...] [FILE|DIRECTORY|-|LAB]",
        .summary = "Draw a lab",
        .options = options,
        .options_size = sizeof(GraphOptions),
        .max_args = 1,
        .completes = "file",
        .run = cmd_lab_graph,
};
