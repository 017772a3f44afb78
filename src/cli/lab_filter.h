/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the verbs of filters in labs have in common: ports by name, and the filters of a lab. */

#include "base/auto.h"
#include "cli/lab_operand.h"
#include "filter/filter.h"
#include "filter/map.h"

#define OPT_SIDE(T, m, help) OPT_STRING(0, "side", T, m, "in|out|both", help, "in|out|both")

#define OPT_AT(T, m)                                                                               \
        OPT_STRING(0, "at", T, m, "NODE[:INTERFACE]", "Where the filter is, if there are several", \
                   "node")

/* Which of the two sides are meant. */
typedef struct FilterSides {
        bool in, out;
} FilterSides;

/* @text: "in", "out", "both", or NULL for @otherwise. */
int filter_sides_read(const char *text, FilterSides otherwise, FilterSides *ret, Err *err);

/* Locks the lab: filters of one name find each other, whoever attaches them.  A descriptor. */
int lab_filter_lock(const Lab *lab, Err *err);

/*
 * An interface of a node, "s1:p1", or with @interface NULL all of its interfaces, "s1".  In the
 * kernel it has the same name, but for ports of Open vSwitch (lab/device.h).
 */
typedef struct LabPort {
        size_t node;
        int netns;
        char *interface; /* as the kernel has it */
} LabPort;

/* How the kernel calls a node's interface; -ENODEV with a sentence. */
int lab_port_device(const Lab *lab, size_t node, const char *interface, char **ret, Err *err);

void lab_port_clear(LabPort *port);
#define autoport __attribute__((__cleanup__(lab_port_clear))) LabPort

/* Opens what @text names; with @whole also a node without an interface. */
int lab_port_open(const Lab *lab, const char *text, bool whole, LabPort *ret, Err *err);
/* Adds to an -ENODEV which interfaces the node has. */
int lab_port_hint(const Lab *lab, const LabPort *port, int code, Err *err);

/*
 * Calls @each for the filters at one port or node (@where as for lab_port_open()), or with NULL for
 * all of the lab.  Interfaces and targets have the topology's names.  Nodes that have ended have
 * none.
 */
int lab_filter_each(const Lab *lab, const char *where,
                    int (*each)(const Filter *filter, size_t node, void *context), void *context,
                    Err *err);

/**
 * lab_filter_map() - open a map of a filter by its name
 * @where:	port or node, or NULL where the filter's name tells
 *
 * Return: 0; -ENOENT; -ENOTUNIQ if filters of that name have different maps.
 */
int lab_filter_map(const Lab *lab, const char *where, const char *filter, const char *map,
                   FilterMap **ret, Err *err);

/*
 * Prints entries of a map, each as the words that set it, "key.saddr=10.0.0.1 value.packets=3", or
 * as --format says.
 */
int filter_print_entries(struct json_t *entries, const char *format, Err *err);
