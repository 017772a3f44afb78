/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What is done with a flow's packets
 *
 * As text it is ovs-ofctl's (in part), separated by commas; no action at all is "drop":
 *
 *   output:2   flood   normal   all   in_port   local   controller[:BYTES]   2
 *   mod_dl_src:MAC  mod_dl_dst:MAC  mod_nw_src:IP  mod_nw_dst:IP  mod_nw_tos:N
 *   mod_tp_src:N  mod_tp_dst:N  mod_vlan_vid:N  mod_vlan_pcp:N  set_field:VALUE->FIELD
 *   push_vlan:0x8100  pop_vlan (strip_vlan)  dec_ttl  group:N  set_queue:N  enqueue:PORT:QUEUE
 *   meter:N  clear_actions  goto_table:N
 *
 * 1.3 has the last line as instructions besides a list of actions that are applied; here they are
 * in the same list.
 */

#include "openflow/match.h"

typedef enum OfActionKind {
        OF_ACTION_OUTPUT,    /* .port, and .number bytes for the controller */
        OF_ACTION_SET,       /* .field, .value */
        OF_ACTION_PUSH_VLAN, /* .number: the tag's type */
        OF_ACTION_POP_VLAN,
        OF_ACTION_DEC_TTL,
        OF_ACTION_GROUP,     /* .number */
        OF_ACTION_SET_QUEUE, /* .number */
        OF_ACTION_ENQUEUE,   /* .port, .number: the queue; 1.0 only */
        OF_ACTION_METER,     /* .number; an instruction, as those below */
        OF_ACTION_CLEAR,
        OF_ACTION_GOTO,              /* .number: the table */
        OF_ACTION_OTHER,             /* .number: type of an action that is not known here */
        OF_ACTION_OTHER_INSTRUCTION, /* the same of an instruction */
} OfActionKind;

typedef struct OfAction {
        OfActionKind kind;
        uint32_t port, number;
        OfField field;
        OfValue value;
        bool push; /* setting a VLAN gives one to packets that have none, as 1.0 does */
} OfAction;

#define OF_WHOLE_PACKET 0xffff

typedef struct OfActions {
        OfAction *list;
        size_t n;
} OfActions;

/* Adds one; zeroed; NULL without memory. */
OfAction *of_action_add(OfActions *actions);
void of_actions_clear(OfActions *actions);
#define autoactions __attribute__((__cleanup__(of_actions_clear))) OfActions

/* Reads "output:2,flood"; -EINVAL. */
int of_actions_parse(const char *text, OfActions *ret, Err *err);
/* "drop" for an empty list. */
void of_actions_text(const OfActions *actions, Str *out);

/*
 * Adds the actions as packet-out has them, and 1.0's flow-mod.  @match: what is known of the
 * packets; setting tp_src needs to know of which protocol.
 */
int of_actions_encode(const OfActions *actions, OfVersion version, const OfMatch *match, Str *out,
                      Err *err);
/* Adds 1.3's instructions. */
int of_instructions_encode(const OfActions *actions, const OfMatch *match, Str *out, Err *err);
/* Reads all that is left; -EBADMSG, -ENOMEM. */
int of_actions_decode(OfReader *r, OfVersion version, OfActions *ret);
int of_instructions_decode(OfReader *r, OfActions *ret);
