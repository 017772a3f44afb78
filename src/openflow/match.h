/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What packets a flow is for
 *
 * A match is a value and a mask for each field that matters.  As text it is ovs-ofctl's (in part):
 *
 *   in_port=2,dl_src=02:00:00:00:00:01,ip,nw_dst=10.0.0.0/8
 *   tcp,tp_dst=80        dl_vlan=5        dl_vlan=0xffff (untagged)        arp,arp_tpa=10.0.0.1
 *
 * On the wire it is OpenFlow 1.0's fixed structure or the OXM fields of 1.3.  What one version
 * cannot say is refused, never left out.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "openflow/bytes.h"
#include "openflow/openflow.h"

/* In the order in which 1.3 wants them: what a field needs comes before it. */
typedef enum OfField {
        OF_IN_PORT,
        OF_METADATA,
        OF_DL_DST,
        OF_DL_SRC,
        OF_DL_TYPE,
        OF_DL_VLAN, /* VLAN id and 0x1000 for "there is a tag"; 0: untagged */
        OF_DL_VLAN_PCP,
        OF_NW_TOS, /* the upper six bits of the byte */
        OF_NW_ECN,
        OF_NW_PROTO,
        OF_NW_SRC,
        OF_NW_DST,
        OF_TP_SRC, /* TCP, UDP, SCTP; or ICMP's type */
        OF_TP_DST, /* or ICMP's code */
        OF_ARP_OP,
        OF_ARP_SPA,
        OF_ARP_TPA,
        OF_ARP_SHA,
        OF_ARP_THA,
        OF_IPV6_SRC,
        OF_IPV6_DST,
        OF_TUN_ID,
        OF_N_FIELDS,
} OfField;

/* Network byte order, in the first bytes. */
typedef struct OfValue {
        uint8_t bytes[16];
} OfValue;

#define OF_VLAN_PRESENT 0x1000
#define OF_VLAN_MASK    0x1fff

typedef struct OfMatch {
        uint32_t has;     /* 1 << OfField */
        unsigned unknown; /* fields of a switch's that are not in OfField */
        struct {
                OfValue value, mask;
        } fields[OF_N_FIELDS];
} OfMatch;

static inline bool of_match_has(const OfMatch *match, OfField field) {
        return match->has & 1u << field;
}
/* Gives the field that value, of which all bits matter. */
void of_match_set(OfMatch *match, OfField field, uint64_t value);
/* The same for a field of six bytes. */
void of_match_set_mac(OfMatch *match, OfField field, const uint8_t mac[6]);
/* The value as a number (of at most 64 bits), 0 if the field does not matter. */
uint64_t of_match_get(const OfMatch *match, OfField field);

/**
 * of_match_put_word() - add a field that is said as text
 * @key:	"in_port", "ip"
 * @value:	"2", "10.0.0.0/8"; NULL where there was no '='
 *
 * Return: 0; -ENOENT if there is no such field (no sentence); -EINVAL.
 */
int of_match_put_word(OfMatch *match, const char *key, const char *value, Err *err);
/* Whether each field has what it needs: nw_src without ip means nothing.  -EINVAL. */
int of_match_check(const OfMatch *match, Err *err);
/* Adds "in_port=2,tcp,tp_dst=80"; nothing for a match of everything. */
void of_match_text(const OfMatch *match, Str *out);

/* Adds the 40 bytes of 1.0, or the match of 1.3 with its padding; -EOPNOTSUPP with a sentence for
 * what that version cannot say. */
int of_match_encode(const OfMatch *match, OfVersion version, Str *out, Err *err);
/* Reads what of_match_encode() writes; -EBADMSG. */
int of_match_decode(OfReader *r, OfVersion version, OfMatch *ret);

/* --- fields by themselves, as actions set them --- */

/* By name or by ovs-ofctl's newer one ("eth_src"); -ENOENT. */
int of_field_find(const char *name, OfField *ret);
const char *of_field_name(OfField field);
/* Reads a value as text, with a mask after a slash if @mask is there. */
int of_field_parse(OfField field, const char *text, OfValue *value, OfValue *mask);
void of_field_text(OfField field, const OfValue *value, Str *out);
/* Adds an OXM field (header and value); -EOPNOTSUPP where @match leaves open which it is. */
int of_field_encode(OfField field, const OfValue *value, const OfMatch *match, Str *out);
/* Reads one; 0 if it is none of ours, then it has been skipped; -EBADMSG. */
int of_field_decode(OfReader *r, OfField *field, OfValue *value, OfValue *mask);
