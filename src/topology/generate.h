/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Topologies by rule. */

#include "topology/topology.h"

/**
 * topology_generate() - make a regular topology
 * @kind:	single linear tree torus ring star mesh fat-tree clos
 * @parameters:	numbers, as in Mininet's "linear,4,2"; how many each kind takes: generator_help
 *
 * Switches are s1…, hosts h1… (with more than one a switch: h1s1…), as in Mininet.
 *
 * Return: 0; -EINVAL with a sentence that names what the kind takes.
 */
int topology_generate(const char *kind, const int *parameters, size_t n, Topology **ret, Err *err);

typedef struct Generator {
        const char *name, *parameters, *help;
} Generator;
extern const Generator generators[]; /* ends with a NULL name */
