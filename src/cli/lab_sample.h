/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* How a lab that is up does at a point in time: what its links have counted, what its nodes use. */

#include "lab/lab.h"
#include "lab/link.h"

typedef struct LinkSample {
        bool known;    /* false: a node at one of its ends has ended */
        int64_t at_ms; /* CLOCK_MONOTONIC */
        LinkView view;
} LinkSample;

typedef struct NodeSample {
        bool known; /* false: it has ended */
        int64_t at_ms;
        double cpu_s;     /* of its processes, and of those that have ended and were waited for */
        uint64_t memory;  /* resident, bytes; what processes share counts for each */
        size_t processes; /* the one that is the node itself included */
} NodeSample;

typedef struct LabSample {
        LinkSample *links;
        size_t n_links;
        NodeSample *nodes; /* NULL: not asked for */
        size_t n_nodes;
} LabSample;

void lab_sample_clear(LabSample *s);
#define autosample __attribute__((__cleanup__(lab_sample_clear))) LabSample

int lab_sample_links(const Lab *lab, LabSample *ret, Err *err);
int lab_sample_nodes(const Lab *lab, LabSample *ret, Err *err);

/* Bits a second that left a direction between two samples; NAN where they do not tell. */
double link_bit_rate(const LinkSample *before, const LinkSample *now, int direction);
/* The rate that a direction has now, bits a second; 0: none. */
uint64_t link_rate(const LinkSample *s, int direction);
