/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>

#include "base/pcapng.h"

#define BUFFER           (1 << 20)
#define SECTION_HEADER   0x0a0d0d0a
#define BYTE_ORDER_MAGIC 0x1a2b3c4d
#define INTERFACE_BLOCK  1
#define STATISTICS_BLOCK 5
#define PACKET_BLOCK     6
#define OPTION_END       0
#define SHB_USERAPPL     4
#define IF_NAME          2
#define IF_TSRESOL       9
#define EPB_FLAGS        2
#define ISB_IFRECV       4
#define ISB_IFDROP       5
#define NAME_MAX_BYTES   255
#define LAST_WAIT_MS     1000

typedef struct PcapngInterface {
        uint32_t snaplen;
        uint64_t received, lost;
} PcapngInterface;

struct Pcapng {
        int fd, error;
        size_t length; /* in the buffer */
        PcapngInterface *interfaces;
        int n_interfaces;
        uint8_t buffer[BUFFER];
};

/* ---- bytes ---- */

static void put(Pcapng *p, const void *bytes, size_t n) {
        memcpy(p->buffer + p->length, bytes, n);
        p->length += n;
}

static void put16(Pcapng *p, uint16_t value) {
        put(p, &value, sizeof value);
}

static void put32(Pcapng *p, uint32_t value) {
        put(p, &value, sizeof value);
}

static void pad(Pcapng *p, size_t n) {
        put(p, "\0\0\0", (4 - n % 4) % 4);
}

static void put_option(Pcapng *p, uint16_t code, const void *value, size_t n) {
        put16(p, code);
        put16(p, (uint16_t) n);
        put(p, value, n);
        pad(p, n);
}

static void end_options(Pcapng *p) {
        put16(p, OPTION_END);
        put16(p, 0);
}

/* The high half comes first, whatever the order of bytes. */
static void put_time(Pcapng *p, int64_t time_ns) {
        put32(p, (uint32_t) ((uint64_t) time_ns >> 32));
        put32(p, (uint32_t) time_ns);
}

static size_t begin_block(Pcapng *p, uint32_t type) {
        size_t at = p->length;

        put32(p, type);
        put32(p, 0);
        return at;
}

static void end_block(Pcapng *p, size_t at) {
        uint32_t length = (uint32_t) (p->length + sizeof length - at);

        put32(p, length);
        memcpy(p->buffer + at + 4, &length, sizeof length);
}

/* Whether there is room for so many bytes, once what can be written has been. */
static bool has_room(Pcapng *p, size_t n) {
        if (p->length + n > BUFFER)
                (void) pcapng_flush(p);
        return p->length + n <= BUFFER;
}

/* ---- blocks ---- */

int pcapng_new(int fd, Pcapng **ret, Err *err) {
        static const char application[] = "isola " ISOLA_VERSION;
        Pcapng *p = calloc(1, sizeof *p);
        size_t block;

        if (!p) {
                (void) close_fd(fd);
                return fail(err, ENOMEM, "cannot begin a capture");
        }
        p->fd = fd;
        block = begin_block(p, SECTION_HEADER);
        put32(p, BYTE_ORDER_MAGIC);
        put16(p, 1);
        put16(p, 0);
        put32(p, UINT32_MAX); /* the section's length: not known, 64 bits */
        put32(p, UINT32_MAX);
        put_option(p, SHB_USERAPPL, application, sizeof application - 1);
        end_options(p);
        end_block(p, block);
        *ret = p;
        return 0;
}

int pcapng_add_interface(Pcapng *p, const char *name, PcapngLink link, uint32_t snaplen) {
        static const uint8_t nanoseconds = 9;
        size_t length = strnlen(name, NAME_MAX_BYTES), block;

        PcapngInterface *all;

        if (!has_room(p, length + 64))
                return p->error < 0 ? p->error : -ENOBUFS;
        all = reallocarray(p->interfaces, (size_t) p->n_interfaces + 1, sizeof *all);
        if (!all)
                return -ENOMEM;
        p->interfaces = all;
        block = begin_block(p, INTERFACE_BLOCK);
        put16(p, (uint16_t) link);
        put16(p, 0);
        put32(p, snaplen);
        put_option(p, IF_NAME, name, length);
        put_option(p, IF_TSRESOL, &nanoseconds, 1);
        end_options(p);
        end_block(p, block);
        all[p->n_interfaces] = (PcapngInterface){ .snaplen = snaplen ? snaplen : UINT32_MAX };
        return p->n_interfaces++;
}

static void put_packet(Pcapng *p, const struct iovec *parts, int n, uint32_t kept) {
        uint32_t left = kept;

        for (int i = 0; i < n && left > 0; i++) {
                uint32_t here = parts[i].iov_len < left ? (uint32_t) parts[i].iov_len : left;

                put(p, parts[i].iov_base, here);
                left -= here;
        }
        pad(p, kept);
}

int pcapng_packet(Pcapng *p, int interface, int64_t time_ns, PcapngDirection direction,
                  const struct iovec *parts, int n) {
        uint32_t length = 0, kept, flags = direction;
        size_t block;

        if (p->error < 0)
                return p->error;
        for (int i = 0; i < n; i++)
                length += (uint32_t) parts[i].iov_len;
        kept = p->interfaces[interface].snaplen;
        if (length < kept)
                kept = length;
        p->interfaces[interface].received++;
        if (!has_room(p, kept + 64UL)) {
                p->interfaces[interface].lost++;
                return p->error < 0 ? p->error : -EAGAIN;
        }
        block = begin_block(p, PACKET_BLOCK);
        put32(p, (uint32_t) interface);
        put_time(p, time_ns);
        put32(p, kept);
        put32(p, length);
        put_packet(p, parts, n, kept);
        put_option(p, EPB_FLAGS, &flags, sizeof flags);
        end_options(p);
        end_block(p, block);
        return 0;
}

int pcapng_flush(Pcapng *p) {
        size_t done = 0;

        while (done < p->length && p->error == 0) {
                ssize_t n = write(p->fd, p->buffer + done, p->length - done);

                if (n > 0)
                        done += (size_t) n;
                else if (n < 0 && errno == EAGAIN)
                        break;
                else if (n < 0 && errno != EINTR)
                        p->error = -errno;
        }
        memmove(p->buffer, p->buffer + done, p->length - done);
        p->length -= done;
        return p->error;
}

size_t pcapng_waiting(const Pcapng *p) {
        return p->length;
}

uint64_t pcapng_lost(const Pcapng *p) {
        uint64_t lost = 0;

        for (int i = 0; i < p->n_interfaces; i++)
                lost += p->interfaces[i].lost;
        return lost;
}

/* ---- the end ---- */

static int flush_all(Pcapng *p) {
        struct pollfd poll_fd = { .fd = p->fd, .events = POLLOUT };
        int r = pcapng_flush(p);

        while (r == 0 && p->length > 0) {
                if (poll(&poll_fd, 1, LAST_WAIT_MS) == 0)
                        return -EAGAIN;
                r = pcapng_flush(p);
        }
        return r;
}

int pcapng_finish(Pcapng *p, int64_t time_ns) {
        int r = flush_all(p);

        for (int i = 0; r == 0 && i < p->n_interfaces; i++) {
                size_t block;

                if (!has_room(p, 64) && (r = flush_all(p)) < 0)
                        break;
                block = begin_block(p, STATISTICS_BLOCK);
                put32(p, (uint32_t) i);
                put_time(p, time_ns);
                put_option(p, ISB_IFRECV, &p->interfaces[i].received, 8);
                put_option(p, ISB_IFDROP, &p->interfaces[i].lost, 8);
                end_options(p);
                end_block(p, block);
        }
        if (r == 0)
                r = flush_all(p);
        pcapng_free(p);
        return r;
}

Pcapng *pcapng_free(Pcapng *p) {
        if (p) {
                (void) close_fd(p->fd);
                free(p->interfaces);
        }
        free(p);
        return NULL;
}
