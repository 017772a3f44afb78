/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the parts of the lab.yml reader share. */

#include "topology/topology.h"
#include "topology/yaml.h"

typedef enum KeyKind {
        KEY_END,
        KEY_TEXT,    /* char * */
        KEY_TEXTS,   /* char **: a list, or one word; more are added */
        KEY_PAIRS,   /* char **: KEY=VALUE, from a map or a list; set by key */
        KEY_COMMAND, /* char **: an argument vector, from a list or split as a shell does */
        KEY_FLAG,    /* bool */
        KEY_SIZE,    /* uint64_t, bytes */
        KEY_COUNT,   /* uint64_t */
        KEY_NUMBER,  /* double, not negative */
        KEY_SPAN,    /* int64_t nanoseconds; bare numbers are seconds */
        KEY_CALL,    /* read() does it */
        KEY_NOTED,   /* understood, but nothing is done: noted */
} KeyKind;

typedef struct Key {
        const char *name;
        KeyKind kind;
        size_t offset; /* in the struct that is filled */
        int (*read)(Topology *t, void *into, const YamlValue *value, Err *err);
} Key;

/* Fills a struct from a map by a table that ends with a NULL name; @what names it in errors ("a
 * node"). */
int read_keys(Topology *t, const Key *table, const char *what, const YamlValue *map, void *into,
              Err *err);

/* -EINVAL unless it is of that kind. */
int need_map(const Topology *t, const YamlValue *v, const char *what, Err *err);
int need_list(const Topology *t, const YamlValue *v, const char *what, Err *err);
int need_text(const Topology *t, const YamlValue *v, const char *what, Err *err);

/* "10.0.0.1/24"; @family: AF_INET, AF_INET6 or AF_UNSPEC. */
int read_address(const Topology *t, const YamlValue *v, int family, Address *ret, Err *err);
int add_address(Interface *i, const Address *a);
/* One address or a list; and a MAC address. */
int read_addresses(const Topology *t, const YamlValue *v, int family, Interface *i, Err *err);
int read_mac(const Topology *t, const YamlValue *v, Interface *i, Err *err);

/* A sentence about something that is not done; @line 0: about the whole. */
int add_note(Topology *t, int line, const char *format, ...) printf_like(3, 4);

/* ENOMEM in words. */
int no_memory(Err *err);

/* One end of a link as it is written. */
typedef struct Side {
        char *node, *interface;
        const YamlValue *mac, *ipv4, *ipv6;
        int line;
} Side;

void sides_clear(Side (*sides)[2]);
#define autosides __attribute__((__cleanup__(sides_clear))) Side

int read_side(Topology *t, const YamlValue *v, Side *side, Err *err);
/* Index of its node; -EINVAL with the nearest one's name. */
ssize_t find_side_node(const Topology *t, const Side *side, Err *err);

/* Whether it is one of Containerlab's links that lead out of the lab; then it is read as an uplink.
 */
bool link_leads_outside(const Topology *t, const YamlValue *map);
int read_outside_link(Topology *t, const YamlValue *map, Err *err);

/* The parts of the file. */
int read_node(Topology *t, Node *n, const YamlValue *map, Err *err);
/* The kind that a map says; -ENOENT without words if it says none; -EINVAL for one that is none. */
int read_kind(const Topology *t, const YamlValue *map, Err *err);
int read_links(Topology *t, const YamlValue *list, Err *err);
