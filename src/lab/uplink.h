/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Ways out of a lab that is up (topology/uplink.h)
 *
 * An uplink is attached once the lab's processes are written down, before a command of its node
 * starts.  What is done is said first, in uplink-NODE:IFACE.json in the lab's directory
 * (uplink_record.h): whoever takes the lab away, or meets what a killed process left of it, gives
 * back from there. The interface of the host that a node has is in the network namespace of the
 * node's process; if that ends without us, the kernel gives a real one back to the host by itself,
 * and it gets its name, addresses and routes from the record.
 *
 * The network namespace where `up` ran is the host's: `down` goes there. An ordinary user's is
 * another (outside.h), which every command finds.
 */

#include "lab/lab.h"

/* Works out what depends on the machine, the MTUs: of tunnels, and of links behind a switch with an
 * uplink that takes less than they.  @before: the lab as it is, or NULL: what stays has its MTU. */
int lab_resolve_uplinks(const Home *home, Topology *t, const Topology *before, Err *err);
/* Refuses, before anything is built, an interface of the host that is not there or not to be
 * had. */
int lab_check_uplinks(const Home *home, const Topology *t, Err *err);
int lab_check_uplink(const Home *home, const Topology *t, size_t uplink, Err *err);

int lab_attach_uplinks(Lab *lab, Err *err);
int lab_attach_uplink(Lab *lab, size_t uplink, Err *err);
/* An uplink as it is now. */
typedef struct UplinkView {
        bool there, up; /* its interface; up: with a carrier */
        uint32_t mtu;
        uint8_t mac[6];
        Address *addresses;
        size_t n_addresses;
} UplinkView;

void uplink_view_clear(UplinkView *v);
#define autouplinkview __attribute__((__cleanup__(uplink_view_clear))) UplinkView
/* Looks at one in its node; -ESRCH if that does not run. */
int lab_uplink_view(const Lab *lab, size_t uplink, UplinkView *ret, Err *err);

/* Gives back one, by names; fine if it is not attached. */
int lab_detach_uplink(const Lab *lab, const char *node, const char *interface, Err *err);
/* Those that the lab's keeper carries, once more, by another one. */
int lab_revive_uplinks(Lab *lab, Err *err);
/* Gives back all that is recorded. */
int lab_detach_uplinks(const Lab *lab, Err *err);

/* Whether it has something on the host, so that it has to be taken away from there. */
bool lab_has_uplinks(const Topology *t);
/* The network namespace that this process is in, as a lab's state names it. */
int lab_note_home(Lab *lab, Err *err);
/* Goes to the network namespace where the lab was made, if it is another. */
void lab_enter_home(const Lab *lab);
