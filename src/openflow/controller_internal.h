/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* controller.c has connections and bytes, controller_switch.c what is said over them. */

#include "base/str.h"
#include "openflow/controller.h"
#include "openflow/mac_table.h"

#define CONTROLLER_AGEING_MS 300000
#define CONTROLLER_IDLE      60

typedef struct Switch Switch;

struct Switch {
        OfController *controller;
        Switch *next, *previous;
        int fd;
        char *name;
        Recorded *recorded;
        Str in, out;     /* bytes that came and are no whole message yet; that are to be sent */
        size_t sent;     /* of .out */
        uint32_t events; /* that epoll(7) waits for */
        uint32_t xid;
        uint8_t version; /* 0 until both have said hello */
        bool ended;      /* to be closed once all is sent */
        uint64_t dpid;
        MacTable *stations;
};

struct OfController {
        OfControllerOptions options;
        int epoll;
        struct Listener *listeners;
        size_t n_listeners;
        bool paused; /* no descriptors are left for switches that connect */
        Switch *switches;
        uint64_t packets, flows;
};

/* Says hello. */
int switch_begin(Switch *s);
/* Deals with one whole message, answers go to .out; negative errno ends the connection. */
int switch_message(Switch *s, const char *message, size_t size);
