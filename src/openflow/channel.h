/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Sockets of a loop that never waits (epoll(7)): what the controller and the relay have in common.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/* --- those at which others connect --- */

/* In an event, .data.u64 of a listener has this bit set and its number above it; a pointer has not.
 */
#define CHANNEL_LISTENER 1u

typedef struct ChannelListener {
        int fd;
        char *name;
} ChannelListener;

typedef struct ChannelServer {
        int epoll;
        ChannelListener *list;
        size_t n;
        bool paused; /* no descriptors are left for those that connect */
} ChannelServer;

/* Opens .epoll. */
int channel_server_begin(ChannelServer *server);
void channel_server_end(ChannelServer *server);
/* The listening socket is the server's from now on, also after a failure. */
int channel_server_add(ChannelServer *server, int listener, const char *name);
/* One that has connected (which does not wait); -EAGAIN if there is none, or none can be taken in
 * before channel_server_resume(). */
int channel_server_accept(ChannelServer *server, size_t number);
/* To be called when a descriptor has come free. */
void channel_server_resume(ChannelServer *server);

/* --- those that are connected --- */

#define CHANNEL_CHUNK 65536
#define CHANNEL_FULL  (4u << 20)

typedef struct Channel {
        int fd, epoll;
        void *owner; /* .data.ptr of its events */
        Str out;     /* to be sent */
        size_t sent; /* of .out */
        uint32_t events;
} Channel;

/* @fd: the channel's from now on, also after a failure.  Waits for bytes, and where it is still
 * connecting (@connecting) for that. */
int channel_begin(Channel *channel, int epoll, int fd, bool connecting, void *owner);
void channel_end(Channel *channel);
/* Adds what came to @in; 0 also if nothing did; -ECONNRESET at the end. */
int channel_receive(Channel *channel, Str *in);
/* Sends as much as goes. */
int channel_flush(Channel *channel);
static inline size_t channel_waiting(const Channel *channel) {
        return channel->out.length - channel->sent;
}
/* Waits for nothing more, not even for the other side's end. */
void channel_ignore(Channel *channel);
/* Waits for room if something is to be sent, and for bytes if @listen. */
int channel_update(Channel *channel, bool listen);
