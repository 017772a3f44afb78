/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What match.c (text) and match_wire.c (bytes) both know of the fields. */

#include "openflow/match.h"

typedef enum OfFieldKind {
        OF_KIND_NUMBER,
        OF_KIND_HEX,
        OF_KIND_PORT,
        OF_KIND_MAC,
        OF_KIND_IPV4,
        OF_KIND_IPV6,
        OF_KIND_VLAN,
} OfFieldKind;

typedef struct OfFieldInfo {
        const char *name, *newer; /* the second as in OpenFlow 1.3, or NULL */
        uint8_t size;             /* bytes of the value */
        uint8_t bits;             /* that may be set */
        OfFieldKind kind;
        bool maskable;
} OfFieldInfo;

extern const OfFieldInfo of_fields[OF_N_FIELDS];

#define ETH_IPV4 0x0800
#define ETH_ARP  0x0806
#define ETH_VLAN 0x8100
#define ETH_IPV6 0x86dd

#define IP_ICMP   1
#define IP_TCP    6
#define IP_UDP    17
#define IP_ICMPV6 58
#define IP_SCTP   132

/* A number of a field's size and back. */
void of_value_set(OfField field, OfValue *value, uint64_t number);
uint64_t of_value_get(OfField field, const OfValue *value);
/* All bits of the field. */
OfValue of_value_full(OfField field);
bool of_value_equal(OfField field, const OfValue *a, const OfValue *b);
