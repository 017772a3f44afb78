/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A topology as a file. */

#include "base/str.h"
#include "topology/topology.h"

/* As lab.yml: topology_read_lab() makes the same topology of it. */
void topology_write_lab(const Topology *t, Str *out);
/* As Containerlab's .clab.yml; what that cannot say is added to @notes, a sentence each. */
int topology_write_clab(const Topology *t, Str *out, char ***notes);
