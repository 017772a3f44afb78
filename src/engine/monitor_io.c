/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What a monitor does while its container runs: one poll() loop
 *
 * Nothing in it waits for anybody.  Each stream of output has at most one piece
 * under way: while the starting command's descriptor does not take it, the
 * stream is not read, so the container waits as it would for a pipe of its own.
 * Later clients get what their socket's buffer holds, and are cut off beyond.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/size.h"
#include "base/str.h"
#include "engine/monitor.h"
#include "engine/protocol.h"
#include "engine/relay.h"

#define CHUNK          16384
#define DNS_MAX        64
#define LISTEN_BACKLOG 16

enum {
        PIDFD,
        SOURCE,
        SINK = SOURCE + 2,
        STARTER = SINK + 2,
        LISTENER,
        LOOPBACK,
        HEALTH,
        UPLINK,
        SIGNALS,
        CLIENT
};

/* attach.sock is named relative to the run directory: a path may be longer than sun_path. */
static int socket_address(int run_dir, struct sockaddr_un *address) {
        int n;

        *address = (struct sockaddr_un){ .sun_family = AF_UNIX };
        n = snprintf(address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d/attach.sock",
                     run_dir);
        return n < (int) sizeof address->sun_path ? 0 : -ENAMETOOLONG;
}

int monitor_listen(Monitor *m) {
        struct sockaddr_un address;
        autoclose int fd = -EBADF;
        int r;

        r = socket_address(m->run_dir, &address);
        if (r < 0)
                return r;
        fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        (void) unlinkat(m->run_dir, "attach.sock", 0);
        /* The directory is 0700 and the socket gets its mode before anybody can connect. */
        if (fchmod(fd, 0600) < 0 || bind(fd, (struct sockaddr *) &address, sizeof address) < 0 ||
            listen(fd, LISTEN_BACKLOG) < 0)
                return -errno;
        m->listener = take_fd(fd);
        return 0;
}

static int connect_once(const Container *c) {
        autofree char *path = container_run_path(c->id);
        autoclose int fd = -EBADF, dir = -EBADF;
        struct sockaddr_un address;
        int r;

        if (!path)
                return -ENOMEM;
        dir = openat(c->home->run_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (dir < 0)
                return -errno;
        r = socket_address(dir, &address);
        if (r < 0)
                return r;
        fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        if (fd < 0 || connect(fd, (struct sockaddr *) &address, sizeof address) < 0)
                return -errno;
        return take_fd(fd);
}

int monitor_connect(const Container *c) {
        autofree char *path = str_format("containers/%s", c->id);
        autoclose int dir = -EBADF, lock = -EBADF;
        int r = connect_once(c);

        if ((r != -ENOENT && r != -ECONNREFUSED) || !path || !monitor_is_alive(c))
                return r;

        /* It is being started: the lock is given up once the socket is there. */
        dir = openat(c->home->data_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        lock = dir < 0 ? dir : lock_dir(dir, true);
        return lock < 0 ? r : connect_once(c);
}

/* -------- output -------- */

static void drop_held(Source *s) {
        free(take_ptr(s->held));
        s->held_size = s->held_from = 0;
}

static void close_sink(Source *s) {
        s->sink = close_fd(s->sink);
        drop_held(s);
}

void monitor_close_sinks(Monitor *m) {
        for (size_t i = 0; i < 2; i++)
                close_sink(&m->source[i]);
}

/* Writes without ever waiting; -EAGAIN.  The sink may be shared with other processes, so its own
 * O_NONBLOCK is not ours to set. */
static ssize_t write_now(int fd, const char *data, size_t size) {
        struct iovec iov = { (void *) data, size };
        struct pollfd p = { .fd = fd, .events = POLLOUT };
        ssize_t n;

        n = pwritev2(fd, &iov, 1, -1, RWF_NOWAIT);
        if (n >= 0)
                return n;
        if (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL)
                return -errno;

        n = send(fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n >= 0 || errno != ENOTSOCK)
                return n < 0 ? -errno : n;

        /* A file never waits long; a terminal or pipe that is writable takes PIPE_BUF bytes. */
        if (poll(&p, 1, 0) == 0)
                return -EAGAIN;
        n = write(fd, data, size < PIPE_BUF ? size : PIPE_BUF);
        return n < 0 ? -errno : n;
}

/* The reader of the starter's output is gone: tell it, and go on without. */
static void break_sink(Monitor *m, Source *s, int code) {
        close_sink(s);
        if (code == -EPIPE && m->starter >= 0)
                (void) frame_send(m->starter, FRAME_BROKEN, NULL, 0, -EBADF, false);
}

/* Returns how much of it the sink took; all, if there is none any more. */
static size_t sink_write(Monitor *m, Source *s, const char *data, size_t size) {
        size_t done = 0;

        while (s->sink >= 0 && done < size) {
                ssize_t n = write_now(s->sink, data + done, size - done);

                if (n == -EINTR)
                        continue;
                if (n == -EAGAIN)
                        return done;
                if (n < 0) {
                        break_sink(m, s, (int) n);
                        return size;
                }
                done += (size_t) n;
        }
        return size;
}

static void sink_push(Monitor *m, Source *s) {
        size_t n = sink_write(m, s, s->held + s->held_from, s->held_size - s->held_from);

        if (!s->held) /* the sink broke */
                return;
        s->held_from += n;
        if (s->held_from == s->held_size)
                drop_held(s);
}

static void sink_put(Monitor *m, Source *s, const char *data, size_t size) {
        size_t n = sink_write(m, s, data, size);

        if (n == size)
                return;
        s->held = malloc(size - n);
        if (!s->held) { /* better a hole than a monitor that stops */
                log_warn("no memory: %zu bytes of output do not reach the terminal", size - n);
                return;
        }
        memcpy(s->held, data + n, size - n);
        s->held_size = size - n;
        s->held_from = 0;
}

/* What "max-size" and "max-file" of --log-opt say. */
static void log_limits(const LogConfig *config, int64_t *max_size, int *max_files) {
        const char *size = strv_env_get(config->config, "max-size"),
                   *files = strv_env_get(config->config, "max-file");
        uint64_t bytes;

        *max_size = LOG_DEFAULT_MAX_SIZE;
        *max_files = LOG_DEFAULT_MAX_FILES;
        if (size && str_equal(size, "-1"))
                *max_size = 0;
        else if (size && size_parse(size, &bytes) >= 0)
                *max_size = (int64_t) bytes;
        if (files)
                (void) parse_int(files, 1, 1000, max_files);
}

/* The log is opened by the first output: a program that says nothing needs none. */
static void log_output(Monitor *m, int stream, const char *data, size_t size) {
        int64_t max_size;
        int max_files, r, dir;
        autoerr err = {};

        if (!m->log_wanted)
                return;
        if (!m->log) {
                log_limits(&m->c->host.log_config, &max_size, &max_files);
                dir = container_dir(m->c);
                r = dir < 0 ? fail(&err, dir, "cannot open the container's directory")
                            : log_writer_open(dir, max_size, max_files, &m->log, &err);
                if (r < 0) {
                        log_warn("%s; its output is not logged", err.message);
                        m->log_wanted = false;
                        return;
                }
        }
        r = log_writer_put(m->log, stream, data, size);
        /* Once, or the warnings would fill what little room there is. */
        if (r < 0 && !m->log_fails)
                log_warn("cannot write the log: %s; output is lost", strerror(-r));
        m->log_fails = r < 0;
}

static void client_close(Client *client) {
        client->socket = close_fd(client->socket);
}

static void send_output(Monitor *m, int stream, const char *data, size_t size) {
        FrameType type = stream == 2 ? FRAME_STDERR : FRAME_STDOUT;

        for (size_t i = 0; i < m->n_clients; i++) {
                Client *client = &m->clients[i];

                if (!client->output)
                        continue;
                for (size_t done = 0; client->socket >= 0 && done < size; done += FRAME_MAX) {
                        size_t n = size - done < FRAME_MAX ? size - done : FRAME_MAX;

                        if (frame_send(client->socket, type, data + done, n, -EBADF, false) < 0)
                                client_close(client);
                }
        }
}

/* Returns true if there may be more. */
static bool source_read(Monitor *m, Source *s) {
        char data[CHUNK];
        ssize_t n;

        n = read(s->fd, data, sizeof data);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
                return errno == EINTR;
        if (n < 0 && errno == EIO && !m->exited) {
                /* A terminal that nobody has open inside; what is written later is read at the end.
                 */
                s->silent = true;
                return false;
        }
        if (n <= 0) {
                s->fd = s->fd == m->console ? -EBADF : close_fd(s->fd);
                return false;
        }
        log_output(m, s->stream, data, (size_t) n);
        if (m->n_clients)
                send_output(m, s->stream, data, (size_t) n);
        sink_put(m, s, data, (size_t) n);
        return true;
}

/* After the end: what is still in the pipes.  Returns true once all of it is written. */
static bool drained(Monitor *m) {
        bool done = true;

        for (size_t i = 0; i < 2; i++) {
                Source *s = &m->source[i];

                while (s->fd >= 0 && !s->held && source_read(m, s))
                        continue;
                if (s->held)
                        done = false;
        }
        return done;
}

/* -------- clients -------- */

static void pass_signal(Monitor *m, int number) {
        if (m->pidfd >= 0 && number > 0 && number < NSIG && !m->exited)
                (void) pidfd_send_signal(m->pidfd, number, NULL, 0);
}

/* Hands a client what it writes its input to; with a terminal also to one that only wants to set
 * its size. */
static void send_started(Monitor *m, int socket, bool input) {
        int fd = -EBADF;

        if (m->console >= 0)
                fd = m->console;
        else if (input)
                fd = m->input_write;
        (void) frame_send(socket, FRAME_STARTED, NULL, 0, fd, false);

        /* stdin_once: the container's input ends with this client's. */
        if (input && m->input_write >= 0 && m->c->config.stdin_once)
                m->input_write = close_fd(m->input_write);
}

static void read_restart_policy(Container *c) {
        autoptr(Container) now = NULL;
        RestartPolicy old = c->host.restart_policy;

        if (container_read_record(c->home, c->id, &now, NULL) < 0)
                return;
        c->host.restart_policy = now->host.restart_policy;
        now->host.restart_policy = old;
}

/* Returns false if the connection is at its end. */
static bool serve(Monitor *m, int socket, Client *client) {
        Frame frame;
        int r;

        r = frame_recv(socket, &frame, NULL);
        if (r == -EAGAIN)
                return true;
        if (r <= 0)
                return false;

        switch (frame.type) {
        case FRAME_HELLO:
                if (client)
                        client->output = frame.hello.output;
                send_started(m, socket, frame.hello.input);
                return true;
        case FRAME_SIGNAL:
                pass_signal(m, frame.number);
                return true;
        case FRAME_STOPPING:
                m->stopping = true;
                /* A reader that is slow to take the last output does not keep what is to go. */
                if (m->exited)
                        monitor_close_sinks(m);
                return true;
        case FRAME_KEEP:
                m->kept = true;
                return true;
        case FRAME_CHANGED:
                read_restart_policy(m->c);
                return true;
        default:
                return false;
        }
}

static void accept_client(Monitor *m) {
        autoclose int fd = accept4(m->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        Client *client;

        if (fd < 0)
                return;
        client = json_grow(&m->clients, &m->n_clients, sizeof *client);
        if (client)
                client->socket = take_fd(fd);
}

static void forget_closed_clients(Monitor *m) {
        size_t kept = 0;

        for (size_t i = 0; i < m->n_clients; i++)
                if (m->clients[i].socket >= 0)
                        m->clients[kept++] = m->clients[i];
        m->n_clients = kept;
        if (kept == 0)
                free(take_ptr(m->clients));
}

void monitor_farewell(Monitor *m) {
        for (size_t i = 0; i < m->n_clients; i++) {
                int32_t code = m->exit_code;

                (void) frame_send(m->clients[i].socket, FRAME_EXIT, &code, sizeof code, -EBADF,
                                  false);
                client_close(&m->clients[i]);
        }
        forget_closed_clients(m);
        if (m->starter >= 0)
                (void) frame_send_number(m->starter, FRAME_EXIT, m->exit_code);
        m->starter = close_fd(m->starter);
        monitor_close_sinks(m);
}

/* -------- the loop -------- */

/* Fills in what to wait for; returns how many, or 0 without memory. */
static size_t fill(Monitor *m, size_t *ret_dns) {
        size_t n = CLIENT + m->n_clients + DNS_MAX;
        struct pollfd *p = m->polled;

        if (m->n_polled < n) {
                p = realloc(m->polled, n * sizeof *p);
                if (!p)
                        return 0;
                m->polled = p;
                m->n_polled = n;
        }
        p[PIDFD] = (struct pollfd){ .fd = m->exited ? -1 : m->pidfd, .events = POLLIN };
        p[STARTER] = (struct pollfd){ .fd = m->starter, .events = POLLIN };
        p[LOOPBACK] = (struct pollfd){ .fd = port_relay_fd(m->port_relay), .events = POLLIN };
        p[HEALTH] = (struct pollfd){ .fd = monitor_health_fd(m), .events = POLLIN };
        p[UPLINK] = (struct pollfd){ .fd = m->exited ? -1 : m->uplink, .events = POLLIN };
        p[SIGNALS] = (struct pollfd){ .fd = m->signals, .events = POLLIN };
        p[LISTENER] = (struct pollfd){ .fd = m->listener, .events = POLLIN };
        for (size_t i = 0; i < 2; i++) {
                const Source *s = &m->source[i];
                bool readable = !s->held && !s->silent && !m->exited;

                p[SOURCE + i] = (struct pollfd){ .fd = readable ? s->fd : -1, .events = POLLIN };
                p[SINK + i] = (struct pollfd){ .fd = s->held ? s->sink : -1, .events = POLLOUT };
        }
        for (size_t i = 0; i < m->n_clients; i++)
                p[CLIENT + i] = (struct pollfd){ .fd = m->clients[i].socket, .events = POLLIN };
        n = CLIENT + m->n_clients;
        *ret_dns = m->dns ? dns_poll(m->dns, p + n, DNS_MAX) : 0;
        return n + *ret_dns;
}

static void turn(Monitor *m, size_t n_dns) {
        const struct pollfd *p = m->polled;
        size_t n_clients = m->n_clients;

        for (size_t i = 0; i < 2; i++) {
                if (p[SOURCE + i].revents)
                        (void) source_read(m, &m->source[i]);
                if (p[SINK + i].revents)
                        sink_push(m, &m->source[i]);
        }
        if (p[STARTER].revents && !serve(m, m->starter, NULL)) {
                m->starter = close_fd(m->starter);
                monitor_close_sinks(m);
        }
        for (size_t i = 0; i < n_clients; i++)
                if (p[CLIENT + i].revents && m->clients[i].socket >= 0 &&
                    !serve(m, m->clients[i].socket, &m->clients[i]))
                        client_close(&m->clients[i]);
        forget_closed_clients(m);
        if (m->dns)
                dns_run(m->dns, p + CLIENT + n_clients, n_dns);
        if (p[LOOPBACK].revents)
                port_relay_run(m->port_relay);
        monitor_health_run(m, p[HEALTH].revents);
        if (p[LISTENER].revents)
                accept_client(m);
        if (p[UPLINK].revents)
                monitor_uplink_run(m);
        if (p[PIDFD].revents)
                m->exited = true;
        monitor_stop_run(m, p[SIGNALS].revents);
}

/* Of two spans in ms, where a negative one is for ever. */
static int sooner(int a, int b) {
        return a < 0 || (b >= 0 && b < a) ? b : a;
}

/* One round of waiting and serving. */
static void serve_once(Monitor *m, int timeout_ms) {
        size_t n_dns = 0, n = fill(m, &n_dns);

        timeout_ms = sooner(timeout_ms, m->dns ? dns_timeout_ms(m->dns) : -1);
        timeout_ms = sooner(timeout_ms, monitor_health_timeout_ms(m));
        timeout_ms = sooner(timeout_ms, monitor_stop_timeout_ms(m));
        if (poll(m->polled, n, timeout_ms) >= 0)
                turn(m, n_dns);
}

void monitor_watch(Monitor *m) {
        while (!m->exited || !drained(m)) {
                if (m->exited && !m->collected)
                        monitor_note_end(m);
                serve_once(m, -1);
        }
        if (m->log)
                log_writer_flush(m->log);
}

void monitor_pause(Monitor *m, int timeout_ms) {
        int64_t end = clock_monotonic_ms() + timeout_ms, left;

        while (!m->stopping && (left = end - clock_monotonic_ms()) > 0)
                serve_once(m, (int) left);
}
