/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Drawings of a topology
 *
 * Whatever a name or label holds, the result is a well-formed document that shows
 * it: markup is escaped, and what a terminal would obey is replaced as in
 * str_printable().  The same topology and options always give the same bytes.
 */

#include "base/str.h"
#include "topology/topology.h"

/* What is written beside nodes and links; all of it is told in the titles, too, which browsers show
 * under the pointer. */
typedef enum DrawLabels {
        DRAW_AUTO, /* as much as stays readable */
        DRAW_NOTHING,
        DRAW_NODES,      /* names */
        DRAW_INTERFACES, /* also the names of interfaces */
        DRAW_ADDRESSES,  /* also an address of each, and link quality */
        DRAW_ALL,        /* all addresses */
} DrawLabels;

extern const char *const draw_labels_names[]; /* by DrawLabels, ends with NULL */

typedef struct DrawOptions {
        const char *title; /* NULL: the topology's name */
        DrawLabels labels;
        const double *values;   /* one for each link, 0 or more, that colours it; NAN: not known;
                                   NULL: no colours */
        const char *value_name; /* for the legend: "loss" */
        const char *value_unit; /* "%"; NULL: none */
        double value_max;       /* the end of the scale; 0: the largest value */
        const bool *cut;        /* links that are cut; or NULL */
        const bool *ended;      /* nodes that do not run; or NULL */
} DrawOptions;

/* Each appends the document to @out; 0 or -ENOMEM.  @options may be NULL. */
int draw_svg(const Topology *t, const DrawOptions *options, Str *out);
/* One file with the SVG, pan, zoom, a search and a panel with the details of what is clicked; it
 * refers to nothing outside of itself.  Environments of nodes are left out: they may hold secrets.
 */
int draw_html(const Topology *t, const DrawOptions *options, Str *out);
/* Graphviz' language; topology_read_dot() finds the same nodes and links in it. */
int draw_dot(const Topology *t, const DrawOptions *options, Str *out);
int draw_mermaid(const Topology *t, const DrawOptions *options, Str *out);
