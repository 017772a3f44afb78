/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/pcapng.h"
#include "openflow/bytes.h"
#include "openflow/openflow.h"
#include "openflow/recorder.h"

#define SEGMENT_MAX 32768
#define CONTROLLER  0xc0000201u /* 192.0.2.1 (RFC 5737) */
#define SWITCHES    0xc6120000u /* 198.18.0.0/15 (RFC 2544) */
#define ADDRESSES   0x1ffffu
#define SWITCH_PORT 49152
#define IP_HEADER   20
#define TCP_HEADER  20
#define BLOCK       88 /* bytes of the file besides a segment's data */

enum {
        TCP_FIN = 1,
        TCP_SYN = 2,
        TCP_PSH = 8,
        TCP_ACK = 16,
};

struct Recorder {
        Pcapng *file;
        unsigned connections; /* so far */
        int error;            /* why nothing more is written */
        size_t written, limit;
};

struct Recorded {
        Recorder *recorder;
        unsigned number;
        int interface;    /* of the file */
        uint32_t sent[2]; /* the next sequence number of the controller and of the switch */
};

static void note(Recorder *recorder, int r) {
        if (r < 0 && !recorder->error) {
                recorder->error = r;
                log_warn("the control channel is recorded no further: %s", strerror(-r));
        }
}

int recorder_open(int fd, size_t limit, Recorder **ret, Err *err) {
        autoptr(Recorder) recorder = calloc(1, sizeof *recorder);
        int r;

        if (!recorder) {
                close_fd(fd);
                return fail(err, ENOMEM, "cannot record");
        }
        recorder->limit = limit ? limit : SIZE_MAX;
        r = pcapng_new(fd, &recorder->file, err);
        if (r >= 0)
                r = pcapng_flush(recorder->file);
        if (r < 0)
                return fail(err, r, "cannot record");
        *ret = take_ptr(recorder);
        return 0;
}

Recorder *recorder_free(Recorder *recorder) {
        if (recorder) {
                pcapng_free(recorder->file);
                free(recorder);
        }
        return NULL;
}

/* --- segments --- */

static uint32_t add_words(uint32_t sum, const void *data, size_t size) {
        const uint8_t *bytes = data;

        for (size_t i = 0; i < size; i += 2)
                sum += (uint32_t) bytes[i] << 8 | (i + 1 < size ? bytes[i + 1] : 0);
        return sum;
}

static uint16_t fold(uint32_t sum) {
        while (sum >> 16)
                sum = (sum & 0xffff) + (sum >> 16);
        return (uint16_t) ~sum;
}

static uint32_t address_of(const Recorded *c, bool controller) {
        return controller ? CONTROLLER : SWITCHES | ((c->number + 1) & ADDRESSES);
}

static void put_ip(Str *s, uint32_t from, uint32_t to, size_t payload) {
        size_t begin = s->length;

        of_put_u16(s, 0x4500);
        of_put_u16(s, (uint16_t) (IP_HEADER + payload));
        of_put_u16(s, 0);
        of_put_u16(s, 0x4000); /* not to be fragmented */
        of_put_u16(s, 64 << 8 | 6);
        of_put_u16(s, 0);
        of_put_u32(s, from);
        of_put_u32(s, to);
        if (!s->failed)
                of_patch_u16(s, begin + 10, fold(add_words(0, s->text + begin, IP_HEADER)));
}

static void put_tcp(Str *s, const Recorded *c, bool to_controller, unsigned flags, const void *data,
                    size_t size) {
        size_t begin = s->length, length = TCP_HEADER + size;

        of_put_u16(s, to_controller ? SWITCH_PORT : OF_TCP_PORT);
        of_put_u16(s, to_controller ? OF_TCP_PORT : SWITCH_PORT);
        of_put_u32(s, c->sent[to_controller]);
        of_put_u32(s, flags & TCP_ACK ? c->sent[!to_controller] : 0);
        of_put_u16(s, (uint16_t) (5 << 12 | flags));
        of_put_u16(s, UINT16_MAX);
        of_put_u32(s, 0);
        str_put_bytes(s, data, size);
        /* The sum is also over addresses, protocol and length (RFC 9293, 3.1). */
        if (!s->failed)
                of_patch_u16(
                        s, begin + 16,
                        fold(add_words(add_words(6 + (uint32_t) length, s->text + begin - 8, 8),
                                       s->text + begin, length)));
}

/* Each is one write(): a file that was cut off can be read up to there. */
static void write_segment(const Recorded *c, bool to_controller, const Str *s) {
        const struct iovec part = { s->text, s->length };
        Pcapng *file = c->recorder->file;
        int r = pcapng_packet(file, c->interface, clock_now_ns(),
                              to_controller ? PCAPNG_INBOUND : PCAPNG_OUTBOUND, &part, 1);

        note(c->recorder, r < 0 ? r : pcapng_flush(file));
}

static void put_segment(Recorded *c, bool to_controller, unsigned flags, const void *data,
                        size_t size) {
        Recorder *recorder = c->recorder;
        autostr s = {};

        if (recorder->written + size > recorder->limit)
                note(recorder, -EFBIG);
        if (recorder->error)
                return;
        recorder->written += size + BLOCK;
        put_ip(&s, address_of(c, !to_controller), address_of(c, to_controller), TCP_HEADER + size);
        put_tcp(&s, c, to_controller, flags, data, size);
        c->sent[to_controller] += (uint32_t) size + (flags & (TCP_SYN | TCP_FIN) ? 1 : 0);
        if (s.failed)
                note(recorder, -ENOMEM);
        else
                write_segment(c, to_controller, &s);
}

/* --- connections --- */

Recorded *recorder_connect(Recorder *recorder, const char *name) {
        Recorded *c = calloc(1, sizeof *c);

        if (!c)
                return NULL;
        *c = (Recorded){ recorder, recorder->connections++, 0, { 0, 0 } };
        if (!recorder->error) {
                c->interface = pcapng_add_interface(recorder->file, name, PCAPNG_RAW_IP, 0);
                note(recorder, c->interface);
        }
        put_segment(c, true, TCP_SYN, NULL, 0);
        put_segment(c, false, TCP_SYN | TCP_ACK, NULL, 0);
        put_segment(c, true, TCP_ACK, NULL, 0);
        return c;
}

void recorder_add(Recorded *connection, bool to_controller, const void *data, size_t size) {
        const char *at = data;

        while (connection && size > 0) {
                size_t n = size > SEGMENT_MAX ? SEGMENT_MAX : size;

                put_segment(connection, to_controller, TCP_PSH | TCP_ACK, at, n);
                at += n;
                size -= n;
        }
}

Recorded *recorder_disconnect(Recorded *connection) {
        if (connection) {
                put_segment(connection, true, TCP_FIN | TCP_ACK, NULL, 0);
                put_segment(connection, false, TCP_FIN | TCP_ACK, NULL, 0);
                put_segment(connection, true, TCP_ACK, NULL, 0);
                free(connection);
        }
        return NULL;
}
