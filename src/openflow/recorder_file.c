/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "openflow/recorder_file.h"

enum {
        BLOCK_INTERFACE = 1,
        BLOCK_PACKET = 6,
        BLOCK_SECTION = 0x0a0d0d0a,
};

enum {
        OPTION_END = 0,
        OPTION_NAME = 2,
        OPTION_FLAGS = 2,
        OPTION_APPLICATION = 4,
        OPTION_RESOLUTION = 9,
};

#define BYTE_ORDER_MAGIC 0x1a2b3c4d
#define NANOSECONDS      9 /* 10^-9 */
#define LINK_RAW_IP      101
#define FLAG_IN          1
#define FLAG_OUT         2

/* Numbers are in the writer's byte order, which the section's head tells. */
static void put_u16(Str *s, uint16_t value) {
        str_put_bytes(s, &value, sizeof value);
}

static void put_u32(Str *s, uint32_t value) {
        str_put_bytes(s, &value, sizeof value);
}

static void put_padded(Str *s, const void *data, size_t size) {
        static const char zeros[4];

        str_put_bytes(s, data, size);
        str_put_bytes(s, zeros, (4 - size % 4) % 4);
}

static void put_option(Str *s, uint16_t code, const void *data, size_t size) {
        size = size > UINT16_MAX ? UINT16_MAX : size;
        put_u16(s, code);
        put_u16(s, (uint16_t) size);
        put_padded(s, data, size);
}

static void begin(Str *s, uint32_t type) {
        put_u32(s, type);
        put_u32(s, 0); /* the length, when it is known */
}

static int end(Str *s, int fd) {
        uint32_t length = (uint32_t) s->length + 4;

        put_u32(s, length);
        if (s->failed)
                return -ENOMEM;
        memcpy(s->text + 4, &length, sizeof length);
        return fd_write_all(fd, s->text, s->length);
}

int recorder_file_begin(int fd) {
        static const char application[] = "isola " ISOLA_VERSION;
        autostr s = {};

        begin(&s, BLOCK_SECTION);
        put_u32(&s, BYTE_ORDER_MAGIC);
        put_u16(&s, 1);
        put_u16(&s, 0);
        put_u32(&s, UINT32_MAX); /* the section's length is not known */
        put_u32(&s, UINT32_MAX);
        put_option(&s, OPTION_APPLICATION, application, sizeof application - 1);
        put_option(&s, OPTION_END, NULL, 0);
        return end(&s, fd);
}

int recorder_file_interface(int fd, const char *name) {
        static const uint8_t resolution = NANOSECONDS;
        autostr s = {};

        begin(&s, BLOCK_INTERFACE);
        put_u16(&s, LINK_RAW_IP);
        put_u16(&s, 0);
        put_u32(&s, 0); /* packets are kept whole */
        put_option(&s, OPTION_NAME, name, strlen(name));
        put_option(&s, OPTION_RESOLUTION, &resolution, sizeof resolution);
        put_option(&s, OPTION_END, NULL, 0);
        return end(&s, fd);
}

int recorder_file_packet(int fd, unsigned interface, int64_t time_ns, bool received,
                         const void *data, size_t size) {
        uint64_t time = (uint64_t) time_ns;
        uint32_t flags = received ? FLAG_IN : FLAG_OUT;
        autostr s = {};

        begin(&s, BLOCK_PACKET);
        put_u32(&s, interface);
        put_u32(&s, (uint32_t) (time >> 32));
        put_u32(&s, (uint32_t) time);
        put_u32(&s, (uint32_t) size);
        put_u32(&s, (uint32_t) size);
        put_padded(&s, data, size);
        put_option(&s, OPTION_FLAGS, &flags, sizeof flags);
        put_option(&s, OPTION_END, NULL, 0);
        return end(&s, fd);
}
