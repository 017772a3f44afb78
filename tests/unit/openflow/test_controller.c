/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A controller and a switch of a few bytes, in one process: each step is deterministic. */

#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/str.h"
#include "hex.h"
#include "openflow/controller.h"
#include "openflow/flow.h"
#include "openflow/target.h"

#define A      "020000000001"
#define B      "020000000002"
#define COOKIE "00000069736f6c61"

typedef struct Pair {
        OfController *controller;
        int s;
        char *path;
} Pair;

static void pair_clear(Pair *pair) {
        of_controller_free(pair->controller);
        free(pair->path);
        close_fd(pair->s);
}

#define autopair __attribute__((__cleanup__(pair_clear))) Pair

static Pair start(const OfControllerOptions *options) {
        char directory[64];
        autofree char *target = NULL;
        Pair pair;
        autoerr err = {};
        int listener;

        snprintf(directory, sizeof directory, TEST_DIRECTORY, getpid());
        expect(mkdir(directory, 0700) == 0);
        target = str_format("unix:%s/socket", directory);
        listener = expect_ok(target_listen(target, NULL));
        expect_well(of_controller_new(options, &pair.controller, &err), err);
        expect_well(of_controller_listen(pair.controller, listener, "s1", &err), err);
        pair.s = expect_ok(target_connect(target, clock_monotonic_ms() + 60000, NULL));
        pair.path = take_ptr(target);
        return pair;
}

/* Tells the controller, lets it work, and returns what it answers. */
static Str talk(const Pair *pair, const char *hex) {
        uint8_t bytes[4096], answer[65536];
        size_t n = from_hex(hex, bytes, sizeof bytes);
        Str out = {};
        ssize_t got;

        expect(n == 0 || send(pair->s, bytes, n, MSG_NOSIGNAL) == (ssize_t) n);
        expect_ok(of_controller_step(pair->controller));
        got = recv(pair->s, answer, sizeof answer, MSG_DONTWAIT);
        expect(got >= 0 || errno == EAGAIN || errno == ECONNRESET);
        str_put_bytes(&out, answer, got > 0 ? (size_t) got : 0);
        return out;
}

static void expect_talk(const Pair *pair, const char *hex, const char *wanted) {
        autostr out = talk(pair, hex);

        expect_bytes(&out, wanted);
}

/* Up to where packets come. */
static Pair greet_13(const OfControllerOptions *options) {
        Pair pair = start(options);

        expect_talk(&pair, "", "04000010 00000001 0001 0008 00000012");
        expect_talk(&pair, "04000010 00000001 0001 0008 00000012",
                    "04050008 00000002 0409000c 00000003 0000 ffff "
                    "040e0038 00000004 " COOKIE " ffffffffffffffff ff 03 0000 0000 8000 ffffffff "
                    "ffffffff ffffffff 0000 0000 0001 0004 00000000 "
                    "040e0050 00000005 " COOKIE " 0000000000000000 00 00 0000 0000 0000 ffffffff "
                    "ffffffff ffffffff 0000 0000 0001 0004 00000000 "
                    "0004 0018 00000000 0000 0010 fffffffd ffff 000000000000");
        expect_talk(&pair,
                    "04060020 00000002 000000000000001a 00000000 fe 00 0000 00000000 00000000", "");
        return pair;
}

/* A packet from a port: destination, source, the rest. */
#define PACKET_IN(port, to, from, rest)                                                   \
        "040a0038 00000000 ffffffff 0010 00 00 0000000000000000 0001 000c 80000004 " port \
        " 00000000 0000 " to from rest

#define FLOOD(xid, port, to, from, rest)  \
        "040d0036 " xid " ffffffff " port \
        " 0010 000000000000 0000 0010 fffffffb 0000 000000000000 " to from rest

#define OUTPUT(xid, port, to_port, to, from, rest)                                \
        "040d0036 " xid " ffffffff " port " 0010 000000000000 0000 0010 " to_port \
        " 0000 000000000000 " to from rest

#define TYPE "88b5"

TEST(switch_is_greeted_and_told_to_send_what_no_flow_is_for) {
        autopair pair = greet_13(&(OfControllerOptions){});
        OfControllerStatus status = of_controller_status(pair.controller);

        expect(status.switches == 1 && status.packets == 0);
        pair.controller = of_controller_free(pair.controller);
        expect(recv(pair.s, &status, sizeof status, MSG_DONTWAIT) == 0);
}

TEST(unknown_is_flooded_and_known_gets_a_flow) {
        autopair pair = greet_13(&(OfControllerOptions){ .idle_timeout = 30 });
        OfControllerStatus status;

        expect_talk(&pair, PACKET_IN("00000001", B, A, TYPE),
                    FLOOD("00000006", "00000001", B, A, TYPE));
        expect_talk(&pair, PACKET_IN("00000002", A, B, TYPE),
                    "040e0070 00000007 " COOKIE " 0000000000000000 00 00 001e 0000 0064 ffffffff "
                    "ffffffff ffffffff 0000 0000 "
                    "0001 0026 80000004 00000002 80000606 " A " 80000806 " B " 80000c02 0000 0000 "
                    "0004 0018 00000000 0000 0010 00000001 0000 000000000000 " OUTPUT(
                            "00000008", "00000002", "00000001", A, B, TYPE));
        status = of_controller_status(pair.controller);
        expect(status.packets == 2 && status.flows == 1 && status.stations == 2);
}

TEST(broadcast_is_flooded_though_its_sender_is_known) {
        autopair pair = greet_13(&(OfControllerOptions){});

        expect_talk(&pair, PACKET_IN("00000001", "ffffffffffff", A, TYPE),
                    FLOOD("00000006", "00000001", "ffffffffffff", A, TYPE));
        expect_talk(&pair, PACKET_IN("00000001", "ffffffffffff", A, TYPE),
                    FLOOD("00000007", "00000001", "ffffffffffff", A, TYPE));
}

TEST(what_is_for_its_own_port_for_bridges_or_made_up_goes_nowhere) {
        autopair pair = greet_13(&(OfControllerOptions){});

        expect_talk(&pair, PACKET_IN("00000001", B, A, TYPE),
                    FLOOD("00000006", "00000001", B, A, TYPE));
        expect_talk(&pair, PACKET_IN("00000001", A, B, TYPE), "");
        expect_talk(&pair, PACKET_IN("00000001", "0180c2000000", A, TYPE), "");
        expect_talk(&pair, PACKET_IN("00000001", A, "ffffffffffff", TYPE), "");
        expect(of_controller_status(pair.controller).stations == 2);
}

TEST(station_that_moves_takes_its_flows_along) {
        autopair pair = greet_13(&(OfControllerOptions){});

        expect_talk(&pair, PACKET_IN("00000001", "ffffffffffff", A, TYPE),
                    FLOOD("00000006", "00000001", "ffffffffffff", A, TYPE));
        expect_talk(
                &pair, PACKET_IN("00000003", "ffffffffffff", A, TYPE),
                "040e0048 00000007 " COOKIE " ffffffffffffffff ff 03 0000 0000 8000 ffffffff "
                "ffffffff ffffffff 0000 0000 0001 0014 80000606 " A
                " 80000c02 0000 00000000 " FLOOD("00000008", "00000003", "ffffffffffff", A, TYPE));
}

TEST(port_that_goes_takes_its_flows_along) {
        autopair pair = greet_13(&(OfControllerOptions){});

        expect_talk(&pair, PACKET_IN("00000001", "ffffffffffff", A, TYPE),
                    FLOOD("00000006", "00000001", "ffffffffffff", A, TYPE));
        expect_talk(&pair,
                    "040c0050 00000000 02 00000000000000 00000001 00000000 020000000009 0000 "
                    "61000000000000000000000000000000 00000000 00000001 00000000 00000000 00000000 "
                    "00000000 00000000 00000000",
                    "040e0038 00000007 " COOKIE " ffffffffffffffff ff 03 0000 0000 8000 ffffffff "
                    "00000001 ffffffff 0000 0000 0001 0004 00000000");
        expect(of_controller_status(pair.controller).stations == 0);
        expect_talk(&pair, PACKET_IN("00000002", A, B, TYPE),
                    FLOOD("00000008", "00000002", A, B, TYPE));
}

/* With two bytes of data after the tag, for the lengths above. */
TEST(vlans_are_kept_apart) {
        autopair pair = greet_13(&(OfControllerOptions){});
        autostr flood = talk(&pair,
                             "040a003c 00000000 ffffffff 0012 00 00 0000000000000000 0001 000c "
                             "80000004 00000001 00000000 0000 " B A "8100 0005 88b5"),
                other = talk(&pair,
                             "040a003c 00000000 ffffffff 0012 00 00 0000000000000000 0001 000c "
                             "80000004 00000002 00000000 0000 " A B "8100 0006 88b5"),
                same = talk(&pair,
                            "040a003c 00000000 ffffffff 0012 00 00 0000000000000000 0001 000c "
                            "80000004 00000002 00000000 0000 " A B "8100 0005 88b5");
        OfHeader header;

        expect(of_header(flood.text, flood.length, &header) == 0 && header.type == OF_PACKET_OUT);
        expect(of_header(other.text, other.length, &header) == 0 && header.type == OF_PACKET_OUT);
        expect(of_header(same.text, same.length, &header) == 0 && header.type == OF_FLOW_MOD);
}

TEST(packet_that_the_switch_holds_goes_with_the_flow) {
        autopair pair = greet_13(&(OfControllerOptions){});
        autostr flow = {};
        OfHeader header;

        expect_talk(&pair, PACKET_IN("00000001", B, A, TYPE),
                    FLOOD("00000006", "00000001", B, A, TYPE));
        flow = talk(&pair,
                    "040a0038 00000000 00000077 0040 00 00 0000000000000000 0001 000c 80000004 "
                    "00000002 00000000 0000 " A B TYPE);
        expect(of_header(flow.text, flow.length, &header) == 0 && header.type == OF_FLOW_MOD);
        expect(flow.length == header.length); /* and no packet-out */
        expect(memcmp(flow.text + 32, "\0\0\0\x77", 4) == 0);
}

TEST(switch_of_1_0_is_served_as_well) {
        autopair pair = start(&(OfControllerOptions){});

        expect_talk(&pair, "", "04000010 00000001 0001 0008 00000012");
        expect_talk(&pair, "01000008 00000001", "01050008 00000002 0109000c 00000003 0000 ffff");
        expect_talk(&pair, "010a0020 00000000 ffffffff 000e 0001 00 00 " B A TYPE,
                    "010d0026 00000004 ffffffff 0001 0008 0000 0008 fffb 0000 " B A TYPE);
        expect_talk(&pair, "010a0020 00000000 ffffffff 000e 0002 00 00 " A B TYPE,
                    "010e0050 00000005 003ffff0 0002 " B A
                    " ffff 00 00 0000 00 00 0000 00000000 00000000 0000 0000 " COOKIE
                    " 0000 003c 0000 0064 ffffffff ffff 0000 0000 0008 0001 0000 "
                    "010d0026 00000006 ffffffff 0002 0008 0000 0008 0001 0000 " A B TYPE);
}

TEST(echo_is_answered_before_and_after_the_greeting) {
        autopair pair = start(&(OfControllerOptions){});

        expect_talk(&pair, "", "04000010 00000001 0001 0008 00000012");
        expect_talk(&pair, "0402000a 00000007 6869", "0403000a 00000007 6869");
}

TEST(pieces_of_messages_are_put_together) {
        autopair pair = start(&(OfControllerOptions){});

        expect_talk(&pair, "", "04000010 00000001 0001 0008 00000012");
        expect_talk(&pair, "0402", "");
        expect_talk(&pair, "000a 00000007 68", "");
        expect_talk(&pair, "69 0402000800000008 04", "0403000a 00000007 6869 04030008 00000008");
        expect_talk(&pair, "02000800000009", "04030008 00000009");
}

static void expect_end(const char *hex, const char *last) {
        autopair pair = greet_13(&(OfControllerOptions){});
        char byte;

        expect_talk(&pair, hex, last);
        expect(recv(pair.s, &byte, 1, MSG_DONTWAIT) == 0 || errno == ECONNRESET);
        expect(of_controller_status(pair.controller).switches == 0);
}

TEST(switch_that_talks_nonsense_is_let_go) {
        expect_end("04000004 00000000", "");
}

TEST(switch_that_changes_its_version_is_let_go) {
        expect_end("010a0020 00000000 ffffffff 000e 0001 00 00 " B A TYPE, "");
}

TEST(packet_cut_off_ends_the_connection) {
        expect_end("040a0018 00000000 ffffffff 0010 00 00 0000000000000000", "");
}

TEST(switch_without_a_common_version_is_told) {
        autopair pair = start(&(OfControllerOptions){});
        char byte;

        expect_talk(&pair, "", "04000010 00000001 0001 0008 00000012");
        expect_talk(&pair, "06000010 00000001 0001 0008 00000040", "0401000c 00000002 0000 0000");
        expect(recv(pair.s, &byte, 1, MSG_DONTWAIT) == 0);
}

TEST(who_is_no_switch_is_not_waited_for) {
        autopair pair = start(&(OfControllerOptions){});
        char byte;

        expect_talk(&pair, "", "04000010 00000001 0001 0008 00000012");
        expect_talk(&pair, "474554202f20485454502f312e310d0a", ""); /* GET / HTTP/1.1 */
        expect(recv(pair.s, &byte, 1, MSG_DONTWAIT) == 0 || errno == ECONNRESET);
}

TEST(others_go_on_when_one_is_let_go) {
        autopair pair = greet_13(&(OfControllerOptions){});
        int other = expect_ok(target_connect(pair.path, clock_monotonic_ms() + 60000, NULL));
        OfControllerStatus status;

        expect_ok(of_controller_step(pair.controller));
        expect(send(other, "GET / HTTP/1.1\r\n", 16, 0) == 16);
        expect_ok(of_controller_step(pair.controller));
        expect_talk(&pair, "04020008 00000001", "04030008 00000001");
        status = of_controller_status(pair.controller);
        expect(status.switches == 1);
        close(other);
        expect_ok(of_controller_step(pair.controller));
        expect_talk(&pair, "04020008 00000002", "04030008 00000002");
}

/* The switch does not read; the controller stops listening to it and keeps what it owes. */
TEST(switch_that_takes_nothing_is_not_listened_to) {
        autopair pair = greet_13(&(OfControllerOptions){});
        static char echo[32768] = "\4\2\200\0\0\0\0\1";
        struct pollfd p = { .fd = of_controller_fd(pair.controller), .events = POLLIN };
        static char answer[32768];
        size_t asked = 0, answered = 0;
        ssize_t n;

        /* Until neither takes any more: a bound, else this would not end. */
        while (asked < (1u << 30)) {
                n = send(pair.s, echo + asked % sizeof echo, sizeof echo - asked % sizeof echo,
                         MSG_DONTWAIT);
                asked += n > 0 ? (size_t) n : 0;
                expect_ok(of_controller_step(pair.controller));
                if (n < 0 && poll(&p, 1, 0) == 0)
                        break;
        }
        expect(asked < (16u << 20));
        while (answered < asked / sizeof echo * sizeof echo) {
                n = recv(pair.s, answer, sizeof answer, MSG_DONTWAIT);
                answered += n > 0 ? (size_t) n : 0;
                expect_ok(of_controller_step(pair.controller));
        }
        expect(answered == asked / sizeof echo * sizeof echo);
}

TEST(connections_beyond_the_limit_wait_for_one_that_ends) {
        const struct rlimit limit = { 24, 24 };
        autopair pair = greet_13(&(OfControllerOptions){});
        int sockets[40], n = 0;

        for (; n < 6; n++)
                sockets[n] =
                        expect_ok(target_connect(pair.path, clock_monotonic_ms() + 60000, NULL));
        expect(setrlimit(RLIMIT_NOFILE,
                         &(struct rlimit){ (rlim_t) sockets[5] + 1, limit.rlim_max }) == 0);
        expect_ok(of_controller_step(pair.controller));
        expect(poll(&(struct pollfd){ of_controller_fd(pair.controller), POLLIN, 0 }, 1, 0) == 0);
        pair.s = close_fd(pair.s);
        expect_ok(of_controller_step(pair.controller)); /* the end */
        expect_ok(of_controller_step(pair.controller)); /* the next */
        expect(recv(sockets[0], &(char[64]){ 0 }, 64, MSG_DONTWAIT) == 16);
        end_unchecked(); /* the leak checker needs descriptors, too */
}

TEST(loop_ends_when_it_is_told_to) {
        autopair pair = start(&(OfControllerOptions){});
        int ends[2];

        expect(pipe(ends) == 0 && close(ends[1]) == 0);
        expect_ok(of_controller_run(pair.controller, ends[0], NULL));
}
