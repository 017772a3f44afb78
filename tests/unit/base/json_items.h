/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Types that the documents of the tests of JSON have in common. */

#include "base/json.h"

typedef struct Port {
        char *key;
        char **hosts;
} Port;
typedef struct Item {
        char *name;
        int64_t size;
        bool on;
} Item;

static const JsonField port_fields[] = { JSON_STRINGS(Port, hosts, ""), {} };
static const JsonType port_type = { sizeof(Port), port_fields };
static const JsonField item_fields[] = {
        JSON_STRING(Item, name, "name", JSON_REQUIRED),
        JSON_I64(Item, size, "size"),
        JSON_BOOL(Item, on, "on"),
        {},
};
static const JsonType item_type = { sizeof(Item), item_fields };
