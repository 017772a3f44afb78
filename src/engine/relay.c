/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "base/file.h"
#include "engine/protocol.h"
#include "engine/relay.h"
#include "kernel/process.h"

/* What a foreground command passes on.  Not among them: job control (it stops the command, not the
 * container), and SIGPIPE and SIGCHLD, which are about the command itself. */
static const int passed_on[] = { SIGHUP,  SIGINT,  SIGQUIT, SIGTERM,
                                 SIGUSR1, SIGUSR2, SIGALRM, SIGWINCH };

enum { SOCKET, PIDFD, SIGNALS, SOURCE, INPUT, OUTPUT, N_POLL = OUTPUT + 2 };

void relay_init(Relay *r) {
        r->socket = r->pidfd = r->signals = r->source = r->input = -EBADF;
        r->tty = r->proxy = r->masked = false;
        r->keys = (DetachKeys){};
        r->mode = TERM_MODE_NONE;
        for (size_t i = 0; i < 2; i++)
                r->output[i] = (RelayOutput){ -EBADF, -EBADF };
        r->held = r->held_from = 0;
        r->buffer = NULL;
}

void relay_clear(Relay *r) {
        term_restore(&r->mode);
        r->socket = close_fd(r->socket);
        r->pidfd = close_fd(r->pidfd);
        r->signals = close_fd(r->signals);
        r->input = close_fd(r->input);
        free(take_ptr(r->buffer));
        if (r->masked)
                (void) sigprocmask(SIG_SETMASK, &r->saved_mask, NULL);
        r->masked = false;
}

int relay_signals(Relay *r) {
        sigset_t set;

        sigemptyset(&set);
        for (size_t i = 0; i < sizeof passed_on / sizeof *passed_on; i++)
                sigaddset(&set, passed_on[i]);
        if (sigprocmask(SIG_BLOCK, &set, &r->saved_mask) < 0)
                return -errno;
        r->masked = true;
        r->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        return r->signals < 0 ? -errno : 0;
}

int exit_code_of(const siginfo_t *info) {
        return info->si_code == CLD_EXITED ? info->si_status : 128 + info->si_status;
}

int relay_raw(Relay *r, Err *err) {
        int code;

        if (!r->tty || r->source < 0 || r->mode.fd >= 0)
                return 0;
        code = term_make_raw(r->source, &r->mode);
        return code < 0 ? fail(err, code, "cannot put the terminal into raw mode") : 0;
}

/* There is a terminal on the other side now. */
static int begin_tty(Relay *r, Err *err) {
        if (r->tty)
                (void) term_copy_size(isatty(STDOUT_FILENO) ? STDOUT_FILENO : STDIN_FILENO,
                                      r->input);
        return relay_raw(r, err);
}

/* The end of the input: a pipe is closed, a terminal stays. */
static void end_input(Relay *r) {
        r->source = -EBADF;
        r->held = r->held_from = 0;
        if (!r->tty)
                r->input = close_fd(r->input);
}

/* Writes what is held back, as far as the program takes it. */
static void push_input(Relay *r) {
        while (r->held > 0) {
                ssize_t n = write(r->input, r->buffer + r->held_from, r->held);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        return;
                if (n < 0) { /* the program closed its end */
                        end_input(r);
                        return;
                }
                r->held_from += (size_t) n;
                r->held -= (size_t) n;
        }
}

/* Returns true if the user typed the detach keys. */
static bool pass_input(Relay *r) {
        char typed[RELAY_CHUNK];
        bool detach = false;
        ssize_t n;

        if (!r->buffer)
                r->buffer = malloc(RELAY_CHUNK + DETACH_KEYS_MAX);
        if (!r->buffer) {
                end_input(r);
                return false;
        }
        n = read(r->source, typed, sizeof typed);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
                return false;
        if (n <= 0) {
                end_input(r);
                return false;
        }
        r->held_from = 0;
        if (r->mode.fd >= 0) { /* keys are typed at a terminal only: pipes are binary */
                detach = detach_keys_filter(&r->keys, typed, (size_t) n, r->buffer, &r->held);
        } else {
                memcpy(r->buffer, typed, (size_t) n);
                r->held = (size_t) n;
        }
        push_input(r);
        return detach;
}

/* What nohup or a shell's background job ignores stays ignored.  (One that is blocked arrives all
 * the same.) */
static bool is_ignored(int number) {
        struct sigaction action;

        return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

/* Returns false if a signal was meant for this command, which has outlived it. */
static bool pass_signal(Relay *r) {
        struct signalfd_siginfo info;

        while (read(r->signals, &info, sizeof info) == sizeof info) {
                int number = (int) info.ssi_signo;

                if (is_ignored(number))
                        continue;
                if (number == SIGWINCH) {
                        if (r->tty && r->input >= 0)
                                (void) term_copy_size(isatty(STDOUT_FILENO) ? STDOUT_FILENO
                                                                            : STDIN_FILENO,
                                                      r->input);
                        continue;
                }
                if (!r->proxy) {
                        /* It is meant for us: let it do what it does, the terminal in order. */
                        relay_clear(r);
                        (void) raise(number);
                        return false;
                }
                if (r->socket >= 0)
                        (void) frame_send_number(r->socket, FRAME_SIGNAL, number);
                else if (r->pidfd >= 0)
                        (void) pidfd_send_signal(r->pidfd, number, NULL, 0);
        }
        return true;
}

/* Copies what is there; closes the source at its end.  -EPIPE if nobody reads us. */
static int pass_output(RelayOutput *o) {
        char data[RELAY_CHUNK];
        ssize_t n;
        int r;

        n = read(o->from, data, sizeof data);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
                return 0;
        if (n <= 0) { /* a terminal without a user says EIO */
                o->from = close_fd(o->from);
                return 0;
        }
        r = fd_write_all(o->to, data, (size_t) n);
        if (r < 0)
                o->from = close_fd(o->from);
        return r;
}

typedef struct Outcome {
        bool ended;
        RelayEnd how;
        int code;
} Outcome;

static void end(Outcome *o, RelayEnd how, int code) {
        *o = (Outcome){ true, how, code };
}

static int take_frame(Relay *r, Outcome *o, Err *err) {
        Frame frame;
        autoclose int fd = -EBADF;
        int got;

        got = frame_recv(r->socket, &frame, &fd);
        if (got == -EAGAIN)
                return 0;
        if (got < 0)
                return fail(err, got, "cannot hear from the container's monitor");
        if (got == 0)
                return err_hint(err,
                                refuse(err, ECONNRESET, "the connection to the container is lost"),
                                "its monitor was killed, or more came out than could be written; "
                                "'isola attach' connects again");

        switch (frame.type) {
        case FRAME_STARTED:
                if (fd >= 0) {
                        close_fd(r->input);
                        r->input = take_fd(fd);
                }
                return begin_tty(r, err);
        case FRAME_STDOUT:
        case FRAME_STDERR:
                if (fd_write_all(r->output[frame.type == FRAME_STDERR].to, frame.bytes,
                                 frame.size) == -EPIPE)
                        end(o, RELAY_BROKEN, 0);
                return 0;
        case FRAME_BROKEN:
                end(o, RELAY_BROKEN, 0);
                return 0;
        case FRAME_EXIT:
                end(o, RELAY_EXITED, frame.number);
                return 0;
        case FRAME_FAILED:
                got = err_read(r->socket, err);
                return got < 0 ? got : refuse(err, EPROTO, "the monitor failed without a reason");
        case FRAME_HELLO:
        case FRAME_SIGNAL:
        case FRAME_STOPPING:
        case FRAME_KEEP:
        case FRAME_CHANGED:
                break;
        }
        return 0;
}

/* A child has ended: its code, after what it still had to say. */
static int reap(Relay *r, Outcome *o, Err *err) {
        siginfo_t info = {};

        for (size_t i = 0; i < 2; i++) {
                struct pollfd p = { .fd = r->output[i].from, .events = POLLIN };

                /* Only what is there already: a child left behind may keep the pipe open. */
                while (p.fd >= 0 && poll(&p, 1, 0) > 0) {
                        if (pass_output(&r->output[i]) < 0)
                                break;
                        p.fd = r->output[i].from;
                }
        }
        if (process_reap(r->pidfd, &info) < 0)
                return fail(err, errno, "cannot wait for the program");
        end(o, RELAY_EXITED, exit_code_of(&info));
        return 0;
}

static void fill(const Relay *r, struct pollfd p[N_POLL]) {
        bool wanted = r->source >= 0 && r->input >= 0 && r->held == 0;

        /* poll(2) ignores descriptors below zero. */
        p[SOCKET] = (struct pollfd){ .fd = r->socket, .events = POLLIN };
        p[PIDFD] = (struct pollfd){ .fd = r->pidfd, .events = POLLIN };
        p[SIGNALS] = (struct pollfd){ .fd = r->signals, .events = POLLIN };
        p[SOURCE] = (struct pollfd){ .fd = wanted ? r->source : -1, .events = POLLIN };
        p[INPUT] = (struct pollfd){ .fd = r->held > 0 ? r->input : -1, .events = POLLOUT };
        for (size_t i = 0; i < 2; i++)
                p[OUTPUT + i] = (struct pollfd){ .fd = r->output[i].from, .events = POLLIN };
}

/* Deals with what is ready, in an order in which nothing that came before the end is lost. */
static int turn(Relay *r, const struct pollfd p[N_POLL], Outcome *o, Err *err) {
        if (p[SIGNALS].revents && !pass_signal(r))
                end(o, RELAY_DETACHED, 0);
        if (p[INPUT].revents)
                push_input(r);
        if (p[SOURCE].revents && r->source >= 0 && pass_input(r))
                end(o, RELAY_DETACHED, 0);
        for (size_t i = 0; i < 2 && !o->ended; i++)
                if (p[OUTPUT + i].revents && pass_output(&r->output[i]) == -EPIPE)
                        end(o, RELAY_BROKEN, 0);
        if (o->ended)
                return 0;
        if (p[SOCKET].revents)
                return take_frame(r, o, err);
        return p[PIDFD].revents ? reap(r, o, err) : 0;
}

static int loop(Relay *r, Outcome *o, Err *err) {
        int code = 0;

        if (r->input >= 0)
                code = begin_tty(r, err);
        while (code >= 0 && !o->ended) {
                struct pollfd p[N_POLL];

                fill(r, p);
                if (poll(p, N_POLL, -1) >= 0)
                        code = turn(r, p, o, err);
                else if (errno != EINTR)
                        code = fail(err, errno, "cannot wait for the program");
        }
        return code;
}

int relay_run(Relay *r, RelayEnd *ret, int *ret_code, Err *err) {
        struct sigaction ignore = { .sa_handler = SIG_IGN }, saved;
        bool writes =
                r->socket >= 0 || r->input >= 0 || r->output[0].from >= 0 || r->output[1].from >= 0;
        Outcome o = {};
        int code;

        /* That nobody reads what we write is an answer here, not our end. */
        if (writes && sigaction(SIGPIPE, &ignore, &saved) < 0)
                return fail(err, errno, "cannot ignore SIGPIPE");
        code = loop(r, &o, err);
        if (writes)
                (void) sigaction(SIGPIPE, &saved, NULL);
        term_restore(&r->mode);
        if (code < 0)
                return code;

        *ret = o.how;
        *ret_code = o.code;
        return 0;
}

int relay_result(RelayEnd how, int code) {
        switch (how) {
        case RELAY_EXITED:
                return code;
        case RELAY_BROKEN:
                return 128 + SIGPIPE;
        case RELAY_DETACHED:
                break;
        }
        return -1;
}
