/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/auto.h"
#include "base/str.h"
#include "base/stream.h"
#include "openflow/openflow.h"
#include "openflow/target.h"

#define BACKLOG 1024

/* Splits "ADDRESS", "ADDRESS:PORT", "[ADDRESS]:PORT"; *ret_port stays if none is said. */
static int split(const char *text, char address[INET6_ADDRSTRLEN], int *ret_port) {
        const char *end = *text == '[' ? strchr(text, ']') : text + strcspn(text, ":");
        const char *begin = text + (*text == '[');
        size_t length = end ? (size_t) (end - begin) : 0;

        if (!end || length == 0 || length >= INET6_ADDRSTRLEN)
                return -EINVAL;
        memcpy(address, begin, length);
        address[length] = 0;
        end += *end == ']';
        if (!*end)
                return 0;
        return *end == ':' ? parse_int(end + 1, 0, 65535, ret_port) : -EINVAL;
}

int target_parse_tcp(const char *target, struct sockaddr_storage *ret, socklen_t *ret_size,
                     Err *err) {
        struct sockaddr_in *four = (struct sockaddr_in *) ret;
        struct sockaddr_in6 *six = (struct sockaddr_in6 *) ret;
        const char *rest = str_after(target, "tcp:");
        char address[INET6_ADDRSTRLEN];
        int port = OF_TCP_PORT;

        *ret = (struct sockaddr_storage){};
        if (rest && split(rest, address, &port) >= 0) {
                if (inet_pton(AF_INET, address, &four->sin_addr) == 1) {
                        four->sin_family = AF_INET;
                        four->sin_port = htons((uint16_t) port);
                        *ret_size = sizeof *four;
                        return 0;
                }
                if (inet_pton(AF_INET6, address, &six->sin6_addr) == 1) {
                        six->sin6_family = AF_INET6;
                        six->sin6_port = htons((uint16_t) port);
                        *ret_size = sizeof *six;
                        return 0;
                }
        }
        return refuse(err, EINVAL, "'%s' is neither unix:PATH nor tcp:ADDRESS:PORT", target);
}

static void no_delay(int s) {
        int one = 1;

        (void) setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static int connect_tcp(const struct sockaddr_storage *address, socklen_t size, bool *ret_pending) {
        autoclose int s = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (s < 0)
                return -errno;
        no_delay(s);
        *ret_pending = connect(s, (const struct sockaddr *) address, size) < 0;
        return *ret_pending && errno != EINPROGRESS ? -errno : take_fd(s);
}

int target_begin(const char *target, bool *ret_pending, Err *err) {
        const char *path = str_after(target, "unix:");
        struct sockaddr_storage address;
        socklen_t size;
        int s;

        *ret_pending = false;
        if (path) {
                s = stream_connect_unix(path);
        } else {
                s = target_parse_tcp(target, &address, &size, err);
                if (s < 0)
                        return s;
                s = connect_tcp(&address, size, ret_pending);
        }
        return s < 0 ? fail(err, s, "cannot connect to '%s'", target) : s;
}

int target_error(int s) {
        int error = 0;
        socklen_t length = sizeof error;

        if (getsockopt(s, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
                return -errno;
        return -error;
}

int target_connect(const char *target, int64_t end, Err *err) {
        bool pending;
        autoclose int s = target_begin(target, &pending, err);
        int r;

        if (s < 0 || !pending)
                return s < 0 ? s : take_fd(s);
        r = stream_wait(s, POLLOUT, end);
        if (r >= 0)
                r = target_error(s);
        return r < 0 ? fail(err, r, "cannot connect to '%s'", target) : take_fd(s);
}

/* --- listening --- */

/* Through a descriptor of its directory: the whole path may be too long for an address. */
static int bind_unix(int s, const char *path) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
        autofree char *parent = slash ? strndup(path, (size_t) (slash - path) + 1) : strdup(".");
        autoclose int dir = parent ? open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
        int n;

        if (dir < 0)
                return parent ? -errno : -ENOMEM;
        n = snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", dir, name);
        if (!*name || n >= (int) sizeof address.sun_path)
                return *name ? -ENAMETOOLONG : -EINVAL;
        return bind(s, (const struct sockaddr *) &address, sizeof address) < 0 ? -errno : 0;
}

static int listen_unix(const char *path) {
        autoclose int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        autoclose int other = -EBADF;
        int r;

        if (s < 0)
                return -errno;
        /* The mode that the file gets is the socket's own (unix(7), fchmod before bind). */
        if (fchmod(s, 0600) < 0)
                return -errno;
        r = bind_unix(s, path);
        if (r == -EADDRINUSE) {
                other = stream_connect_unix(path);
                if (other != -ECONNREFUSED)
                        return r;
                if (unlink(path) < 0)
                        return -errno;
                r = bind_unix(s, path);
        }
        if (r < 0)
                return r;
        return listen(s, BACKLOG) < 0 ? -errno : take_fd(s);
}

static int listen_tcp(const struct sockaddr_storage *address, socklen_t size) {
        autoclose int s = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        int one = 1;

        if (s < 0)
                return -errno;
        no_delay(s);
        if (setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
            bind(s, (const struct sockaddr *) address, size) < 0 || listen(s, BACKLOG) < 0)
                return -errno;
        return take_fd(s);
}

int target_listen(const char *target, Err *err) {
        const char *path = str_after(target, "unix:");
        struct sockaddr_storage address;
        socklen_t size;
        int s;

        if (path) {
                s = listen_unix(path);
        } else {
                s = target_parse_tcp(target, &address, &size, err);
                if (s < 0)
                        return s;
                s = listen_tcp(&address, size);
        }
        return s < 0 ? fail(err, s, "cannot listen at '%s'", target) : s;
}
