/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "base/auto.h"
#include "base/dbus_message.h"

#define VERSION       1
#define SIZE_MAX_SANE (1u << 20)
#define ENDIANNESS    (__BYTE_ORDER == __LITTLE_ENDIAN ? 'l' : 'B')

/* Header fields (D-Bus Specification, "Header Fields"). */
enum {
        FIELD_PATH = 1,
        FIELD_INTERFACE = 2,
        FIELD_MEMBER = 3,
        FIELD_ERROR_NAME = 4,
        FIELD_REPLY_SERIAL = 5,
        FIELD_DESTINATION = 6,
        FIELD_SENDER = 7,
        FIELD_SIGNATURE = 8,
        FIELD_UNIX_FDS = 9,
};

/* --- writing --- */

void dbus_begin(DbusMessage *m, const DbusCall *call) {
        *m = (DbusMessage){ .call = *call };
}

void dbus_clear(DbusMessage *m) {
        str_clear(&m->body);
}

static void align(Str *s, size_t alignment) {
        while (!s->failed && s->length % alignment != 0)
                str_put_char(s, 0);
}

static void put(Str *s, const void *value, size_t size) {
        align(s, size);
        str_put_bytes(s, value, size);
}

static void put_string(Str *s, const char *value) {
        uint32_t length = (uint32_t) strlen(value);

        put(s, &length, sizeof length);
        str_put_bytes(s, value, length + 1);
}

static void put_signature(Str *s, const char *signature) {
        str_put_char(s, (char) strlen(signature));
        str_put_bytes(s, signature, strlen(signature) + 1);
}

void dbus_put_byte(DbusMessage *m, uint8_t value) {
        put(&m->body, &value, sizeof value);
}

void dbus_put_u16(DbusMessage *m, uint16_t value) {
        put(&m->body, &value, sizeof value);
}

void dbus_put_u32(DbusMessage *m, uint32_t value) {
        put(&m->body, &value, sizeof value);
}

void dbus_put_bool(DbusMessage *m, bool value) {
        dbus_put_u32(m, value);
}

void dbus_put_u64(DbusMessage *m, uint64_t value) {
        put(&m->body, &value, sizeof value);
}

void dbus_put_double(DbusMessage *m, double value) {
        put(&m->body, &value, sizeof value);
}

void dbus_put_string(DbusMessage *m, const char *value) {
        put_string(&m->body, value);
}

void dbus_put_variant(DbusMessage *m, const char *signature) {
        put_signature(&m->body, signature);
}

void dbus_open_struct(DbusMessage *m) {
        align(&m->body, 8);
}

static DbusArray open_array(Str *s, size_t alignment) {
        uint32_t length = 0;
        DbusArray array;

        put(s, &length, sizeof length);
        array.length_at = s->length - sizeof length;
        align(s, alignment); /* which does not count */
        array.begin = s->length;
        return array;
}

static void close_array(Str *s, DbusArray array) {
        uint32_t length = (uint32_t) (s->length - array.begin);

        if (!s->failed)
                memcpy(s->text + array.length_at, &length, sizeof length);
}

DbusArray dbus_open_array(DbusMessage *m, size_t alignment) {
        return open_array(&m->body, alignment);
}

void dbus_close_array(DbusMessage *m, DbusArray array) {
        close_array(&m->body, array);
}

static void put_field(Str *s, uint8_t code, const char *signature, const char *value) {
        if (!value)
                return;
        align(s, 8);
        str_put_char(s, (char) code);
        put_signature(s, signature);
        if (*signature == 'g')
                put_signature(s, value);
        else
                put_string(s, value);
}

char *dbus_finish(const DbusMessage *m, uint32_t serial, size_t *ret_size) {
        uint32_t body_length = (uint32_t) m->body.length;
        DbusArray fields;
        autostr s = {};

        str_put_char(&s, ENDIANNESS);
        str_put_char(&s, DBUS_METHOD_CALL);
        str_put_char(&s, 0);
        str_put_char(&s, VERSION);
        put(&s, &body_length, sizeof body_length);
        put(&s, &serial, sizeof serial);
        fields = open_array(&s, 8);
        put_field(&s, FIELD_PATH, "o", m->call.path);
        put_field(&s, FIELD_INTERFACE, "s", m->call.interface);
        put_field(&s, FIELD_MEMBER, "s", m->call.member);
        put_field(&s, FIELD_DESTINATION, "s", m->call.destination);
        put_field(&s, FIELD_SIGNATURE, "g", m->call.signature);
        close_array(&s, fields);
        align(&s, 8);
        if (m->body.length > 0)
                str_put_bytes(&s, m->body.text, m->body.length);
        *ret_size = s.length;
        return m->body.failed ? NULL : str_take(&s);
}

/* --- reading --- */

static const char *get(DbusReceived *m, size_t alignment, size_t size) {
        size_t at = (m->at + alignment - 1) / alignment * alignment;

        if (m->failed || at > m->size || size > m->size - at) {
                m->failed = true;
                return NULL;
        }
        m->at = at + size;
        return m->bytes + at;
}

static uint8_t get_byte(DbusReceived *m) {
        const char *p = get(m, 1, 1);

        return p ? (uint8_t) *p : 0;
}

uint32_t dbus_get_u32(DbusReceived *m) {
        const char *p = get(m, 4, 4);
        uint32_t value = 0;

        if (p)
                memcpy(&value, p, sizeof value);
        return m->swapped ? __builtin_bswap32(value) : value;
}

/* @length bytes and the NUL behind them, and none among them. */
static const char *get_text(DbusReceived *m, uint32_t length) {
        const char *p = length < SIZE_MAX_SANE ? get(m, 1, (size_t) length + 1) : NULL;

        if (!p || strnlen(p, (size_t) length + 1) != length) {
                m->failed = true;
                return "";
        }
        return p;
}

const char *dbus_get_string(DbusReceived *m) {
        return get_text(m, dbus_get_u32(m));
}

const char *dbus_get_variant(DbusReceived *m) {
        return get_text(m, get_byte(m));
}

int dbus_size(const char prologue[DBUS_PROLOGUE], size_t *ret) {
        DbusReceived m = { .bytes = (char *) prologue, .size = DBUS_PROLOGUE, .at = 4 };
        uint64_t body, fields;

        if ((*prologue != 'l' && *prologue != 'B') || prologue[3] != VERSION)
                return -EBADMSG;
        m.swapped = *prologue != ENDIANNESS;
        body = dbus_get_u32(&m);
        (void) dbus_get_u32(&m); /* serial */
        fields = dbus_get_u32(&m);
        if (body + fields > SIZE_MAX_SANE)
                return -EMSGSIZE;
        *ret = (size_t) (DBUS_PROLOGUE + (fields + 7) / 8 * 8 + body);
        return 0;
}

static void get_field(DbusReceived *m) {
        uint8_t code;
        const char *signature, *text = NULL;
        uint32_t number = 0;

        (void) get(m, 8, 0);
        code = get_byte(m);
        signature = dbus_get_variant(m);
        if (str_equal(signature, "s") || str_equal(signature, "o"))
                text = dbus_get_string(m);
        else if (str_equal(signature, "g"))
                text = dbus_get_variant(m);
        else if (str_equal(signature, "u"))
                number = dbus_get_u32(m);
        else
                m->failed = true; /* no other is defined, and it could not be skipped */

        if (code == FIELD_INTERFACE)
                m->interface = text;
        else if (code == FIELD_MEMBER)
                m->member = text;
        else if (code == FIELD_ERROR_NAME)
                m->error = text;
        else if (code == FIELD_SIGNATURE)
                m->signature = text;
        else if (code == FIELD_REPLY_SERIAL)
                m->reply_serial = number;
}

int dbus_parse(char *bytes, size_t size, DbusReceived *ret) {
        autoreceived m = { .bytes = bytes, .size = size, .at = 12, .signature = "" };
        size_t whole, end;
        int r;

        if (size < DBUS_PROLOGUE)
                return -EBADMSG;
        r = dbus_size(bytes, &whole);
        if (r < 0 || whole != size)
                return -EBADMSG;
        m.type = (DbusType) bytes[1];
        m.swapped = *bytes != ENDIANNESS;
        end = dbus_get_u32(&m);
        end += m.at;
        while (!m.failed && m.at < end)
                get_field(&m);
        (void) get(&m, 8, 0);
        if (m.failed || !m.signature)
                return -EBADMSG;
        *ret = m;
        m.bytes = NULL;
        return 0;
}

void dbus_received_clear(DbusReceived *m) {
        free(m->bytes);
        *m = (DbusReceived){};
}
