/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/auto.h"
#include "base/json.h"
#include "base/log.h"
#include "openflow/channel.h"

/* --- listeners --- */

int channel_server_begin(ChannelServer *server) {
        *server = (ChannelServer){ .epoll = epoll_create1(EPOLL_CLOEXEC) };
        return server->epoll < 0 ? -errno : 0;
}

void channel_server_end(ChannelServer *server) {
        for (size_t i = 0; i < server->n; i++) {
                close_fd(server->list[i].fd);
                free(server->list[i].name);
        }
        free(server->list);
        close_fd(server->epoll);
}

static int watch(const ChannelServer *server, size_t number, int operation) {
        struct epoll_event event = { .events = EPOLLIN,
                                     .data.u64 = number << 1 | CHANNEL_LISTENER };

        return epoll_ctl(server->epoll, operation, server->list[number].fd, &event) < 0 ? -errno
                                                                                        : 0;
}

static int watch_all(const ChannelServer *server, int operation) {
        for (size_t i = 0; i < server->n; i++) {
                int r = watch(server, i, operation);

                if (r < 0)
                        return r;
        }
        return 0;
}

int channel_server_add(ChannelServer *server, int listener, const char *name) {
        ChannelListener *l = json_grow(&server->list, &server->n, sizeof *l);
        int r;

        if (!l) {
                close_fd(listener);
                return -ENOMEM;
        }
        *l = (ChannelListener){ listener, strdup(name) };
        r = !l->name ? -ENOMEM : server->paused ? 0 : watch(server, server->n - 1, EPOLL_CTL_ADD);
        if (r >= 0)
                return 0;
        close_fd(listener);
        free(l->name);
        server->n--;
        return r;
}

int channel_server_accept(ChannelServer *server, size_t number) {
        const ChannelListener *l = &server->list[number];
        int fd;

        do
                fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
        if (fd < 0 && errno != EAGAIN) {
                log_warn("cannot accept switch '%s': %s", l->name, strerror(errno));
                server->paused = watch_all(server, EPOLL_CTL_DEL) >= 0;
                return -EAGAIN;
        }
        return fd < 0 ? -errno : fd;
}

void channel_server_resume(ChannelServer *server) {
        if (server->paused && watch_all(server, EPOLL_CTL_ADD) >= 0)
                server->paused = false;
}

/* --- channels --- */

int channel_begin(Channel *channel, int epoll, int fd, bool connecting, void *owner) {
        struct epoll_event event = { .events = EPOLLIN | (connecting ? EPOLLOUT : 0u),
                                     .data.ptr = owner };

        *channel = (Channel){ .fd = fd, .epoll = epoll, .owner = owner, .events = event.events };
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
                int r = -errno;

                channel->fd = close_fd(fd);
                return r;
        }
        return 0;
}

void channel_end(Channel *channel) {
        close_fd(channel->fd);
        str_clear(&channel->out);
}

int channel_receive(Channel *channel, Str *in) {
        char chunk[CHANNEL_CHUNK];
        ssize_t n = recv(channel->fd, chunk, sizeof chunk, MSG_DONTWAIT);

        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        if (n == 0)
                return -ECONNRESET;
        str_put_bytes(in, chunk, (size_t) n);
        return in->failed ? -ENOMEM : 0;
}

int channel_flush(Channel *channel) {
        while (channel_waiting(channel) > 0) {
                ssize_t n = send(channel->fd, channel->out.text + channel->sent,
                                 channel_waiting(channel), MSG_NOSIGNAL | MSG_DONTWAIT);

                if (n < 0 && errno != EINTR)
                        return errno == EAGAIN ? 0 : -errno;
                if (n > 0)
                        channel->sent += (size_t) n;
        }
        channel->out.length = channel->sent = 0;
        return 0;
}

void channel_ignore(Channel *channel) {
        (void) epoll_ctl(channel->epoll, EPOLL_CTL_DEL, channel->fd, NULL);
}

int channel_update(Channel *channel, bool listen) {
        struct epoll_event event = { .data.ptr = channel->owner };

        event.events = (listen ? EPOLLIN : 0u) | (channel_waiting(channel) ? EPOLLOUT : 0u);
        if (event.events == channel->events)
                return 0;
        channel->events = event.events;
        return epoll_ctl(channel->epoll, EPOLL_CTL_MOD, channel->fd, &event) < 0 ? -errno : 0;
}
