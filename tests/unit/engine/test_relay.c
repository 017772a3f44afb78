/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <sys/pidfd.h>
#include <sys/socket.h>

#include "engine/protocol.h"
#include "engine/relay.h"
#include "test.h"

static pid_t spawn(int *ret_pidfd, void (*run)(int), int argument) {
        pid_t pid = fork();

        if (pid == 0) {
                run(argument);
                _exit(0);
        }
        *ret_pidfd = expect_ok(pidfd_open(pid, 0));
        return pid;
}

static void exit_with(int code) {
        _exit(code);
}

static void die_by(int signal) {
        raise(signal);
}

static void wait_for_signal(int fd) {
        sigset_t none;

        sigemptyset(&none);
        signal(SIGTERM, exit_with);
        sigprocmask(SIG_SETMASK, &none, NULL);
        expect(write(fd, "r", 1) == 1);
        for (;;)
                pause();
}

static int run(Relay *r) {
        RelayEnd how;
        int code;

        expect_ok(relay_run(r, &how, &code, NULL));
        return relay_result(how, code);
}

TEST(childs_exit_code_is_returned) {
        Relay r;

        relay_init(&r);
        spawn(&r.pidfd, exit_with, 7);
        expect(run(&r) == 7);
        relay_clear(&r);
}

TEST(childs_signal_is_returned_as_shells_do) {
        Relay r;

        relay_init(&r);
        spawn(&r.pidfd, die_by, SIGKILL);
        expect(run(&r) == 137);
        relay_clear(&r);
}

TEST(signal_for_us_is_the_childs) {
        int ends[2];
        Relay r;
        char c;

        relay_init(&r);
        r.proxy = true;
        expect_ok(relay_signals(&r));
        expect(pipe(ends) == 0);
        spawn(&r.pidfd, wait_for_signal, ends[1]);
        expect(read(ends[0], &c, 1) == 1);
        kill(getpid(), SIGTERM);
        expect(run(&r) == SIGTERM); /* its handler gets the number */
        relay_clear(&r);
}

TEST(what_is_in_the_pipe_at_the_end_is_not_lost) {
        int from[2], to[2];
        char got[8] = "";
        Relay r;

        relay_init(&r);
        expect(pipe2(from, O_NONBLOCK) == 0 && pipe(to) == 0);
        expect(write(from[1], "last", 4) == 4);
        r.output[0] = (RelayOutput){ from[0], to[1] };
        spawn(&r.pidfd, exit_with, 0);
        expect(run(&r) == 0);
        expect(read(to[0], got, sizeof got) == 4);
        expect_str(got, "last");
}

TEST(nobody_reading_us_is_an_outcome) {
        int from[2], to[2];
        Relay r;

        relay_init(&r);
        expect(pipe2(from, O_NONBLOCK) == 0 && pipe(to) == 0);
        expect(write(from[1], "x", 1) == 1);
        close(to[0]);
        r.output[0] = (RelayOutput){ from[0], to[1] };
        expect(run(&r) == 141);
}

TEST(monitor_tells_the_exit_code) {
        int pair[2];
        Relay r;

        relay_init(&r);
        expect(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
        r.socket = pair[0];
        expect_ok(frame_send_number(pair[1], FRAME_EXIT, 3));
        expect(run(&r) == 3);
}

TEST(monitor_that_vanishes_is_an_error_of_its_own) {
        autoerr err = {};
        RelayEnd how;
        int pair[2], code;
        Relay r;

        relay_init(&r);
        expect(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
        r.socket = pair[0];
        close(pair[1]);
        expect(relay_run(&r, &how, &code, &err) == -ECONNRESET);
        expect_str(err.message, "the connection to the container is lost");
}

TEST(monitors_reason_for_a_failed_start_arrives) {
        autoerr sent = {}, err = {};
        RelayEnd how;
        int pair[2], code;
        Relay r;

        relay_init(&r);
        expect(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
        r.socket = pair[0];
        refuse(&sent, ENOENT, "there is no program 'x'");
        expect_ok(frame_send(pair[1], FRAME_FAILED, NULL, 0, -EBADF, true));
        err_write(pair[1], &sent);
        expect(relay_run(&r, &how, &code, &err) == -ENOENT);
        expect_str(err.message, "there is no program 'x'");
}
