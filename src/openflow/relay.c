/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/log.h"
#include "openflow/channel.h"
#include "openflow/openflow.h"
#include "openflow/relay.h"
#include "openflow/target.h"

#define EVENTS 64

typedef struct Pair Pair;

/* A connection of the two. */
typedef struct Side {
        Pair *pair;
        Channel channel;
        Str said;      /* what came and was not recorded yet: no whole message */
        bool ended;    /* nothing more comes */
        bool unframed; /* it is no OpenFlow */
} Side;

struct Pair {
        OfRelay *relay;
        Pair *next, *previous;
        Recorded *recorded;
        Side switch_, controller;
};

struct OfRelay {
        ChannelServer server;
        char *target;
        Recorder *recorder;
        Pair *pairs, *dead; /* these until no event can be about them */
};

int of_relay_new(const char *target, Recorder *recorder, OfRelay **ret, Err *err) {
        autoptr(OfRelay) relay = calloc(1, sizeof *relay);
        int r = relay ? channel_server_begin(&relay->server) : -ENOMEM;

        if (r >= 0)
                relay->target = strdup(target);
        if (r < 0 || !relay->target)
                return fail(err, r < 0 ? r : -ENOMEM, "cannot make a relay");
        relay->recorder = recorder;
        *ret = take_ptr(relay);
        return 0;
}

/* --- pairs --- */

static void pair_free(Pair *pair) {
        channel_end(&pair->switch_.channel);
        channel_end(&pair->controller.channel);
        str_clear(&pair->switch_.said);
        str_clear(&pair->controller.said);
        recorder_disconnect(pair->recorded);
        free(pair);
}

static void free_all(Pair **list) {
        for (Pair *next; *list; *list = next) {
                next = (*list)->next;
                pair_free(*list);
        }
}

OfRelay *of_relay_free(OfRelay *relay) {
        if (relay) {
                free_all(&relay->pairs);
                free_all(&relay->dead);
                channel_server_end(&relay->server);
                free(relay->target);
                free(relay);
        }
        return NULL;
}

static void link_pair(Pair **list, Pair *pair) {
        pair->previous = NULL;
        pair->next = *list;
        if (pair->next)
                pair->next->previous = pair;
        *list = pair;
}

static void pair_close(Pair *pair) {
        OfRelay *relay = pair->relay;

        *(pair->previous ? &pair->previous->next : &relay->pairs) = pair->next;
        if (pair->next)
                pair->next->previous = pair->previous;
        link_pair(&relay->dead, pair);
        /* A second event of this round finds both ended. */
        pair->switch_.ended = pair->controller.ended = true;
}

static int pair_new(OfRelay *relay, int fd, const char *name) {
        Pair *pair = calloc(1, sizeof *pair);
        autoerr err = {};
        bool pending = false;
        int s, r;

        if (!pair) {
                close_fd(fd);
                return -ENOMEM;
        }
        *pair = (Pair){ .relay = relay,
                        .switch_ = { .pair = pair },
                        .controller = { .pair = pair, .channel.fd = -EBADF } };
        r = channel_begin(&pair->switch_.channel, relay->server.epoll, fd, false, &pair->switch_);
        s = r < 0 ? r : target_begin(relay->target, &pending, &err);
        if (s < 0 && r >= 0)
                log_warn("switch '%s': %s", name, err.message ? err.message : strerror(-s));
        r = s < 0 ? s
                  : channel_begin(&pair->controller.channel, relay->server.epoll, s, pending,
                                  &pair->controller);
        if (r < 0) {
                pair_free(pair);
                channel_server_resume(&relay->server);
                return r == -ENOMEM ? r : 0;
        }
        if (relay->recorder)
                pair->recorded = recorder_connect(relay->recorder, name);
        link_pair(&relay->pairs, pair);
        return 0;
}

/* --- bytes --- */

static Side *other_of(Side *side) {
        return side == &side->pair->switch_ ? &side->pair->controller : &side->pair->switch_;
}

static void record(Side *side, const char *bytes, size_t size) {
        Pair *pair = side->pair;
        bool to_controller = side == &pair->switch_;
        size_t at = 0;
        OfHeader header;
        int r = 0;

        if (!pair->recorded || size == 0)
                return;
        str_put_bytes(&side->said, bytes, size);
        while (!side->unframed && !side->said.failed) {
                r = of_header(side->said.text + at, side->said.length - at, &header);
                if (r < 0)
                        break;
                recorder_add(pair->recorded, to_controller, side->said.text + at, header.length);
                at += header.length;
        }
        side->unframed |= r < 0 && r != -EAGAIN;
        if (side->unframed && !side->said.failed) {
                recorder_add(pair->recorded, to_controller, side->said.text + at,
                             side->said.length - at);
                at = side->said.length;
        }
        if (side->said.failed) { /* what was passed on must not fail for the file */
                log_warn("a message of the control channel is not recorded: out of memory");
                str_clear(&side->said);
                side->unframed = true;
                return;
        }
        memmove(side->said.text, side->said.text + at, side->said.length - at);
        side->said.length -= at;
}

/* What came goes to the other side's end of the line. */
static int receive(Side *side) {
        Str *out = &other_of(side)->channel.out;
        size_t before = out->length;
        int r = channel_receive(&side->channel, out);

        if (r >= 0)
                record(side, out->text + before, out->length - before);
        return r;
}

/* Sends what waits, and listens to whom the other side keeps up with. */
static int settle(Side *side) {
        int r = side->ended ? 0 : channel_flush(&side->channel);

        if (r < 0 || side->ended)
                return r;
        return channel_update(&side->channel,
                              channel_waiting(&other_of(side)->channel) < CHANNEL_FULL);
}

/* The switch or the controller has gone, or there is something to pass on. */
static int on_event(Side *side, uint32_t events) {
        Side *other = other_of(side);
        int r = 0;

        if (events & EPOLLIN)
                r = receive(side);
        else if (events & (EPOLLERR | EPOLLHUP))
                r = events & EPOLLERR ? target_error(side->channel.fd) : -ECONNRESET;
        if (r == -ECONNRESET) {
                side->ended = true;
                channel_ignore(&side->channel);
                r = 0;
        }
        if (r >= 0)
                r = settle(other);
        if (r >= 0)
                r = settle(side);
        /* What one has said before its end the other is still told. */
        if (r >= 0 && side->ended && channel_waiting(&other->channel) == 0)
                r = -ECONNRESET;
        if (r >= 0 && other->ended && channel_waiting(&side->channel) == 0)
                r = -ECONNRESET;
        return r;
}

static void on_side(Side *side, uint32_t events) {
        Pair *pair = side->pair;
        int r;

        if (pair->switch_.ended && pair->controller.ended)
                return;
        r = on_event(side, events);
        if (r >= 0)
                return;
        if (r != -ECONNRESET)
                log_warn("connection with '%s': %s", pair->relay->target, strerror(-r));
        pair_close(pair);
}

/* --- the loop --- */

int of_relay_listen(OfRelay *relay, int listener, const char *name, Err *err) {
        int r = channel_server_add(&relay->server, listener, name);

        return r < 0 ? fail(err, r, "cannot listen for switch '%s'", name) : 0;
}

int of_relay_fd(const OfRelay *relay) {
        return relay->server.epoll;
}

static int accept_switches(OfRelay *relay, size_t number) {
        for (;;) {
                int fd = channel_server_accept(&relay->server, number), r;

                if (fd < 0)
                        return fd == -EAGAIN ? 0 : fd;
                r = pair_new(relay, fd, relay->server.list[number].name);
                if (r < 0)
                        return r;
        }
}

int of_relay_step(OfRelay *relay) {
        struct epoll_event events[EVENTS];
        int n = epoll_wait(relay->server.epoll, events, EVENTS, 0), r = 0;

        if (n < 0)
                return errno == EINTR ? 0 : -errno;
        for (int i = 0; i < n; i++) {
                uint64_t what = events[i].data.u64;
                int e = 0;

                if (what & CHANNEL_LISTENER)
                        e = accept_switches(relay, what >> 1);
                else
                        on_side(events[i].data.ptr, events[i].events);
                r = r < 0 ? r : e;
        }
        if (relay->dead) {
                free_all(&relay->dead);
                channel_server_resume(&relay->server);
        }
        return r;
}

int of_relay_run(OfRelay *relay, int stop, Err *err) {
        struct pollfd fds[] = { { .fd = relay->server.epoll, .events = POLLIN },
                                { .fd = stop, .events = POLLIN } };

        for (;;) {
                int r;

                if (poll(fds, 2, -1) < 0 && errno != EINTR)
                        return fail(err, errno, "the relay cannot wait");
                if (fds[1].revents)
                        return 0;
                r = of_relay_step(relay);
                if (r < 0)
                        return fail(err, r, "the relay cannot go on");
        }
}
