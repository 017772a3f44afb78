/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Two hosts for a wire between them, for tests and the bench: network namespaces that have nothing
 * but a loopback and a TAP device "eth1" each, 10.9.0.1 and 10.9.0.2.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire/tap.h"

typedef struct WireEnd {
        int netns, tap;
} WireEnd;

/* Sockets are made in the namespace that the calling thread is in. */
static inline int end_enter(const WireEnd *end) {
        return setns(end->netns, CLONE_NEWNET) < 0 ? -errno : 0;
}

static inline int end_set(int s, unsigned long request, const char *name, const char *address) {
        struct ifreq r = {};
        struct sockaddr_in a = { .sin_family = AF_INET };

        strcpy(r.ifr_name, name);
        if (address) {
                inet_pton(AF_INET, address, &a.sin_addr);
                memcpy(&r.ifr_addr, &a, sizeof a);
        } else
                r.ifr_flags = IFF_UP;
        return ioctl(s, request, &r) < 0 ? -errno : 0;
}

/* Makes a namespace, which the calling thread is in afterwards, with a TAP. */
static inline int end_make(WireEnd *end, const char *address) {
        int s, r;

        if (unshare(CLONE_NEWNET) < 0)
                return -errno;
        end->netns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
        s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        end->tap = tap_open("eth1", NULL);
        if (end->tap < 0)
                return end->tap;
        r = end_set(s, SIOCSIFFLAGS, "lo", NULL);
        if (r >= 0)
                r = end_set(s, SIOCSIFADDR, "eth1", address);
        if (r >= 0)
                r = end_set(s, SIOCSIFNETMASK, "eth1", "255.255.255.0");
        if (r >= 0)
                r = end_set(s, SIOCSIFFLAGS, "eth1", NULL);
        close(s);
        return r;
}

static inline unsigned end_flags(int s, const char *name) {
        struct ifreq r = {};

        strcpy(r.ifr_name, name);
        return ioctl(s, SIOCGIFFLAGS, &r) < 0 ? 0 : (unsigned short) r.ifr_flags;
}
