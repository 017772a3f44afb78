/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A relay, a switch and a controller of a few bytes, in one process. */

#include <poll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "openflow/relay.h"
#include "openflow/target.h"
#include "test.h"

#define HELLO "\4\0\0\10\0\0\0\1"

typedef struct Line {
        OfRelay *relay;
        Recorder *recorder;
        char *record;
        int listener; /* the controller's */
        int switch_, controller;
} Line;

static void line_clear(Line *line) {
        of_relay_free(line->relay);
        recorder_free(line->recorder);
        free(line->record);
}

#define autoline __attribute__((__cleanup__(line_clear))) Line

static int64_t later(void) {
        return clock_monotonic_ms() + 60000;
}

static Line start(void) {
        char directory[64];
        autofree char *front = NULL, *back = NULL;
        Line line = { .controller = -1 };
        autoerr err = {};
        int listener;

        snprintf(directory, sizeof directory, TEST_DIRECTORY, getpid());
        expect(mkdir(directory, 0700) == 0);
        front = str_format("unix:%s/front", directory);
        back = str_format("unix:%s/back", directory);
        line.record = str_format("%s/record", directory);
        expect_ok(recorder_open(open(line.record, O_WRONLY | O_CREAT | O_CLOEXEC, 0600), 0,
                                &line.recorder, NULL));
        line.listener = expect_ok(target_listen(back, NULL));
        expect_well(of_relay_new(back, line.recorder, &line.relay, &err), err);
        listener = expect_ok(target_listen(front, NULL));
        expect_ok(of_relay_listen(line.relay, listener, "s1", NULL));
        line.switch_ = expect_ok(target_connect(front, later(), NULL));
        expect_ok(of_relay_step(line.relay));
        line.controller = accept(line.listener, NULL, NULL);
        expect(line.controller >= 0);
        return line;
}

static void pass(const Line *line, int from, int to, const char *bytes, size_t size) {
        char got[256];

        expect(send(from, bytes, size, 0) == (ssize_t) size);
        expect_ok(of_relay_step(line->relay));
        expect(recv(to, got, sizeof got, MSG_DONTWAIT) == (ssize_t) size);
        expect(memcmp(got, bytes, size) == 0);
}

static char *recorded(Line *line, size_t *ret_size) {
        char *bytes;

        line->relay = of_relay_free(line->relay);
        line->recorder = recorder_free(line->recorder);
        expect_ok(file_read(AT_FDCWD, line->record, 1 << 20, &bytes, ret_size));
        return bytes;
}

/* How often the bytes are in the file; each frame has them after its two headers. */
static unsigned count(const char *bytes, size_t size, const char *wanted, size_t n) {
        unsigned times = 0;

        for (const char *at = bytes; (at = memmem(at, size - (size_t) (at - bytes), wanted, n));
             at++)
                times++;
        return times;
}

TEST(bytes_pass_both_ways_and_messages_are_recorded) {
        autoline line = start();
        autofree char *bytes = NULL;
        size_t size;

        pass(&line, line.switch_, line.controller, HELLO, 8);
        pass(&line, line.controller, line.switch_, HELLO, 8);
        /* In pieces, which pass at once, but are one frame. */
        pass(&line, line.switch_, line.controller, "\4\2\0\14\0\0\0\7wh", 10);
        pass(&line, line.switch_, line.controller, "at\4\2", 4);
        bytes = recorded(&line, &size);
        expect(count(bytes, size, HELLO, 8) == 2);
        expect(count(bytes, size, "\4\2\0\14\0\0\0\7what", 12) == 1);
}

TEST(what_is_no_openflow_passes_too) {
        autoline line = start();
        autofree char *bytes = NULL;
        size_t size;

        pass(&line, line.switch_, line.controller, "\0\0\0\0\0\0\0\0", 8);
        pass(&line, line.switch_, line.controller, "hello", 5);
        pass(&line, line.controller, line.switch_, HELLO, 8);
        bytes = recorded(&line, &size);
        expect(count(bytes, size, "hello", 5) == 1 && count(bytes, size, HELLO, 8) == 1);
}

static void expect_ended(const Line *line, int s) {
        char byte;

        expect_ok(of_relay_step(line->relay));
        expect_ok(of_relay_step(line->relay));
        expect(recv(s, &byte, 1, MSG_DONTWAIT) == 0);
}

TEST(end_of_one_is_the_end_of_the_other) {
        autoline line = start();

        close(line.switch_);
        expect_ended(&line, line.controller);
}

TEST(controllers_end_ends_the_switchs_connection) {
        autoline line = start();

        close(line.controller);
        expect_ended(&line, line.switch_);
}

/* More than the socket holds is still under way when the switch ends. */
TEST(what_was_said_before_the_end_arrives) {
        autoline line = start();
        static char much[1 << 20], got[65536];
        size_t sent = 0, arrived = 0;
        struct pollfd idle = { .fd = of_relay_fd(line.relay), .events = POLLIN };
        ssize_t n;

        while (sent < sizeof much) {
                n = send(line.switch_, much + sent, sizeof much - sent, MSG_DONTWAIT);
                sent += n > 0 ? (size_t) n : 0;
                expect_ok(of_relay_step(line.relay));
        }
        close(line.switch_);
        for (int i = 0; i < 1000 && poll(&idle, 1, 0) > 0; i++)
                expect_ok(of_relay_step(line.relay));
        expect(poll(&idle, 1, 0) == 0); /* it waits, and does not spin */
        while ((n = recv(line.controller, got, sizeof got, MSG_DONTWAIT)) != 0) {
                arrived += n > 0 ? (size_t) n : 0;
                expect_ok(of_relay_step(line.relay));
        }
        expect(arrived == sizeof much);
}

TEST(controller_that_is_not_there_ends_the_switchs_connection) {
        autoline line = start();
        char directory[64], byte;
        autofree char *front = NULL;
        int other;

        snprintf(directory, sizeof directory, TEST_DIRECTORY, getpid());
        front = str_format("unix:%s/front", directory);
        close(line.listener);
        other = expect_ok(target_connect(front, later(), NULL));
        expect_ok(of_relay_step(line.relay));
        expect(recv(other, &byte, 1, MSG_DONTWAIT) == 0);
        pass(&line, line.switch_, line.controller, HELLO, 8);
}

TEST_IN(tcp_controller_that_refuses_ends_the_switchs_connection, CLONE_NEWNET) {
        char directory[64], byte;
        autofree char *front = NULL;
        autoptr(OfRelay) relay = NULL;
        struct pollfd p = { .events = POLLIN };
        int s, listener;

        snprintf(directory, sizeof directory, TEST_DIRECTORY, getpid());
        expect(mkdir(directory, 0700) == 0);
        front = str_format("unix:%s/front", directory);
        expect_ok(of_relay_new("tcp:127.0.0.1:1", NULL, &relay, NULL)); /* lo is down as well */
        listener = expect_ok(target_listen(front, NULL));
        expect_ok(of_relay_listen(relay, listener, "s1", NULL));
        s = expect_ok(target_connect(front, later(), NULL));
        p.fd = s;
        for (int i = 0; i < 100 && poll(&p, 1, 0) == 0; i++)
                expect_ok(of_relay_step(relay));
        expect(recv(s, &byte, 1, MSG_DONTWAIT) == 0);
}
