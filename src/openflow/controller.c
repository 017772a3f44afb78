/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/log.h"
#include "openflow/controller_internal.h"

#define EVENTS       64
#define GREETING_MAX 1024 /* who is no switch is not waited for: "GET " would be 21536 bytes */

int of_controller_new(const OfControllerOptions *options, OfController **ret, Err *err) {
        autoptr(OfController) c = calloc(1, sizeof *c);
        int r = c ? channel_server_begin(&c->server) : -ENOMEM;

        if (r < 0)
                return fail(err, r, "cannot make a controller");
        c->options = *options;
        if (!c->options.versions)
                c->options.versions = OF_VERSIONS;
        if (!c->options.ageing_ms)
                c->options.ageing_ms = CONTROLLER_AGEING_MS;
        if (!c->options.idle_timeout)
                c->options.idle_timeout = CONTROLLER_IDLE;
        *ret = take_ptr(c);
        return 0;
}

/* --- switches --- */

static void switch_free(Switch *s) {
        channel_end(&s->channel);
        recorder_disconnect(s->recorded);
        mac_table_free(s->stations);
        str_clear(&s->in);
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
        channel_server_resume(&c->server);
}

static int switch_new(OfController *c, int fd, const char *name, Switch **ret) {
        Switch *s = calloc(1, sizeof *s);
        int r;

        if (!s) {
                close_fd(fd);
                return -ENOMEM;
        }
        s->controller = c;
        r = channel_begin(&s->channel, c->server.epoll, fd, false, s);
        s->name = strdup(name);
        s->stations = mac_table_new(c->options.ageing_ms);
        if (r >= 0 && (!s->name || !s->stations))
                r = -ENOMEM;
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
                channel_server_end(&c->server);
                free(c);
        }
        return NULL;
}

/* --- bytes --- */

/* One by one: each is a frame of its own in the file. */
static void record_answers(const Switch *s, size_t at) {
        const Str *out = &s->channel.out;
        OfHeader header;

        for (; s->recorded && of_header(out->text + at, out->length - at, &header) >= 0;
             at += header.length)
                recorder_add(s->recorded, false, out->text + at, header.length);
}

/* Every whole message that came; what is left moves to the front. */
static int take_messages(Switch *s) {
        const Str *out = &s->channel.out;
        size_t at = 0;
        OfHeader header;
        int r;

        for (;;) {
                size_t answers = out->length;

                r = of_header(s->in.text + at, s->in.length - at, &header);
                if (r < 0)
                        break;
                recorder_add(s->recorded, true, s->in.text + at, header.length);
                r = switch_message(s, s->in.text + at, header.length);
                if (r >= 0 && out->failed)
                        r = -ENOMEM;
                if (r < 0)
                        break;
                record_answers(s, answers);
                at += header.length;
        }
        memmove(s->in.text, s->in.text + at, s->in.length - at);
        s->in.length -= at;
        if (r == -EAGAIN && !s->version && s->in.length >= OF_HEADER &&
            header.length > GREETING_MAX)
                return -EBADMSG;
        return r == -EAGAIN ? 0 : r;
}

static int receive(Switch *s) {
        size_t before = s->in.length;
        int r = channel_receive(&s->channel, &s->in);

        return r < 0 || s->in.length == before ? r : take_messages(s);
}

/* A switch that takes no more is not listened to either. */
static int answer(Switch *s) {
        int r = channel_flush(&s->channel);
        size_t waiting = channel_waiting(&s->channel);

        if (r >= 0 && s->ended && waiting == 0)
                r = -ECONNRESET;
        return r < 0 ? r : channel_update(&s->channel, waiting < CHANNEL_FULL && !s->ended);
}

static void on_switch(Switch *s, uint32_t events) {
        int r = events & EPOLLIN ? receive(s) : events & (EPOLLERR | EPOLLHUP) ? -ECONNRESET : 0;

        if (r >= 0)
                r = answer(s);
        if (r >= 0)
                return;
        if (r != -ECONNRESET)
                log_warn("switch '%s' is let go: %s", s->name, strerror(-r));
        switch_close(s);
}

/* --- connections --- */

int of_controller_listen(OfController *c, int listener, const char *name, Err *err) {
        int r = channel_server_add(&c->server, listener, name);

        return r < 0 ? fail(err, r, "cannot listen for switch '%s'", name) : 0;
}

static void begin(Switch *s) {
        int r = switch_begin(s);

        record_answers(s, 0);
        if (r < 0)
                switch_close(s);
        else
                on_switch(s, 0);
}

static int accept_switches(OfController *c, size_t number) {
        for (;;) {
                int fd = channel_server_accept(&c->server, number), r;
                Switch *s;

                if (fd < 0)
                        return fd == -EAGAIN ? 0 : fd;
                r = switch_new(c, fd, c->server.list[number].name, &s);
                if (r < 0)
                        return r;
                begin(s);
        }
}

int of_controller_fd(const OfController *controller) {
        return controller->server.epoll;
}

int of_controller_step(OfController *c) {
        struct epoll_event events[EVENTS];
        int n = epoll_wait(c->server.epoll, events, EVENTS, 0), r = 0;

        if (n < 0)
                return errno == EINTR ? 0 : -errno;
        /* Each switch is there once, so none is met after it was closed. */
        for (int i = 0; i < n; i++) {
                uint64_t what = events[i].data.u64;
                int e = 0;

                if (what & CHANNEL_LISTENER)
                        e = accept_switches(c, what >> 1);
                else
                        on_switch(events[i].data.ptr, events[i].events);
                r = r < 0 ? r : e;
        }
        return r;
}

int of_controller_run(OfController *c, int stop, Err *err) {
        struct pollfd fds[] = { { .fd = c->server.epoll, .events = POLLIN },
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
