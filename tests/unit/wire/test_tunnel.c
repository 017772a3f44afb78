/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "base/auto.h"
#include "gso_frame.h"
#include "test.h"
#include "wire/gso.h"
#include "wire/tunnel.h"

#define LO "ip link set lo up"

static Frame *gso_frame(Pool *pool, bool ip6, uint32_t payload) {
        static uint8_t bytes[70000];
        size_t length = make_gso(bytes, ip6, false, payload) - FRAME_HEADER;
        Frame *f = pool_take(pool);

        f->head_length = (uint16_t) (length < FRAME_HEAD ? length : FRAME_HEAD);
        memcpy(f->data, bytes, FRAME_HEADER + f->head_length);
        f->rest_length = (uint32_t) (length - f->head_length);
        if (f->rest_length > 0) {
                f->rest = pool_take_rest(pool);
                memcpy(f->rest, bytes + FRAME_HEADER + f->head_length, f->rest_length);
        }
        return f;
}

/* Two ends on this machine, by addresses of the loopback. */
typedef struct Ends {
        Tunnel there, back;
        int a, b;
} Ends;

static Ends open_ends(const char *one, const char *other, uint32_t vni, uint32_t other_vni) {
        Address a, b;
        Ends e;

        expect(system(LO) == 0);
        expect_ok(addr_parse(one, &a));
        expect_ok(addr_parse(other, &b));
        expect_ok(tunnel_init(&e.there, &b, 4789, vni));
        expect_ok(tunnel_init(&e.back, &a, 4789, other_vni));
        e.a = expect_ok(tunnel_open(&b, &a, 4789, NULL));
        e.b = expect_ok(tunnel_open(&a, &b, 4789, NULL));
        return e;
}

static ssize_t take(const Ends *e, Frame *f, uint8_t *rest) {
        struct pollfd p = { .fd = e->b, .events = POLLIN };

        expect(poll(&p, 1, 5000) == 1);
        return tunnel_read(&e->back, e->b, f, rest);
}

/* Sends a GSO frame of @payload bytes; what arrives is what gso_piece() makes of it. */
static void cross(const char *one, const char *other, bool ip6, uint32_t payload) {
        Ends e = open_ends(one, other, 77, 77);
        Pool pool;
        Frame *f, *got;
        uint8_t *rest;
        Gso g;

        pool_init(&pool, 64 << 20);
        f = gso_frame(&pool, ip6, payload);
        got = pool_take(&pool);
        rest = pool_take_rest(&pool);
        g = gso_look(f);
        expect(g.n == (payload + SEGMENT - 1) / SEGMENT);
        expect_ok(tunnel_write(&e.there, e.a, &pool, f));
        for (uint32_t i = 0; i < g.n; i++) {
                Frame *piece = g.n > 1 ? gso_piece(&pool, f, &g, i, 1) : f;
                struct iovec parts[FRAME_PARTS];
                uint8_t bytes[2048];
                size_t length = 0;
                int n;

                frame_finish_checksum(piece);
                n = frame_parts(piece, parts);
                for (int k = 0; k < n; k++) {
                        memcpy(bytes + length, parts[k].iov_base, parts[k].iov_len);
                        length += parts[k].iov_len;
                }
                expect(take(&e, got, rest) == (ssize_t) length);
                expect(frame_header(got)->flags == 0 && frame_header(got)->gso_type == 0);
                expect(memcmp(bytes + FRAME_HEADER, frame_bytes(got), length - FRAME_HEADER) == 0);
                if (g.n > 1)
                        frame_release(&pool, piece);
        }
        frame_release(&pool, f);
        frame_release(&pool, got);
        pool_put_rest(&pool, rest);
        pool_clear(&pool);
        close(e.a);
        close(e.b);
}

TEST_IN(frames_cross, CLONE_NEWNET) {
        cross("127.0.0.1", "127.0.0.2", false, 1000);
        cross("127.0.0.1", "127.0.0.2", true, 5000);
        cross("127.0.0.1", "127.0.0.2", false, 60000); /* more than one call takes */
        cross("127.0.0.1", "127.0.0.2", true, 64000);
}

TEST_IN(frames_cross_by_ipv6, CLONE_NEWNET) {
        expect(system(LO
                      "; ip addr add fd00::1/64 dev lo nodad; ip addr add fd00::2/64 dev lo nodad") ==
               0);
        cross("fd00::1", "fd00::2", false, 30000);
}

TEST_IN(what_is_of_another_is_not_read, CLONE_NEWNET) {
        Ends e = open_ends("127.0.0.1", "127.0.0.2", 77, 78);
        Address stranger;
        Pool pool;
        Frame *f;
        uint8_t *rest;

        pool_init(&pool, 64 << 20);
        f = gso_frame(&pool, false, 500);
        rest = pool_take_rest(&pool);
        /* Another number. */
        expect_ok(tunnel_write(&e.there, e.a, &pool, f));
        expect(take(&e, f, rest) == -EBADMSG);
        expect(tunnel_read(&e.back, e.b, f, rest) == -EAGAIN);
        /* Another machine. */
        expect_ok(addr_parse("127.0.0.3", &stranger));
        expect_ok(tunnel_init(&e.back, &stranger, 4789, 77));
        frame_release(&pool, f);
        f = gso_frame(&pool, false, 500);
        expect_ok(tunnel_write(&e.there, e.a, &pool, f));
        expect(take(&e, f, rest) == -EBADMSG);
        /* No tunnel's. */
        expect(sendto(e.a, "short", 5, 0, (struct sockaddr *) &e.there.remote, e.there.size) == 5);
        expect(take(&e, f, rest) == -EBADMSG);
        frame_release(&pool, f);
        pool_put_rest(&pool, rest);
        pool_clear(&pool);
}

TEST_IN(a_port_that_is_taken_is_told, CLONE_NEWNET) {
        const Address any = { .family = AF_INET };
        Address remote;
        autoerr err = {};
        Tunnel t;
        int fd;

        expect(system(LO) == 0);
        expect_ok(addr_parse("127.0.0.2", &remote));
        fd = expect_ok(tunnel_open(&remote, &any, 4789, NULL));
        expect(tunnel_open(&remote, &any, 4789, &err) == -EADDRINUSE);
        expect(strstr(err.message, "cannot receive at 0.0.0.0, port 4789 of UDP"));
        expect(tunnel_init(&t, &remote, 4789, 0) == -EINVAL &&
               tunnel_init(&t, &remote, 4789, 1 << 24) == -EINVAL);
        close(fd);
}
