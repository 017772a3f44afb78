/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "openflow/controller_internal.h"

#define CHUNK   65536
#define EVENTS  64
#define OUT_MAX (4u << 20) /* a switch that takes no more is not listened to either */

typedef struct Listener Listener;

struct Listener {
        int fd;
        char *name;
};

/* What an event is about: a switch, or the n-th listener. */
#define LISTENER_BIT 1u

int of_controller_new(const OfControllerOptions *options, OfController **ret, Err *err) {
        autoptr(OfController) c = calloc(1, sizeof *c);

        if (!c)
                return fail(err, ENOMEM, "cannot make a controller");
        c->options = *options;
        if (!c->options.versions)
                c->options.versions = OF_VERSIONS;
        if (!c->options.ageing_ms)
                c->options.ageing_ms = CONTROLLER_AGEING_MS;
        if (!c->options.idle_timeout)
                c->options.idle_timeout = CONTROLLER_IDLE;
        c->epoll = epoll_create1(EPOLL_CLOEXEC);
        if (c->epoll < 0)
                return fail(err, errno, "cannot make a controller");
        *ret = take_ptr(c);
        return 0;
}

/* --- switches --- */

static int watch_listeners(OfController *c, int operation) {
        for (size_t i = 0; i < c->n_listeners; i++) {
                struct epoll_event event = { .events = EPOLLIN, .data.u64 = i << 1 | LISTENER_BIT };

                if (epoll_ctl(c->epoll, operation, c->listeners[i].fd, &event) < 0)
                        return -errno;
        }
        return 0;
}

static void switch_free(Switch *s) {
        close_fd(s->fd);
        recorder_disconnect(s->recorded);
        mac_table_free(s->stations);
        str_clear(&s->in);
        str_clear(&s->out);
        free(s->name);
        free(s);
}

static void switch_close(Switch *s) {
        OfController *c = s->controller;

        *(s->previous ? &s->previous->next : &c->switches) = s->next;
        if (s->next)
                s->next->previous = s->previous;
        log_info("switch '%s' has gone", s->name);
        switch_free(s);
        if (c->paused && watch_listeners(c, EPOLL_CTL_ADD) >= 0)
                c->paused = false;
}

static int switch_new(OfController *c, int fd, const char *name, Switch **ret) {
        struct epoll_event event = { .events = EPOLLIN };
        Switch *s = calloc(1, sizeof *s);
        int r;

        if (!s) {
                close_fd(fd);
                return -ENOMEM;
        }
        *s = (Switch){ .controller = c, .fd = fd, .events = EPOLLIN };
        s->name = strdup(name);
        s->stations = mac_table_new(c->options.ageing_ms);
        event.data.ptr = s;
        r = s->name && s->stations ? 0 : -ENOMEM;
        if (r >= 0 && epoll_ctl(c->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
                r = -errno;
        if (r < 0) {
                switch_free(s);
                return r;
        }
        if (c->options.recorder)
                s->recorded = recorder_connect(c->options.recorder, name);
        s->next = c->switches;
        if (s->next)
                s->next->previous = s;
        c->switches = s;
        *ret = s;
        return 0;
}

OfController *of_controller_free(OfController *c) {
        if (c) {
                for (Switch *s = c->switches, *next; s; s = next) {
                        next = s->next;
                        switch_free(s);
                }
                for (size_t i = 0; i < c->n_listeners; i++) {
                        close_fd(c->listeners[i].fd);
                        free(c->listeners[i].name);
                }
                free(c->listeners);
                close_fd(c->epoll);
                free(c);
        }
        return NULL;
}

/* --- bytes --- */

static int update_events(Switch *s) {
        struct epoll_event event = { .data.ptr = s };
        size_t waiting = s->out.length - s->sent;

        event.events = (waiting > OUT_MAX || s->ended ? 0u : EPOLLIN) | (waiting ? EPOLLOUT : 0u);
        if (event.events == s->events)
                return 0;
        s->events = event.events;
        return epoll_ctl(s->controller->epoll, EPOLL_CTL_MOD, s->fd, &event) < 0 ? -errno : 0;
}

static int send_waiting(Switch *s) {
        while (s->sent < s->out.length) {
                ssize_t n = send(s->fd, s->out.text + s->sent, s->out.length - s->sent,
                                 MSG_NOSIGNAL | MSG_DONTWAIT);

                if (n < 0 && errno != EINTR)
                        return errno == EAGAIN ? 0 : -errno;
                if (n > 0)
                        s->sent += (size_t) n;
        }
        s->out.length = s->sent = 0;
        return s->ended ? -ECONNRESET : 0;
}

/* One by one: each is a frame of its own in the file. */
static void record_answers(const Switch *s, size_t at) {
        OfHeader header;

        for (; s->recorded && of_header(s->out.text + at, s->out.length - at, &header) >= 0;
             at += header.length)
                recorder_add(s->recorded, false, s->out.text + at, header.length);
}

/* Every whole message that came; what is left moves to the front. */
static int take_messages(Switch *s) {
        size_t at = 0;
        OfHeader header;
        int r;

        for (;;) {
                size_t answers = s->out.length;

                r = of_header(s->in.text + at, s->in.length - at, &header);
                if (r < 0)
                        break;
                recorder_add(s->recorded, true, s->in.text + at, header.length);
                r = switch_message(s, s->in.text + at, header.length);
                if (r >= 0 && s->out.failed)
                        r = -ENOMEM;
                if (r < 0)
                        break;
                record_answers(s, answers);
                at += header.length;
        }
        memmove(s->in.text, s->in.text + at, s->in.length - at);
        s->in.length -= at;
        return r == -EAGAIN ? 0 : r;
}

static int receive(Switch *s) {
        char chunk[CHUNK];
        ssize_t n = recv(s->fd, chunk, sizeof chunk, MSG_DONTWAIT);

        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        if (n == 0)
                return -ECONNRESET;
        str_put_bytes(&s->in, chunk, (size_t) n);
        return s->in.failed ? -ENOMEM : take_messages(s);
}

static void on_switch(Switch *s, uint32_t events) {
        int r = events & EPOLLIN ? receive(s) : events & (EPOLLERR | EPOLLHUP) ? -ECONNRESET : 0;

        if (r >= 0)
                r = send_waiting(s);
        if (r >= 0)
                r = update_events(s);
        if (r >= 0)
                return;
        if (r != -ECONNRESET)
                log_warn("switch '%s' is let go: %s", s->name, strerror(-r));
        switch_close(s);
}

/* --- connections --- */

int of_controller_listen(OfController *c, int listener, const char *name, Err *err) {
        struct epoll_event event = { .events = EPOLLIN,
                                     .data.u64 = c->n_listeners << 1 | LISTENER_BIT };
        Listener *l = json_grow(&c->listeners, &c->n_listeners, sizeof *l);
        int r;

        if (!l) {
                close_fd(listener);
                return fail(err, ENOMEM, "cannot listen for switch '%s'", name);
        }
        l->fd = listener;
        l->name = strdup(name);
        r = !l->name                                                   ? -ENOMEM
            : c->paused                                                ? 0
            : epoll_ctl(c->epoll, EPOLL_CTL_ADD, listener, &event) < 0 ? -errno
                                                                       : 0;
        if (r >= 0)
                return 0;
        close_fd(listener);
        free(l->name);
        c->n_listeners--;
        return fail(err, r, "cannot listen for switch '%s'", name);
}

static void begin(Switch *s) {
        int r = switch_begin(s);

        record_answers(s, 0);
        if (r < 0)
                switch_close(s);
        else
                on_switch(s, 0);
}

/* All that have connected; without descriptors it goes on when one has come free. */
static int accept_switches(OfController *c, const Listener *l) {
        for (;;) {
                int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), r;
                Switch *s;

                if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
                        continue;
                if (fd < 0 && errno == EAGAIN)
                        return 0;
                if (fd < 0) {
                        log_warn("cannot accept switch '%s': %s", l->name, strerror(errno));
                        c->paused = watch_listeners(c, EPOLL_CTL_DEL) >= 0;
                        return 0;
                }
                r = switch_new(c, fd, l->name, &s);
                if (r < 0)
                        return r;
                begin(s);
        }
}

int of_controller_fd(const OfController *controller) {
        return controller->epoll;
}

int of_controller_step(OfController *c) {
        struct epoll_event events[EVENTS];
        int n = epoll_wait(c->epoll, events, EVENTS, 0), r = 0;

        if (n < 0)
                return errno == EINTR ? 0 : -errno;
        /* Each switch is there once, so none is met after it was closed. */
        for (int i = 0; i < n; i++) {
                uint64_t what = events[i].data.u64;
                int e = 0;

                if (what & LISTENER_BIT)
                        e = accept_switches(c, &c->listeners[what >> 1]);
                else
                        on_switch(events[i].data.ptr, events[i].events);
                r = r < 0 ? r : e;
        }
        return r;
}

int of_controller_run(OfController *c, int stop, Err *err) {
        struct pollfd fds[] = { { .fd = c->epoll, .events = POLLIN },
                                { .fd = stop, .events = POLLIN } };

        for (;;) {
                int r;

                if (poll(fds, 2, -1) < 0 && errno != EINTR)
                        return fail(err, errno, "the controller cannot wait");
                if (fds[1].revents)
                        return 0;
                r = of_controller_step(c);
                if (r < 0)
                        return fail(err, r, "the controller cannot go on");
        }
}

OfControllerStatus of_controller_status(const OfController *c) {
        OfControllerStatus status = { .packets = c->packets, .flows = c->flows };

        for (const Switch *s = c->switches; s; s = s->next) {
                status.switches += s->version != 0;
                status.stations += mac_table_size(s->stations);
        }
        return status;
}
