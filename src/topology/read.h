/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A topology from a file, in any of the formats that are known. */

#include "topology/topology.h"
#include "topology/yaml.h"

/* What a file may be; found out by its name and first words unless told. */
extern const char *const topology_format_names[]; /* "lab", "clab", "kathara", "graphml", "dot" */

/**
 * topology_read() - read a lab's file
 * @path:	file, or a directory: a Kathará lab (lab.conf), else its lab.yml or *.clab.yml;
 *		"-" for standard input
 * @format:	one of the names above, or NULL
 *
 * What was left out or taken otherwise is in the topology's notes.  It is complete and
 * topology_check()ed, but for automatic addresses: see address.h.
 *
 * Return: 0; -ENOENT; -EINVAL "FILE:LINE: …", with the nearest right word where there is one.
 */
int topology_read(const char *path, const char *format, Topology **ret, Err *err);
/* Whether a directory has a lab's file, or several. */
bool topology_is_in(const char *directory);

/* The readers behind it, each from the whole text of a file. */
int topology_read_lab(const char *text, size_t size, const char *file, Topology *t, Err *err);
int topology_read_kathara(const char *directory, Topology *t, Err *err);
int topology_read_graphml(const char *text, size_t size, const char *file, Topology *t, Err *err);
int topology_read_dot(const char *text, size_t size, const char *file, Topology *t, Err *err);
