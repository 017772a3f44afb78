/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* controller.c has connections and bytes, controller_switch.c what is said over them. */

#include "base/str.h"
#include "openflow/channel.h"
#include "openflow/controller.h"
#include "openflow/mac_table.h"

#define CONTROLLER_AGEING_MS 300000
#define CONTROLLER_IDLE      60

typedef struct Switch Switch;

struct Switch {
        OfController *controller;
        Switch *next, *previous;
        Channel channel;
        char *name;
        Recorded *recorded;
        Str in; /* bytes that came and are no whole message yet */
        uint32_t xid;
        uint8_t version; /* 0 until both have said hello */
        bool ended;      /* to be closed once all is sent */
        uint64_t dpid;
        MacTable *stations;
};

struct OfController {
        OfControllerOptions options;
        ChannelServer server;
        Switch *switches;
        uint64_t packets, flows;
};

/* Says hello. */
int switch_begin(Switch *s);
/* Deals with one whole message, answers go to .channel.out; negative errno ends the connection. */
int switch_message(Switch *s, const char *message, size_t size);
