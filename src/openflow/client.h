/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Asking a switch
 *
 * A connection to a switch that listens, as Open vSwitch does at BRIDGE.mgmt: one request at a
 * time, each with a limit for its time.  What the switch says by itself (packets, ports) is passed
 * over; its echo requests are answered.
 */

#include "base/auto.h"
#include "base/err.h"
#include "openflow/flow.h"

typedef struct OfClient OfClient;

/**
 * of_client_open() - connect and agree on a version
 * @target:	"unix:PATH", "tcp:ADDRESS[:PORT]" with a numeric address, IPv6 in brackets
 * @versions:	those that will do, OF_VERSIONS or 1 << OF_13
 * @timeout_ms:	for each call
 *
 * After a failed call that is not a refusal of the switch's (-EREMOTEIO, -EOPNOTSUPP) the
 * connection is of no more use.
 *
 * Return: 0; -EINVAL for a target that cannot be; an errno of connect(2); -EPROTONOSUPPORT if there
 * is no version in common; -ETIMEDOUT; -EBADMSG; -ECONNRESET.
 */
int of_client_open(const char *target, unsigned versions, int timeout_ms, OfClient **ret, Err *err);
OfClient *of_client_free(OfClient *client);
DEFINE_AUTOPTR(OfClient, of_client_free)

OfVersion of_client_version(const OfClient *client);

/* To be cleared; .ports is filled with either version. */
int of_client_features(OfClient *client, OfFeatures *ret, Err *err);
/* Of one port or OF_PORT_ANY; the list is the caller's.  A port that is not there may be told by an
 * empty list (as Open vSwitch does) or by a refusal. */
int of_client_port_stats(OfClient *client, uint32_t port, OfPortStats **ret, size_t *ret_n,
                         Err *err);

typedef struct OfFlows {
        OfFlow *list;
        size_t n;
} OfFlows;

#define autoflows __attribute__((__cleanup__(of_flows_clear))) OfFlows

void of_flows_clear(OfFlows *flows);
/* Those that @choice names; unordered. */
int of_client_flows(OfClient *client, const OfFlow *choice, OfFlows *ret, Err *err);

/**
 * of_client_change() - add, change or remove flows
 * @flows:	all with the same command, sent at once
 *
 * Returns when the switch has dealt with all of them.  It goes on after one that it refuses: the
 * error is about the first such.
 *
 * Return: 0; -EREMOTEIO with the switch's reason; -EOPNOTSUPP for what the version cannot say, and
 * then nothing was sent; as of_client_open().
 */
int of_client_change(OfClient *client, OfCommand command, const OfFlow *flows, size_t n, Err *err);

/* Sends a packet as if it had come in by a port. */
int of_client_packet_out(OfClient *client, uint32_t in_port, const OfActions *actions,
                         const void *data, size_t size, Err *err);
