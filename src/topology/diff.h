/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What one topology has and another has not. */

#include "topology/topology.h"

typedef enum ChangeKind {
        CHANGE_NODE_ADDED,
        CHANGE_NODE_REMOVED,
        CHANGE_NODE, /* something of it: @what */
        CHANGE_LINK_ADDED,
        CHANGE_LINK_REMOVED,
        CHANGE_LINK,    /* anything but its quality: @what */
        CHANGE_QUALITY, /* of one direction */
        CHANGE_ADDRESS, /* of an interface of a link that stays */
        CHANGE_UPLINK_ADDED,
        CHANGE_UPLINK_REMOVED,
        CHANGE_UPLINK, /* something of it: @what */
        CHANGE_LAB,    /* of nothing in particular: @what */
} ChangeKind;

/* What it takes to carry a change of a node out; nothing where it is enough to write it down. */
typedef enum ChangeEffect {
        EFFECT_NETWORK = 1, /* addresses, routes and ports of a bridge are set */
        EFFECT_SYSCTLS = 2,
        EFFECT_LIMITS = 4,
        EFFECT_EXEC = 8,      /* commands that were not there before are run */
        EFFECT_SWITCH = 16,   /* a switch of Open vSwitch is told */
        EFFECT_RESTART = 32,  /* its container is made anew; its network stays */
        EFFECT_REBUILD = 64,  /* it is made anew, and its links are laid again */
        EFFECT_REFUSED = 128, /* it cannot be done while the lab is up */
} ChangeEffect;

typedef struct Change {
        ChangeKind kind;
        size_t before, after; /* index of the node, link or uplink in either; SIZE_MAX where there
                                 is none */
        int direction;        /* of CHANGE_QUALITY; the end of CHANGE_ADDRESS */
        unsigned effects;     /* of CHANGE_NODE and CHANGE_LAB: ChangeEffect */
        char *what;           /* in words: "image: a, then b" */
} Change;

typedef struct ChangeList {
        Change *changes;
        size_t n_changes;
} ChangeList;

void change_list_clear(ChangeList *list);
#define autochangelist __attribute__((__cleanup__(change_list_clear))) ChangeList

/**
 * topology_diff() - find out what changes from one topology to another
 *
 * Nodes are the same by name, links by the names of their ends.  Both have their addresses.
 */
int topology_diff(const Topology *before, const Topology *after, ChangeList *ret, Err *err);

/* The link of another topology between the same ends, in the same order; -ENOENT. */
ssize_t topology_same_link(const Topology *t, const TopologyLink *l, const Topology *other);

/* One change as a line: "+ node h3 (host)", "~ link h1:eth1 > h2:eth1: delay=10ms, then
 * delay=20ms"; the caller's, NULL without memory. */
char *change_words(const Topology *before, const Topology *after, const Change *change);
