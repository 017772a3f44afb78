/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "wire/frame.h"

#define MAPPING        (1 << 20)
#define RESTS_KEPT     256 /* that stay in memory while they are free */
#define FRAMES_MAPPING (MAPPING / FRAME_SLOT)
#define RESTS_MAPPING  (MAPPING / FRAME_REST)
#define ETHERNET       14

_Static_assert(offsetof(Frame, packet) == 0, "a Packet is where its Frame is");
_Static_assert(sizeof(struct virtio_net_hdr) == FRAME_HEADER, "without buffers' number");
_Static_assert(FRAME_HEAD >= 1522, "an Ethernet frame with a VLAN's tag fits into a slot");

void pool_init(Pool *pool, uint64_t limit) {
        *pool = (Pool){ .limit = limit };
}

void pool_clear(Pool *pool) {
        for (size_t i = 0; i < pool->n_mappings; i++)
                munmap(pool->mappings[i], MAPPING);
        free(pool->mappings);
        free(pool->free_rests);
        *pool = (Pool){};
}

static void *map(Pool *pool) {
        void **more, *memory;

        if (pool->bytes + MAPPING > pool->limit)
                return NULL;
        more = reallocarray(pool->mappings, pool->n_mappings + 1, sizeof *more);
        if (!more)
                return NULL;
        pool->mappings = more;
        memory = mmap(NULL, MAPPING, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
                return NULL;
        pool->mappings[pool->n_mappings++] = memory;
        pool->bytes += MAPPING;
        return memory;
}

Frame *pool_take(Pool *pool) {
        Frame *f = pool->free_frames;

        if (!f) {
                uint8_t *memory = map(pool);

                if (!memory)
                        return NULL;
                for (size_t i = FRAMES_MAPPING; i-- > 0;) {
                        f = (Frame *) (memory + i * FRAME_SLOT);
                        f->parent = pool->free_frames;
                        pool->free_frames = f;
                }
        }
        pool->free_frames = f->parent;
        f->parent = NULL;
        f->rest = NULL;
        f->rest_length = 0;
        f->head_length = 0;
        f->refs = 1;
        return f;
}

uint8_t *pool_take_rest(Pool *pool) {
        if (pool->n_free_rests == 0) {
                uint8_t **more = pool->free_rests, *memory;

                /* Room for all that there are, so that putting one back never fails. */
                more = reallocarray(more, pool->room_rests + RESTS_MAPPING, sizeof *more);
                if (!more)
                        return NULL;
                pool->free_rests = more;
                memory = map(pool);
                if (!memory)
                        return NULL;
                pool->room_rests += RESTS_MAPPING;
                for (size_t i = RESTS_MAPPING; i-- > 0;)
                        pool->free_rests[pool->n_free_rests++] = memory + i * FRAME_REST;
        }
        return pool->free_rests[--pool->n_free_rests];
}

void pool_put_rest(Pool *pool, uint8_t *rest) {
        if (pool->n_free_rests >= RESTS_KEPT)
                (void) madvise(rest, FRAME_REST, MADV_DONTNEED);
        pool->free_rests[pool->n_free_rests++] = rest;
}

void frame_release(Pool *pool, Frame *f) {
        while (f && --f->refs == 0) {
                Frame *parent = f->parent;

                if (f->rest)
                        pool_put_rest(pool, f->rest);
                f->parent = pool->free_frames;
                pool->free_frames = f;
                f = parent;
        }
}

/* The payload of a piece is partly in its parent's head, partly in the rest. */
static int payload_parts(const Frame *f, struct iovec *parts) {
        uint32_t from = f->payload, length = f->payload_length, head = f->parent->head_length;
        int n = 0;

        if (from < head) {
                uint32_t here = head - from < length ? head - from : length;

                parts[n++] = (struct iovec){ frame_bytes(f->parent) + from, here };
                from += here;
                length -= here;
        }
        if (length > 0)
                parts[n++] = (struct iovec){ f->parent->rest + (from - head), length };
        return n;
}

int frame_parts(Frame *f, struct iovec parts[FRAME_PARTS]) {
        parts[0] = (struct iovec){ f->data, FRAME_HEADER + (size_t) f->head_length };
        if (f->parent)
                return 1 + payload_parts(f, parts + 1);
        if (f->rest_length == 0)
                return 1;
        parts[1] = (struct iovec){ f->rest, f->rest_length };
        return 2;
}

/* Adds up 16-bit words of network order (RFC 1071); @odd: the part begins with a word's second
 * byte. */
static uint64_t add_up(uint64_t sum, const uint8_t *p, size_t n, bool odd) {
        if (odd && n > 0) {
                sum += *p++;
                n--;
        }
        for (; n >= 2; p += 2, n -= 2)
                sum += (uint32_t) p[0] << 8 | p[1];
        if (n > 0)
                sum += (uint32_t) *p << 8;
        return sum;
}

static uint16_t fold(uint64_t sum) {
        while (sum >> 16)
                sum = (sum & 0xffff) + (sum >> 16);
        return (uint16_t) sum;
}

void frame_finish_checksum(Frame *f) {
        struct virtio_net_hdr *header = frame_header(f);
        size_t skip = FRAME_HEADER + (size_t) header->csum_start, at = header->csum_start;
        struct iovec parts[FRAME_PARTS];
        uint64_t sum = 0;
        bool odd = false;
        uint16_t check;
        int n;

        if (!(header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
                return;
        header->flags &= (uint8_t) ~VIRTIO_NET_HDR_F_NEEDS_CSUM;
        at += header->csum_offset;
        if (at + 2 > f->head_length)
                return;
        n = frame_parts(f, parts);
        for (int i = 0; i < n; i++) {
                size_t from = skip < parts[i].iov_len ? skip : parts[i].iov_len;
                size_t length = parts[i].iov_len - from;

                skip -= from;
                sum = add_up(sum, (uint8_t *) parts[i].iov_base + from, length, odd);
                odd ^= length & 1;
        }
        check = (uint16_t) ~fold(sum);
        if (check == 0)
                check = 0xffff; /* the same number, and not UDP's "none" */
        frame_bytes(f)[at] = (uint8_t) (check >> 8);
        frame_bytes(f)[at + 1] = (uint8_t) check;
}

void frame_flip(Frame *f, uint64_t choice) {
        uint32_t length = frame_length(f);
        struct iovec parts[FRAME_PARTS];
        uint64_t bit;
        size_t byte;
        int n = frame_parts(f, parts);

        if (length <= ETHERNET)
                return;
        bit = choice % ((length - ETHERNET) * 8ULL);
        byte = FRAME_HEADER + ETHERNET + bit / 8;
        for (int i = 0; i < n; i++) {
                if (byte < parts[i].iov_len) {
                        ((uint8_t *) parts[i].iov_base)[byte] ^= (uint8_t) (1 << bit % 8);
                        return;
                }
                byte -= parts[i].iov_len;
        }
}
