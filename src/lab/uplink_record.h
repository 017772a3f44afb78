/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What is written down of an uplink before it is attached. */

#include "lab/lab.h"
#include "netlink/link_keep.h"

typedef struct UplinkRecord {
        int version;
        char *kind;
        char *node, *uplink; /* names, as the topology has them */
        char *interface;     /* in the node's network namespace */
        char *guest;         /* of a nat: the host's end */
        char *device;        /* of a nic: the host's name for it; as below, of nothing else */
        int index;
        int inside;     /* its index in the node, once it is there */
        char *hardware; /* MAC address, in hexadecimal digits */
        uint32_t mtu;
        bool up;
        char *messages; /* LinkKept.messages, in hexadecimal digits */
} UplinkRecord;

void uplink_record_clear(UplinkRecord *r);
#define autouplinkrecord __attribute__((__cleanup__(uplink_record_clear))) UplinkRecord

/* Writes one, whose names are borrowed; @kept: NULL for what is no interface of the host's. */
int uplink_record_save(const Lab *lab, const UplinkRecord *r, const LinkKept *kept, Err *err);
/* Reads one by the name of its file; -ENOENT. */
int uplink_record_load(const Lab *lab, const char *name, UplinkRecord *ret, Err *err);
/* What the host's interface was like, of a record that has one. */
int uplink_record_kept(const UplinkRecord *r, LinkKept *ret, Err *err);
/* Names of the files. */
int uplink_record_list(const Lab *lab, char ***ret, Err *err);
/* NODE and UPLINK are names. */
char *uplink_record_name(const char *node, const char *uplink);
