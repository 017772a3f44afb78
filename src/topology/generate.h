/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Topologies by rule. */

#include "topology/topology.h"

#define GENERATOR_PARAMETERS 3

struct Generation;

typedef struct Generator {
        const char *name, *parameters, *help;
        int defaults[GENERATOR_PARAMETERS], least[GENERATOR_PARAMETERS]; /* 0: there is none */
        void (*make)(struct Generation *g, const int *parameters);
} Generator;
extern const Generator generators[]; /* ends with a NULL name */

/**
 * topology_generate() - make a regular topology
 * @kind:	single linear tree torus ring star mesh fat-tree clos
 * @parameters:	numbers, as in Mininet's "linear,4,2"; those left out have defaults
 *
 * Switches are bridges s1…, hosts h1…, as in Mininet ("h2s1" the second host of s1 where linear,
 * ring, star and mesh have several, "s1x2" in a torus); in a fat tree and a Clos network switches
 * are called by their layer.
 *
 * Return: 0; -EINVAL with a sentence that names what the kind takes.
 */
int topology_generate(const char *kind, const int *parameters, size_t n, Topology **ret, Err *err);
