/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/dbus.h"
#include "base/file.h"
#include "base/stream.h"

#define SIGNALS_MAX 256
#define AUTH_LINE   512
#define UNIT_ERRORS "org.freedesktop.systemd1."
#define COMMON      "org.freedesktop.DBus.Error."

struct Dbus {
        int socket;
        uint32_t serial;
        DbusReceived signals[SIGNALS_MAX]; /* not taken yet, oldest first */
        size_t n_signals;
};

Dbus *dbus_free(Dbus *bus) {
        if (bus) {
                close_fd(bus->socket);
                for (size_t i = 0; i < bus->n_signals; i++)
                        dbus_received_clear(&bus->signals[i]);
                free(bus);
        }
        return NULL;
}

/* --- connecting --- */

/* Finds "path=" among "path=/a%20b,guid=1"; owned by the caller; NULL if it is not there. */
static char *address_value(const char *address, const char *key) {
        size_t length = strlen(key);
        autostr value = {};

        for (const char *p = address; *p && *p != ';'; p += *p == ',') {
                if (strncmp(p, key, length) == 0) {
                        for (p += length; *p && *p != ',' && *p != ';'; p++) {
                                unsigned byte;

                                if (*p == '%' && sscanf(p + 1, "%2x", &byte) == 1 && p[1] && p[2]) {
                                        str_put_char(&value, (char) byte);
                                        p += 2;
                                } else
                                        str_put_char(&value, *p);
                        }
                        return str_take(&value);
                }
                p += strcspn(p, ",;");
        }
        return NULL;
}

static int connect_one(const char *address) {
        struct sockaddr_un name = { .sun_family = AF_UNIX };
        const char *rest = str_after(address, "unix:");
        autofree char *path = rest ? address_value(rest, "path=") : NULL,
                      *abstract = rest && !path ? address_value(rest, "abstract=") : NULL;
        const char *text = path ? path : abstract;
        autoclose int fd = -EBADF;
        size_t length = text ? strlen(text) : 0;

        if (!text || length + 2 > sizeof name.sun_path)
                return -EINVAL;
        memcpy(name.sun_path + (path ? 0 : 1), text, length);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        if (connect(fd, (const struct sockaddr *) &name,
                    (socklen_t) (offsetof(struct sockaddr_un, sun_path) + length + 1)) < 0)
                return errno == ENOENT ? -ECONNREFUSED : -errno;
        return take_fd(fd);
}

/* The first address of the list at which somebody is. */
static int connect_any(const char *addresses) {
        int fd = -EINVAL;

        for (const char *p = addresses; fd < 0 && p && *p; p = strchr(p, ';')) {
                p += *p == ';';
                fd = connect_one(p);
        }
        return fd;
}

bool dbus_user_is_mapped(void) {
        autofree char *map = NULL;
        char words[3][16];

        return file_read_line(AT_FDCWD, "/proc/self/uid_map", &map) >= 0 &&
               (sscanf(map, "%15s %15s %15s", words[0], words[1], words[2]) != 3 ||
                !str_equal(words[0], "0") || !str_equal(words[1], "0") ||
                !str_equal(words[2], "4294967295"));
}

static int read_line(int socket, char line[AUTH_LINE], int64_t end) {
        for (size_t n = 0; n < AUTH_LINE - 1; n++) {
                int r = stream_receive(socket, line + n, 1, end);

                if (r < 0)
                        return r;
                if (line[n] == '\n') {
                        line[n > 0 && line[n - 1] == '\r' ? n - 1 : n] = 0;
                        return 0;
                }
        }
        return -EBADMSG;
}

/*
 * D-Bus Specification, "Authentication Protocol".  Everything is sent at once; the other side
 * answers "OK", before which it asks for data where no user id was given.
 */
static int authenticate(int socket, int64_t end) {
        char number[16], line[AUTH_LINE];
        autostr text = {};
        int r;

        str_put_char(&text, 0);
        str_put(&text, "AUTH EXTERNAL");
        if (dbus_user_is_mapped())
                str_put(&text, "\r\nDATA");
        else {
                (void) snprintf(number, sizeof number, "%u", geteuid());
                str_put_char(&text, ' ');
                for (const char *digit = number; *digit; digit++)
                        str_printf(&text, "%02x", (unsigned) *digit);
        }
        str_put(&text, "\r\nBEGIN\r\n");
        r = text.failed ? -ENOMEM : stream_send(socket, text.text, text.length, end);
        if (r >= 0)
                r = read_line(socket, line, end);
        if (r >= 0 && str_equal(line, "DATA"))
                r = read_line(socket, line, end);
        if (r < 0)
                return r;
        return str_after(line, "OK ") ? 0 : str_after(line, "REJECTED") ? -EACCES : -EBADMSG;
}

static int greet(Dbus *bus, int timeout_ms, Err *err) {
        autodbus m = {};

        dbus_begin(&m, &(DbusCall){ "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                    "org.freedesktop.DBus", "Hello", NULL });
        return dbus_call(bus, &m, timeout_ms, NULL, err);
}

int dbus_open(const char *address, bool bus, int timeout_ms, Dbus **ret, Err *err) {
        autoptr(Dbus) b = calloc(1, sizeof *b);
        int r;

        if (!b)
                return fail(err, ENOMEM, "cannot connect to '%s'", address);
        b->socket = connect_any(address);
        if (b->socket < 0)
                return fail(err, b->socket, "cannot connect to '%s'", address);
        r = authenticate(b->socket, clock_monotonic_ms() + timeout_ms);
        if (r == -EACCES)
                return refuse(err, r, "cannot connect to '%s': it does not know us", address);
        if (r < 0)
                return fail(err, r, "cannot connect to '%s'", address);
        if (bus) {
                r = greet(b, timeout_ms, err);
                if (r < 0)
                        return err_prefix(err, r, "cannot connect to '%s'", address);
        }
        *ret = take_ptr(b);
        return 0;
}

/* --- messages --- */

static int receive(Dbus *bus, int64_t end, DbusReceived *ret) {
        char prologue[DBUS_PROLOGUE];
        autofree char *bytes = NULL;
        size_t size;
        int r;

        r = stream_receive(bus->socket, prologue, sizeof prologue, end);
        if (r >= 0)
                r = dbus_size(prologue, &size);
        if (r < 0)
                return r;
        bytes = malloc(size);
        if (!bytes)
                return -ENOMEM;
        memcpy(bytes, prologue, sizeof prologue);
        r = stream_receive(bus->socket, bytes + sizeof prologue, size - sizeof prologue, end);
        return r < 0 ? r : dbus_parse(take_ptr(bytes), size, ret);
}

/* What the other side means, as far as a caller may want to act on it. */
static int code_of(const char *error) {
        static const struct {
                const char *name;
                int code;
        } known[] = {
                { UNIT_ERRORS "UnitExists", -EEXIST },
                { UNIT_ERRORS "NoSuchUnit", -ESRCH },
                { UNIT_ERRORS "LoadFailed", -EINVAL },
                { COMMON "ServiceUnknown", -ESRCH },
                { COMMON "NameHasNoOwner", -ESRCH },
                { COMMON "AccessDenied", -EACCES },
                { COMMON "InteractiveAuthorizationRequired", -EACCES },
                { COMMON "InvalidArgs", -EINVAL },
                { COMMON "UnknownMethod", -EOPNOTSUPP },
                { COMMON "UnknownProperty", -EOPNOTSUPP },
                { COMMON "PropertyReadOnly", -EOPNOTSUPP },
                { COMMON "NoReply", -ETIMEDOUT },
                { COMMON "TimedOut", -ETIMEDOUT },
        };

        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
                if (str_equal(error, known[i].name))
                        return known[i].code;
        return -EREMOTEIO;
}

static int refused(const char *member, DbusReceived *reply, Err *err) {
        const char *error = reply->error ? reply->error : "an error without a name", *text = "";

        if (*reply->signature == 's')
                text = dbus_get_string(reply);
        return refuse(err, code_of(error), "%s: %s", member, *text ? text : error);
}

/* Keeps a signal; the oldest goes if nobody takes them. */
static void keep(Dbus *bus, DbusReceived *signal) {
        if (bus->n_signals == SIGNALS_MAX) {
                dbus_received_clear(&bus->signals[0]);
                memmove(bus->signals, bus->signals + 1, (SIGNALS_MAX - 1) * sizeof *bus->signals);
                bus->n_signals--;
        }
        bus->signals[bus->n_signals++] = *signal;
        *signal = (DbusReceived){};
}

int dbus_call(Dbus *bus, const DbusMessage *call, int timeout_ms, DbusReceived *ret, Err *err) {
        int64_t end = clock_monotonic_ms() + timeout_ms;
        const char *member = call->call.member;
        uint32_t serial = ++bus->serial;
        autofree char *bytes = NULL;
        size_t size;
        int r;

        bytes = dbus_finish(call, serial, &size);
        if (!bytes)
                return fail(err, ENOMEM, "%s", member);
        r = stream_send(bus->socket, bytes, size, end);
        while (r >= 0) {
                autoreceived m = {};

                r = receive(bus, end, &m);
                if (r < 0)
                        break;
                if (m.type == DBUS_SIGNAL)
                        keep(bus, &m);
                else if (m.reply_serial == serial && m.type == DBUS_ERROR)
                        return refused(member, &m, err);
                else if (m.reply_serial == serial && m.type == DBUS_METHOD_RETURN) {
                        if (ret) {
                                *ret = m;
                                m = (DbusReceived){};
                        }
                        return 0;
                }
        }
        return fail(err, r, "%s", member);
}

int dbus_next_signal(Dbus *bus, int timeout_ms, DbusReceived *ret, Err *err) {
        int64_t end = clock_monotonic_ms() + timeout_ms;

        if (bus->n_signals > 0) {
                *ret = bus->signals[0];
                memmove(bus->signals, bus->signals + 1, --bus->n_signals * sizeof *bus->signals);
                return 0;
        }
        for (;;) {
                autoreceived m = {};
                int r = receive(bus, end, &m);

                if (r < 0)
                        return fail(err, r, "cannot wait for a signal");
                if (m.type != DBUS_SIGNAL)
                        continue;
                *ret = m;
                m = (DbusReceived){};
                return 0;
        }
}
