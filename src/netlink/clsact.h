/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * BPF programs at an interface: the queueing discipline clsact and its filters
 *
 * clsact queues nothing.  It has two places where every packet is shown to
 * filters, in the order of their priorities: what the interface received, and
 * what it is about to send.  A BPF program as a filter decides by what it returns
 * (TC_ACT_*; tc-bpf(8), "direct action"); TC_ACT_UNSPEC asks the next filter.
 *
 * Filters belong to the interface and end with it.  They keep their program, and
 * that keeps its maps: nothing has to stay open or be pinned.  Priority, name and
 * the program's id are the kernel's to remember, and are read back from there.
 *
 * tcx (Linux 6.6) has the same two places without the discipline, but no
 * priorities and no names, and Debian 12's kernel does not have it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define CLSACT_NAME_SIZE 256 /* CLS_BPF_NAME_LEN */

typedef struct ClsactFilter {
        int index;         /* of the interface */
        bool egress;       /* sees what the interface sends, instead of what it receives */
        uint16_t priority; /* the lower, the earlier; from 1 */
        char name[CLSACT_NAME_SIZE];
        uint32_t program; /* id; only from clsact_each() */
} ClsactFilter;

/* Makes the discipline.  0 also if there is one; -EBUSY if one of another kind has its place. */
int clsact_make(int nl, int index, Err *err);
/* Removes it with all its filters; 0 also if there is none. */
int clsact_remove(int nl, int index, Err *err);

/**
 * clsact_attach() - show an interface's packets to a program
 * @filter:	where, when and under which name
 * @program:	descriptor of a BPF_PROG_TYPE_SCHED_CLS
 *
 * Return: 0; -EEXIST if the priority is taken at that place; negative errno.
 */
int clsact_attach(int nl, const ClsactFilter *filter, int program, Err *err);
/* Takes away the BPF filter of that priority; -ENOENT if there is none. */
int clsact_detach(int nl, const ClsactFilter *filter, Err *err);

/*
 * Calls @each for the BPF filters of one place in the order of their priorities, whoever made them;
 * a negative value ends the walk.  None is no error, nor is an interface that is gone.
 */
int clsact_each(int nl, int index, bool egress,
                int (*each)(const ClsactFilter *filter, void *context), void *context, Err *err);

/* Calls @each for every interface that has clsact, whoever made it; a negative value ends the walk.
 */
int clsact_each_interface(int nl, int (*each)(int index, void *context), void *context, Err *err);

/* 1 if the interface's clsact has any filter, also of another kind than BPF; 0 if none. */
int clsact_is_used(int nl, int index, Err *err);
