/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Uplinks: ways out of a lab, as its file says them
 *
 *   nic       an interface of the host, moved into the node; on a switch it is a port
 *   macvlan   another interface on one of the host's; macvtap: the same for virtual machines
 *   host      a cable to the host's own network, where it may be a port of a bridge
 *   vxlan     a tunnel of the kernel's to another machine
 *   udp       the same on the wire (RFC 7348), carried by the lab's keeper
 *   nat       a cable to the host, which leads to wherever the host gets, with its address
 */

#include "topology/topology.h"

typedef enum UplinkKind {
        UPLINK_NIC,
        UPLINK_MACVLAN,
        UPLINK_MACVTAP,
        UPLINK_HOST,
        UPLINK_VXLAN,
        UPLINK_UDP,
        UPLINK_NAT,
} UplinkKind;
extern const char *const uplink_kind_names[]; /* "nic", …, NULL, by UplinkKind */

#define UPLINK_ADDRESSES 8
#define VXLAN_PORT       4789 /* RFC 7348 */

/* An uplink's settings; texts are the topology's. */
typedef struct UplinkSpec {
        UplinkKind kind;
        const char *device; /* of the host */
        const char *bridge; /* of the host, that its end becomes a port of */
        uint32_t mode;      /* MACVLAN_MODE_* */
        Address remote, local;
        uint32_t vni;
        uint16_t port;
        uint32_t mtu; /* 0: computed */
        bool has_mac;
        uint8_t mac[6];
        Address addresses[UPLINK_ADDRESSES]; /* of the node's end */
        size_t n_addresses;
        Address host_addresses[UPLINK_ADDRESSES]; /* of the host's end */
        size_t n_host_addresses;
        Address gateways[2]; /* IPv4 and IPv6; family 0: none */
        Quality quality;     /* of both directions */
} UplinkSpec;

void uplink_spec_clear(UplinkSpec *spec);
#define autouplinkspec __attribute__((__cleanup__(uplink_spec_clear))) UplinkSpec

/* Reads an uplink's settings; -EINVAL naming file, line and what would have been right. */
int uplink_read(const Topology *t, const Uplink *u, UplinkSpec *ret, Err *err);

/* What a drawing calls it: "nic enp3s0", "vxlan 192.0.2.7"; the caller's, NULL without memory. */
char *uplink_words(const Uplink *u);

/* Adds one, whose settings may follow; @interface: NULL for a name that topology_name_uplinks()
 * gives.  NULL without memory. */
Uplink *topology_add_uplink(Topology *t, const char *kind, size_t node, const char *interface,
                            int line);
/* Gives the interfaces of uplinks that have no name the first "ethN" that is free; -ENOMEM. */
int topology_name_uplinks(Topology *t);
/* Refuses those that cannot be: see topology_check(). */
int topology_check_uplinks(const Topology *t, Err *err);

/* Whether the host has an end of the management network: nodes publish ports, or may go out. */
bool management_reaches_host(const Topology *t);
