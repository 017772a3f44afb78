/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What an interface was like, to make it so again
 *
 * An interface that changes its network namespace or becomes a bridge's port keeps its MTU and
 * loses its name, addresses and routes.  A LinkKept has them all, as bytes that can be written to
 * a file.
 *
 * Kept are addresses of IPv4 and those of IPv6 that somebody has set, and all routes by the
 * interface that the kernel does not make by itself.  What router advertisements gave comes again
 * with the next.
 */

#include "base/str.h"
#include "netlink/addr.h"
#include "netlink/link.h"

typedef struct LinkKept {
        char name[16];
        int index;
        uint8_t address[6];
        uint32_t mtu;
        bool up;
        Str messages; /* RTM_NEWADDR and RTM_NEWROUTE, as the kernel lists them */
} LinkKept;

void link_kept_clear(LinkKept *kept);
#define autolinkkept __attribute__((__cleanup__(link_kept_clear))) LinkKept

/* Reads what an interface is like; -ENODEV. */
int link_keep(int nl, const char *name, LinkKept *ret, Err *err);

/**
 * link_give_back() - make an interface as it was
 * @now:	the interface, with the name that it is to have
 *
 * Doing it twice is fine.  Routes whose way is not there (any more) are left out.
 *
 * Return: how many routes were left out; negative errno with a sentence.
 */
int link_give_back(int nl, const Link *now, const LinkKept *kept, Err *err);

/* Gives an interface the addresses that another was kept with, and routes by them, and sets it up;
 * MTU and MAC address are left alone. */
int link_give_addresses(int nl, int index, const LinkKept *kept, Err *err);

/* Whether it has a default route of the main table. */
bool link_kept_is_default(const LinkKept *kept);
