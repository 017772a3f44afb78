/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The porter of a lab
 *
 * Publishes the ports of nodes on this host: claims, sockets and the firewall's map are those of
 * containers (engine/network_publish.c), with the lab as their owner.  Packets are the kernel's
 * affair; the process stays for the sockets, so that nobody else takes the ports, and serves
 * [::1] (engine/port_relay.h).  For an ordinary user it serves all of them, in the machine's
 * network, and holds the namespace open in which his lab's cables to the host end (outside.h).
 */

#include "lab/lab.h"

/* Which ports of nodes are where, for people. */
typedef struct LabPort {
        char *node;
        char *port; /* "80/tcp" */
        char *host_ip, *host_port;
} LabPort;

typedef struct LabPorts {
        LabPort *ports;
        size_t n_ports;
} LabPorts;

void lab_ports_clear(LabPorts *ports);
#define autolabports __attribute__((__cleanup__(lab_ports_clear))) LabPorts

/* Publishes the ports of all nodes, in place of what was published before, and notes the process,
 * if there is one, in the lab's state. */
int lab_publish_ports(Lab *lab, Err *err);
/* What was published; nothing where there is nothing. */
int lab_published_ports(const Lab *lab, LabPorts *ret, Err *err);
