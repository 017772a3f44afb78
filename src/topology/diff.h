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
} ChangeKind;

typedef struct Change {
        ChangeKind kind;
        size_t before, after; /* index of the node, link or uplink in either; SIZE_MAX where there
                                 is none */
        int direction;        /* of CHANGE_QUALITY; the end of CHANGE_ADDRESS */
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

/* One change as a line: "+ node h3 (host)", "~ link h1:eth1 > h2:eth1: delay=10ms, then
 * delay=20ms"; the caller's, NULL without memory. */
char *change_words(const Topology *before, const Topology *after, const Change *change);
