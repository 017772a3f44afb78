/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Topologies from files of bare graphs (GraphML, dot)
 *
 * What attributes of nodes and edges mean is the same in both:
 *
 *   nodes   kind, image, cpu, memory, stp; pos ("X,Y", Y upwards), x, y, longitude and
 *           latitude (Y upwards) for the position
 *   edges   quality_keys, also bandwidth and latency; name, mtu, engine, ipv4 and ipv6
 *           ("A,B"); LinkSpeedRaw of the Topology Zoo
 *
 * All else becomes a label, so that nothing of a file is lost.
 */

#include "topology/topology.h"

#define GRAPH_LIMIT 100000 /* nodes, and links */

/* What a file says of a node, so that nothing else is to be found. */
enum { GRAPH_KIND = 1, GRAPH_STP = 2 };

typedef struct Graph {
        Topology *t;
        char *said;       /* by node: GRAPH_KIND, GRAPH_STP */
        size_t n_said;    /* = t->n_nodes */
        size_t own_links; /* of nodes to themselves, left out */
        size_t renamed;   /* ends whose port cannot be an interface's name */
        char **slips;     /* attributes that were noted already */
} Graph;

void graph_clear(Graph *g);
#define autograph __attribute__((__cleanup__(graph_clear))) Graph

/* @wish: any text, see topology_unique_name().  Return: index; -E2BIG, -ENOMEM with a sentence. */
ssize_t graph_add_node(Graph *g, const char *wish, int line, Err *err);
/* As topology_add_link(); an interface name that cannot be, or is another link's, becomes an
 * automatic one.  -ELOOP without a sentence for a link of a node to itself, which is left out. */
ssize_t graph_add_link(Graph *g, size_t a, const char *a_interface, size_t b,
                       const char *b_interface, int line, Err *err);
/* @end: the direction from that end, -1: both. */
int graph_set_link(Graph *g, size_t link, int end, const char *key, const char *value, int line,
                   Err *err);
int graph_set_node(Graph *g, size_t node, const char *key, const char *value, int line, Err *err);
/* Finds kinds for nodes without one: routers where several links meet, else hosts.  Bridges that
 * form loops get STP unless the file says otherwise. */
int graph_finish(Graph *g, Err *err);
