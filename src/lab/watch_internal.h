/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the parts of watching share. */

#include "lab/health.h"
#include "lab/lab_internal.h"
#include "lab/watch.h"

typedef struct Watch Watch;
typedef struct WatchedLab WatchedLab;
typedef struct WatchedNode WatchedNode;

typedef enum SourceKind {
        SOURCE_FILES, /* inotify, of all */
        SOURCE_STOP,
        SOURCE_PROCESS, /* of a node, its first */
        SOURCE_CONTAINER,
        SOURCE_LINKS, /* of a node */
        SOURCE_CHECK, /* a health check */
        SOURCE_KEEPER,
} SourceKind;

/* A descriptor that is waited for. */
typedef struct Source {
        SourceKind kind;
        int fd;
        WatchedLab *lab;
        WatchedNode *node;
} Source;

typedef struct CarrierSeen {
        char *interface;
        bool up;
} CarrierSeen;

struct WatchedNode {
        char *name;
        int pid;
        uint64_t start_time;
        Source process, container, links, check;
        int container_pid;
        int container_files; /* inotify's number */
        CarrierSeen *carriers;
        size_t n_carriers;
        LabCommand command;
        Probe probe;
        bool probed;
        LabHealth health;
};

struct WatchedLab {
        Watch *watch;
        char *name;
        int files, status; /* inotify's numbers; negative: none */
        Lab *now;          /* as it was when it was looked at; NULL: not up */
        bool making;
        bool gone;
        char **cuts; /* topology_link_key() */
        WatchedNode **nodes;
        size_t n_nodes;
        Source keeper;
};

struct Watch {
        const Home *home;
        const LabWatch *options;
        int epoll, inotify;
        int directory;  /* inotify's number of $RUN/labs */
        int containers; /* of $RUN/containers; negative: not yet */
        WatchedLab **labs;
        size_t n_labs;
        bool quiet; /* what is found is no news */
        Err *err;
};

/* ---- watch.c ---- */

/* @attributes: "pid=1 image=x", words; NULL: none.  Nothing while the watch is quiet. */
int watch_tell(WatchedLab *l, const char *type, const char *action, const char *name,
               const char *format, ...) printf_like(5, 6);
/* Takes the descriptor over; negative: nothing to wait for. */
int watch_source(Watch *w, Source *s, SourceKind kind, int fd, WatchedLab *l, WatchedNode *n);
void watch_source_close(Source *s);

/* ---- watch_lab.c ---- */

/* Compares what is written down with what was seen. */
int watch_look(WatchedLab *l);
int watch_look_at_cuts(WatchedLab *l);
int watch_keeper_ended(WatchedLab *l);
/* Frees what it knows; the lab is not up any more. */
void watch_forget(WatchedLab *l);

/* ---- watch_node.c ---- */

int watch_node_add(WatchedLab *l, size_t node);
void watch_node_free(WatchedNode *n);
/* Looks again at its command or container. */
int watch_node_command(WatchedLab *l, WatchedNode *n);
int watch_node_ended(WatchedLab *l, WatchedNode *n);
int watch_node_links(WatchedLab *l, WatchedNode *n);
int watch_node_check(WatchedLab *l, WatchedNode *n);
/* When the next check is due; INT64_MAX: never. */
int64_t watch_node_due_ms(const WatchedNode *n);
