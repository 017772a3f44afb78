/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the kinds of tests are made of; see CheckKind. */

#include "base/auto.h"
#include "base/str.h"
#include "measure/check.h"

#define WARM_UP_MAX (3 * NS_PER_S) /* for neighbours to find each other, before it is measured */

int check_pingall(const Check *c, const CheckLab *lab, CheckOutcome *o, Err *err);
int check_reach(const Check *c, const CheckLab *lab, CheckOutcome *o, Err *err);
int check_ping(const Check *c, const CheckLab *lab, CheckOutcome *o, Err *err);
int check_cut(const Check *c, const CheckLab *lab, CheckOutcome *o, Err *err);
int check_tcp(const Check *c, const CheckLab *lab, CheckOutcome *o, Err *err);
int check_udp(const Check *c, const CheckLab *lab, CheckOutcome *o, Err *err);
int check_loss(const Check *c, const CheckLab *lab, CheckOutcome *o, Err *err);
int check_route(const Check *c, const CheckLab *lab, CheckOutcome *o, Err *err);
int check_exec(const Check *c, const CheckLab *lab, CheckOutcome *o, Err *err);

/* A node's end of a pair, with its namespace open: the caller closes @ret's netns. */
int check_station(const CheckLab *lab, const Endpoint *p, int family, Station *ret, Err *err);

/* Many nodes of one family, with their namespaces open. */
typedef struct CheckGroup {
        Station *stations;
        char **names;
        size_t n;
} CheckGroup;

/* The check's nodes that have an address of the family; without any in the check all hosts, or all
 * routers where there are no hosts.  @g is cleared by the caller, also after an error. */
int check_group(CheckGroup *g, const Check *c, const CheckLab *lab, int family, Err *err);
void check_group_clear(CheckGroup *g);

/* Calls @each for every family that the check asks for and both places have, AF_INET first; with
 * the family "any" only for the first.  -EAFNOSUPPORT with a sentence if there is none. */
int check_families(const Check *c, const Endpoint *from, const Endpoint *to,
                   int (*each)(const Check *c, const CheckLab *lab, const Endpoint *from,
                               const Endpoint *to, int family, CheckOutcome *o, Err *err),
                   const CheckLab *lab, CheckOutcome *o, Err *err);
/* The same for every pair of the check's from and to. */
int check_pairs(const Check *c,
                int (*each)(const Check *c, const CheckLab *lab, const Endpoint *from,
                            const Endpoint *to, int family, CheckOutcome *o, Err *err),
                const CheckLab *lab, CheckOutcome *o, Err *err);
