/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * OpenFlow 1.0 and 1.3
 *
 * OpenFlow Switch Specification 1.0.0 (wire protocol 0x01) and 1.3.5 (0x04).  What differs between
 * the two ends in the codec: a caller has one set of structures, with the numbers of 1.3.
 *
 *   openflow.h   versions, messages by name, ports, messages without flows
 *   match.h      what packets a flow is for
 *   action.h     what is done with them
 *   flow.h       flows as text and as messages
 *   client.h     asking a switch
 *   controller.h being asked by switches
 *   relay.h      listening to another controller
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

typedef enum OfVersion {
        OF_10 = 0x01,
        OF_13 = 0x04,
} OfVersion;

/* A set of versions, as in the bitmap of a hello. */
#define OF_VERSIONS (1u << OF_10 | 1u << OF_13)

/* The numbers are those of 1.3; those from OF_GROUP_MOD on differ in 1.0. */
typedef enum OfType {
        OF_HELLO = 0,
        OF_ERROR = 1,
        OF_ECHO_REQUEST = 2,
        OF_ECHO_REPLY = 3,
        OF_EXPERIMENTER = 4,
        OF_FEATURES_REQUEST = 5,
        OF_FEATURES_REPLY = 6,
        OF_SET_CONFIG = 9,
        OF_PACKET_IN = 10,
        OF_FLOW_REMOVED = 11,
        OF_PORT_STATUS = 12,
        OF_PACKET_OUT = 13,
        OF_FLOW_MOD = 14,
        OF_GROUP_MOD = 15,
        OF_MULTIPART_REQUEST = 18, /* 1.0: stats */
        OF_MULTIPART_REPLY = 19,
        OF_BARRIER_REQUEST = 20,
        OF_BARRIER_REPLY = 21,
} OfType;

#define OF_HEADER      8
#define OF_MESSAGE_MAX 65535
#define OF_NO_BUFFER   UINT32_MAX
#define OF_TCP_PORT    6653

/* Port numbers with a meaning (1.3, 7.2.1). */
#define OF_PORT_MAX        0xffffff00u
#define OF_PORT_IN_PORT    0xfffffff8u
#define OF_PORT_TABLE      0xfffffff9u
#define OF_PORT_NORMAL     0xfffffffau
#define OF_PORT_FLOOD      0xfffffffbu
#define OF_PORT_ALL        0xfffffffcu
#define OF_PORT_CONTROLLER 0xfffffffdu
#define OF_PORT_LOCAL      0xfffffffeu
#define OF_PORT_ANY        0xffffffffu /* 1.0: none */

/* Reads "3", "local", "FLOOD"; -EINVAL. */
int of_port_parse(const char *text, uint32_t *ret);
/* "3", "LOCAL". */
void of_port_text(uint32_t port, Str *out);
/* 1.0 has ports of 16 bits. */
static inline uint32_t of_port_from_10(uint16_t port) {
        return port >= 0xff00 ? port | 0xffff0000u : port;
}
/* -ERANGE for a number between the two. */
int of_port_to_10(uint32_t port, uint16_t *ret);

typedef struct OfHeader {
        uint8_t version;
        OfType type; /* in 1.3's numbers */
        uint16_t length;
        uint32_t xid;
} OfHeader;

/* Reads the header at the beginning of @size bytes: -EAGAIN if there is not a whole message yet,
 * -EBADMSG for a length that cannot be. */
int of_header(const void *bytes, size_t size, OfHeader *ret);
/* "FLOW_MOD"; "type 99" for what has no name here, in @scratch. */
const char *of_type_name(OfType type, char scratch[16]);

/* Begins a message; returns where, for of_end(). */
size_t of_begin(Str *out, uint8_t version, OfType type, uint32_t xid);
/* Puts the length in; -EMSGSIZE beyond 65535, and then the message is taken back; -ENOMEM. */
int of_end(Str *out, size_t begin);

/* A message of a header alone: features request, barrier. */
int of_put_plain(Str *out, uint8_t version, OfType type, uint32_t xid);
/* With our versions as a bitmap, and the highest of them in the header. */
int of_put_hello(Str *out, unsigned versions, uint32_t xid);
int of_put_echo_reply(Str *out, const void *request, size_t size);
int of_put_error(Str *out, uint8_t version, uint32_t xid, uint16_t type, uint16_t code);
/* Whole packets are to come to the controller. */
int of_put_set_config(Str *out, uint8_t version, uint32_t xid);

/* The highest version that a hello and @versions have in common; -EPROTONOSUPPORT; -EBADMSG. */
int of_negotiate(const void *hello, size_t size, unsigned versions);

/* "OFPFMFC_OVERLAP" and its like in words: "flow mod failed: overlap".  Reads a whole error
 * message; owned by the caller; NULL without memory. */
char *of_error_words(const void *message, size_t size);

typedef struct OfPort {
        uint32_t number;
        uint8_t address[6];
        char name[17];
        bool down;      /* by configuration */
        bool link_down; /* no carrier */
        uint32_t speed; /* kbit/s, 0 unknown; 1.3 only */
} OfPort;

typedef struct OfFeatures {
        uint64_t dpid;
        uint32_t buffers;
        uint8_t tables;
        OfPort *ports; /* 1.0 only */
        size_t n_ports;
} OfFeatures;

void of_features_clear(OfFeatures *features);
/* Reads a whole message; -EBADMSG. */
int of_get_features(const void *message, size_t size, OfFeatures *ret);

typedef struct OfPortStats {
        uint32_t number;
        /* UINT64_MAX where the switch does not count. */
        uint64_t rx_packets, tx_packets, rx_bytes, tx_bytes, rx_dropped, tx_dropped, rx_errors,
                tx_errors;
} OfPortStats;

/* Of one port, or OF_PORT_ANY. */
int of_put_port_stats_request(Str *out, OfVersion version, uint32_t port, uint32_t xid);
/* Adds to the list; *ret_more says whether another reply follows. */
int of_get_port_stats(const void *message, size_t size, OfPortStats **list, size_t *n,
                      bool *ret_more);
/* 1.3's list of ports; 1.0 has it in the features. */
int of_put_ports_request(Str *out, uint32_t xid);
int of_get_ports(const void *message, size_t size, OfPort **list, size_t *n, bool *ret_more);

typedef enum OfPortChange {
        OF_PORT_ADDED,
        OF_PORT_DELETED,
        OF_PORT_MODIFIED,
} OfPortChange;

int of_get_port_status(const void *message, size_t size, OfPortChange *change, OfPort *port);

typedef struct OfPacketIn {
        uint32_t buffer; /* or OF_NO_BUFFER */
        uint32_t in_port;
        uint8_t reason, table;
        uint64_t cookie;     /* 1.3 only */
        const uint8_t *data; /* lies in the message */
        size_t size;
        uint16_t total; /* of the packet, of which the rest may be in the buffer */
} OfPacketIn;

int of_get_packet_in(const void *message, size_t size, OfPacketIn *ret);
