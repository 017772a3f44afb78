/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A topology as a file
 *
 * Those that return a number add to @notes, a sentence each, what their format
 * cannot say; 0 or -ENOMEM.  A document is complete unless @out has failed.
 */

#include "base/str.h"
#include "topology/topology.h"

/* As lab.yml: topology_read_lab() makes the same topology of it. */
void topology_write_lab(const Topology *t, Str *out);
/* As Containerlab's .clab.yml. */
int topology_write_clab(const Topology *t, Str *out, char ***notes);
/* As GraphML and in Graphviz' language, with attributes that topology_read_graphml() and
 * topology_read_dot() understand. */
int topology_write_graphml(const Topology *t, Str *out, char ***notes);
int topology_write_dot(const Topology *t, Str *out, char ***notes);

/* Notes what a topology has that @format, called so in the sentences, has not; @kept: keys of
 * lab.yml that it has, NULL-terminated.  0 or -ENOMEM. */
int topology_note_lost(const Topology *t, const char *format, const char *const *kept,
                       char ***notes);
