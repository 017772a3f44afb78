/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The topology of a lab
 *
 * Nodes, the links between their interfaces, and what else a lab's file says.
 * All readers (read.h) make one of these, generators too (generate.h), and all
 * that draws, converts, builds or measures labs starts from it.  Nodes, links and
 * interfaces name each other by their index, so that a copy needs no mending.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/err.h"
#include "netlink/addr.h"
#include "topology/quality.h"

#define INTERFACE_NAME_MAX 15 /* bytes, IFNAMSIZ - 1 */
#define NODE_NAME_MAX      63 /* also its host name */

/* Whether an interface of a node may have this name: the kernel's rule (dev_valid_name(),
 * net/core/dev.c), and UTF-8, for it is written to files. */
bool interface_is_name(const char *name);

typedef enum NodeKind {
        NODE_HOST,
        NODE_ROUTER, /* a host that forwards */
        NODE_BRIDGE, /* a switch of the kernel's */
        NODE_OVS_BRIDGE,
} NodeKind;

typedef struct Interface {
        char *name;
        bool automatic; /* the name was chosen for it */
        bool has_mac;
        uint8_t mac[6];
        Address *addresses; /* with the length of the network part */
        size_t n_addresses;
        size_t link; /* that it is an end of, */
        int end;     /* 0 or 1 */
} Interface;

/* When to begin or end something with a node: "create", "configure", "healthy", "exit". */
typedef struct NodeWait {
        char *node, *stage;
} NodeWait;

typedef struct HealthCheck {
        char **test; /* argument vector; NULL: none */
        int64_t interval_ns, timeout_ns, start_period_ns;
        int retries;
} HealthCheck;

typedef struct Node {
        char *name;
        NodeKind kind;
        int line;             /* where its file says it, 0: nowhere */
        char *image;          /* NULL: a light node, over the host's root file system */
        char *entrypoint;     /* of an image; or NULL */
        char **cmd;           /* argument vector; NULL: the image's, or nothing */
        char **env, **labels; /* KEY=VALUE */
        char **binds;         /* SOURCE:DESTINATION[:ro], sources absolute */
        char **ports;         /* as of `isola run -p` */
        char **exec;          /* commands for `sh -c`, run once it is up */
        char **sysctls;       /* KEY=VALUE */
        char **routes;        /* "default via 10.0.0.1", "10.1.0.0/16 via 10.0.0.2" */
        char **cap_add, **dns;
        char *user, *workdir, *group, *cpuset;
        double cpus;                     /* 0: no limit */
        uint64_t memory;                 /* bytes, 0: no limit */
        uint64_t pids;                   /* 0: no limit */
        bool no_management;              /* not a member of the management network */
        bool has_uplink;                 /* its commands wait for that */
        Address management, management6; /* family 0: automatic */
        int64_t startup_delay_ns;
        NodeWait *waits; /* before it is made */
        size_t n_waits;
        HealthCheck health;
        bool stp;            /* of a bridge; RSTP of an ovs-bridge */
        bool vlan_filtering; /* of a bridge */
        char **controllers;  /* of an ovs-bridge: "tcp:127.0.0.1:6653"; "learning": our own */
        char *protocols, *dpid, *fail_mode;
        Interface *interfaces; /* in the order of the links */
        size_t n_interfaces;
        double x, y; /* where to draw it, if has_position */
        bool has_position;
} Node;

typedef struct LinkSide {
        size_t node, interface;
} LinkSide;

typedef struct TopologyLink {
        char *name; /* "h1:eth1--h2:eth1" unless the file has another */
        int line;
        LinkSide sides[2];
        uint32_t mtu;       /* 0: 1500 */
        Quality quality[2]; /* [0]: from sides[0] to sides[1] */
        char *engine;       /* "auto", "kernel", "netem", "wire"; NULL: auto */
        char **labels;
} TopologyLink;

/* A way out of the lab; the settings are its kind's: see uplink.h. */
typedef struct Uplink {
        char *kind;
        size_t node;
        char *interface;
        char **settings; /* KEY=VALUE */
        int line;
} Uplink;

/* An entry of the tests or measurements: what to do, and with what. */
typedef struct Step {
        char *kind;      /* "ping", "reach", … */
        char **settings; /* KEY=VALUE; a list's values are one setting each */
        int line;
} Step;

typedef struct Topology {
        char *name;
        char *file;      /* as errors name it, or NULL */
        char *directory; /* that relative paths begin in, absolute; or NULL */
        bool has_seed;
        uint64_t seed;
        Address pool, pool6;  /* automatic addresses of links; family 0: 10.0.0.0/8, fd00:…/48 */
        bool no_addresses;    /* give none automatically */
        bool management;      /* there is a management network */
        bool external_access; /* from which nodes reach the world */
        char *management_name;
        char *management_interface; /* of each node in it; NULL: "mgmt0" */
        Address management_net, management_net6;
        Node *nodes;
        size_t n_nodes;
        TopologyLink *links;
        size_t n_links;
        Uplink *uplinks;
        size_t n_uplinks;
        Step *tests, *measurements;
        size_t n_tests, n_measurements;
        void *names;  /* of nodes, a tree of tsearch(3) */
        char **notes; /* what the reader left out or took otherwise, a sentence each */
} Topology;

Topology *topology_free(Topology *t);
DEFINE_AUTOPTR(Topology, topology_free)
/* An empty one; NULL without memory. */
Topology *topology_new(void);

extern const char *const node_kind_names[]; /* "host", …, NULL, by NodeKind */

/* Each adds something and returns its index, or -ENOMEM; names are copied.  topology_check() tells
 * whether they may be. */
ssize_t topology_add_node(Topology *t, const char *name, NodeKind kind);
/* A link between two nodes by index; an interface name of NULL is "ethN" with the first free N from
 * the number of interfaces that the node has. */
ssize_t topology_add_link(Topology *t, size_t a, const char *a_interface, size_t b,
                          const char *b_interface);
/* Index of the node, -ENOENT. */
ssize_t topology_find_node(const Topology *t, const char *name);
/* Index of the interface, -ENOENT. */
ssize_t topology_find_interface(const Node *n, const char *name);

/**
 * topology_find_link() - find a link by what people call it
 * @text:	its name; "h1:eth1" (the direction out of there); "h1--h2" or "h1,h2" where there is
 *		but one between them
 * @ret_end:	0 or 1 where the text names a direction (the end it leaves from), else -1
 *
 * Return: index; -ENOENT, -ENOTUNIQ with a sentence.
 */
ssize_t topology_find_link(const Topology *t, const char *text, int *ret_end, Err *err);

/* What a link is known by whatever else changes: "h1:eth1--h2:eth1"; the caller's, NULL without
 * memory. */
char *topology_link_key(const Topology *t, const TopologyLink *l);
/* A number of 64 bits that two names have, today and tomorrow. */
uint64_t topology_hash(const char *a, const char *b);
/* Of what is drawn for it, from the lab's seed and its key: the same wherever it stands. */
uint64_t topology_link_seed(const Topology *t, const TopologyLink *l);

static inline const Interface *topology_interface(const Topology *t, LinkSide side) {
        return &t->nodes[side.node].interfaces[side.interface];
}
static inline bool node_is_switch(const Node *n) {
        return n->kind == NODE_BRIDGE || n->kind == NODE_OVS_BRIDGE;
}

/* Refuses, naming file and line: names that cannot be, an endpoint used twice, an address twice or
 * networks that overlap, a quality that cannot be. */
int topology_check(const Topology *t, Err *err);

/* -EINVAL "FILE:LINE: …"; @line 0: without. */
int topology_refuse(const Topology *t, int line, Err *err, const char *format, ...)
        printf_like(4, 5);
