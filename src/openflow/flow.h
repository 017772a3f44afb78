/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Flows
 *
 * As text, keys separated by commas, the actions last:
 *
 *   priority=100,idle_timeout=60,in_port=1,tcp,tp_dst=80,actions=output:2
 *
 * Besides the match's keys (match.h): table, priority (32768), idle_timeout and hard_timeout in
 * seconds, cookie, send_flow_rem, check_overlap; to choose flows also cookie=VALUE/MASK and
 * out_port.
 */

#include "openflow/action.h"

typedef enum OfFlowUse {
        OF_USE_FLOW,   /* to be added or changed: has actions */
        OF_USE_CHOICE, /* of flows that are there: has none, and without a table means all */
} OfFlowUse;

#define OF_PRIORITY     0x8000
#define OF_TABLE_ALL    0xff
#define OF_SEND_REMOVED 1
#define OF_NO_OVERLAP   2

typedef struct OfFlow {
        uint8_t table;
        bool has_priority; /* it was said */
        uint16_t priority, idle_timeout, hard_timeout, flags;
        uint64_t cookie, cookie_mask;
        uint32_t out_port; /* or OF_PORT_ANY */
        OfMatch match;
        OfActions actions;
        /* Only of flows that a switch lists. */
        uint64_t packets, bytes;
        uint32_t seconds, nanoseconds; /* since it was added */
} OfFlow;

#define autoflow __attribute__((__cleanup__(of_flow_clear))) OfFlow

/* A flow that matches everything, with the values that hold where nothing is said. */
OfFlow of_flow_default(OfFlowUse use);
void of_flow_clear(OfFlow *flow);
/* Reads a flow; "" is one that matches everything.  -EINVAL; after failure *ret is unchanged. */
int of_flow_parse(const char *text, OfFlowUse use, OfFlow *ret, Err *err);
/* A line as `ovs-ofctl dump-flows` has it; owned by the caller; NULL without memory. */
char *of_flow_text(const OfFlow *flow);

typedef enum OfCommand {
        OF_ADD = 0,
        OF_MODIFY = 1,
        OF_MODIFY_STRICT = 2,
        OF_DELETE = 3,
        OF_DELETE_STRICT = 4,
} OfCommand;

/* @buffer: a packet that the switch holds and treats so at once, or OF_NO_BUFFER.  -EOPNOTSUPP for
 * what that version cannot say; then nothing is added. */
int of_put_flow_mod(Str *out, OfVersion version, OfCommand command, const OfFlow *flow,
                    uint32_t buffer, uint32_t xid, Err *err);

/* A request for the flows that @choice names; a cookie or its mask only in 1.3. */
int of_put_flows_request(Str *out, OfVersion version, const OfFlow *choice, uint32_t xid, Err *err);
/* Adds a reply's flows to the list, each to be cleared; *ret_more: another reply follows. */
int of_get_flows(const void *message, size_t size, OfFlow **list, size_t *n, bool *ret_more);

/* Sends a packet: @buffer, or @data if that is OF_NO_BUFFER. */
int of_put_packet_out(Str *out, OfVersion version, uint32_t buffer, uint32_t in_port,
                      const OfActions *actions, const void *data, size_t size, uint32_t xid,
                      Err *err);
