/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * D-Bus messages as bytes
 *
 * A message is a header and a body; values lie in the body one after the other,
 * each aligned to its own size, and the signature says what they are (D-Bus
 * Specification, "Marshaling (Wire Format)").
 *
 *         dbus_begin(&m, &call);
 *         dbus_put_string(&m, "a.scope");
 *         array = dbus_open_array(&m, 8);
 *         … dbus_open_struct(&m); dbus_put_string(&m, …); dbus_put_variant(&m, "b"); …
 *         dbus_close_array(&m, array);
 *
 * Writing and reading are sticky: memory that runs out, or bytes that are not
 * there, are remembered and reported once, by dbus_finish() and by
 * dbus_read_ok().  Nobody checks that values match the signature that was
 * given: that is a constant of the same function.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

typedef enum DbusType {
        DBUS_METHOD_CALL = 1,
        DBUS_METHOD_RETURN = 2,
        DBUS_ERROR = 3,
        DBUS_SIGNAL = 4,
} DbusType;

/* What is called; @signature is of all values in the body, NULL if there are none. */
typedef struct DbusCall {
        const char *destination, *path, *interface, *member, *signature;
} DbusCall;

typedef struct DbusMessage {
        DbusCall call;
        Str body;
} DbusMessage;

#define autodbus __attribute__((__cleanup__(dbus_clear))) DbusMessage

void dbus_begin(DbusMessage *m, const DbusCall *call);
void dbus_clear(DbusMessage *m);
void dbus_put_bool(DbusMessage *m, bool value);
void dbus_put_byte(DbusMessage *m, uint8_t value);
void dbus_put_u16(DbusMessage *m, uint16_t value);
void dbus_put_u32(DbusMessage *m, uint32_t value);
void dbus_put_u64(DbusMessage *m, uint64_t value);
void dbus_put_double(DbusMessage *m, double value);
/* Also for object paths. */
void dbus_put_string(DbusMessage *m, const char *value);
/* The value of that signature follows. */
void dbus_put_variant(DbusMessage *m, const char *signature);
void dbus_open_struct(DbusMessage *m);

typedef struct DbusArray {
        size_t length_at, begin;
} DbusArray;
/* @alignment: of its elements: 8 for structs, 4 for strings and numbers, 1 for bytes. */
DbusArray dbus_open_array(DbusMessage *m, size_t alignment);
void dbus_close_array(DbusMessage *m, DbusArray array);

/* Header and body as they are sent; owned by the caller; NULL without memory. */
char *dbus_finish(const DbusMessage *m, uint32_t serial, size_t *ret_size);

/* A message that came, with what matters of its header; the strings lie in .bytes. */
typedef struct DbusReceived {
        char *bytes;
        size_t size;
        DbusType type;
        uint32_t reply_serial;
        const char *interface, *member, *error, *signature;
        size_t at; /* where dbus_get_…() reads next */
        bool swapped, failed;
} DbusReceived;

#define autoreceived __attribute__((__cleanup__(dbus_received_clear))) DbusReceived

#define DBUS_PROLOGUE 16 /* bytes of a header that say how long the whole is */
/* Size of the message that begins so; -EBADMSG for what is none, -EMSGSIZE beyond a megabyte. */
int dbus_size(const char prologue[DBUS_PROLOGUE], size_t *ret);
/* Reads the header; takes @bytes over, also on failure; -EBADMSG. */
int dbus_parse(char *bytes, size_t size, DbusReceived *ret);
void dbus_received_clear(DbusReceived *m);

uint32_t dbus_get_u32(DbusReceived *m);
/* Also object paths; "" if there is none; lies in the message. */
const char *dbus_get_string(DbusReceived *m);
/* Begins a variant; its signature. */
const char *dbus_get_variant(DbusReceived *m);
static inline bool dbus_read_ok(const DbusReceived *m) {
        return !m->failed;
}
