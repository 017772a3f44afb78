/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <signal.h>
#include <sys/stat.h>

#include "base/dbus.h"
#include "test.h"

static const DbusCall call = { "a.b", "/a", "a.B", "Do", "sa(sv)" };

/* "x", [("Yes", true), ("Text", "t")] */
static char *example(size_t *size) {
        autodbus m = {};
        DbusArray array;

        dbus_begin(&m, &call);
        dbus_put_string(&m, "x");
        array = dbus_open_array(&m, 8);
        dbus_open_struct(&m);
        dbus_put_string(&m, "Yes");
        dbus_put_variant(&m, "b");
        dbus_put_bool(&m, true);
        dbus_open_struct(&m);
        dbus_put_string(&m, "Text");
        dbus_put_variant(&m, "s");
        dbus_put_string(&m, "t");
        dbus_close_array(&m, array);
        return dbus_finish(&m, 7, size);
}

TEST(values_are_aligned_to_their_size) {
        static const char body[] = "\1\0\0\0x\0\0\0"      /* length of the string, string */
                                   "\x22\0\0\0\0\0\0\0"   /* length of the array, padding */
                                   "\3\0\0\0Yes\0\1b\0\0" /* name, signature of the variant */
                                   "\1\0\0\0"             /* true; the next struct lies well */
                                   "\4\0\0\0Text\0\1s\0\1\0\0\0t";
        autofree char *bytes = NULL;
        size_t size, whole;

        bytes = example(&size);
        expect(bytes);
        expect_ok(dbus_size(bytes, &whole));
        expect(whole == size);
        if (*bytes != 'l')
                skip("the bytes above are of a little-endian machine");
        expect(size > sizeof body && memcmp(bytes + size - sizeof body, body, sizeof body) == 0);
}

TEST(header_and_body_are_read_again) {
        autoreceived m = {};
        size_t size;
        char *bytes = example(&size);

        expect_ok(dbus_parse(bytes, size, &m));
        expect(m.type == DBUS_METHOD_CALL);
        expect_str(m.interface, "a.B");
        expect_str(m.member, "Do");
        expect_str(m.signature, "sa(sv)");
        expect_str(dbus_get_string(&m), "x");
        expect(dbus_get_u32(&m) == 0x22);
        expect(dbus_read_ok(&m));
}

TEST(message_that_ends_early_or_lies_is_refused) {
        size_t size;
        autofree char *whole = example(&size);

        for (size_t n = 0; n < size; n++) {
                autoreceived m = {};
                char *part = malloc(n + 1);

                memcpy(part, whole, n);
                expect(dbus_parse(part, n, &m) == -EBADMSG);
        }
        for (size_t i = 0; i < size; i++) {
                for (int bit = 0; bit < 8; bit++) {
                        autoreceived m = {};
                        char *copy = malloc(size);

                        memcpy(copy, whole, size);
                        copy[i] = (char) (copy[i] ^ (1 << bit));
                        if (dbus_parse(copy, size, &m) < 0)
                                continue;
                        (void) dbus_get_string(&m);
                        (void) dbus_get_u32(&m);
                        (void) dbus_get_variant(&m);
                }
        }
}

TEST(reading_beyond_the_end_is_remembered) {
        autoreceived m = {};
        size_t size;
        char *bytes = example(&size);

        expect_ok(dbus_parse(bytes, size, &m));
        m.at = m.size;
        expect(dbus_get_u32(&m) == 0);
        expect(!dbus_read_ok(&m));
        expect_str(dbus_get_string(&m), "");
}

TEST(nobody_at_the_address_is_said_without_enoent) {
        autoptr(Dbus) bus = NULL;
        autoerr err = {};

        expect(dbus_open("unix:path=/nonexistent/bus", true, 1000, &bus, &err) == -ECONNREFUSED);
        expect_str(err.message, "cannot connect to 'unix:path=/nonexistent/bus': "
                                "Connection refused");
        err_clear(&err);
        expect(dbus_open("tcp:host=x", true, 1000, &bus, &err) == -EINVAL);
}

/* --- against the reference bus --- */

typedef struct Bus {
        char directory[32], *address;
        pid_t pid;
} Bus;

static void end_bus(Bus *b) {
        autofree char *path = str_format("%s/bus", b->directory);

        kill(b->pid, SIGKILL);
        waitpid(b->pid, NULL, 0);
        unlink(path);
        rmdir(b->directory);
        free(b->address);
}

static Bus start_bus(void) {
        Bus b = { .directory = "/tmp/isola-test-bus.XXXXXX" };
        char line[512];
        int out[2];
        FILE *f;

        expect(mkdtemp(b.directory) && pipe(out) == 0);
        b.pid = fork();
        if (b.pid == 0) {
                autofree char *address = str_format("--address=unix:path=%s/bus", b.directory);

                dup2(out[1], 1);
                close(2); /* it complains of limits that it need not raise */
                close(out[0]);
                execlp("dbus-daemon", "dbus-daemon", "--session", "--nofork", "--print-address=1",
                       address, (char *) NULL);
                _exit(127);
        }
        close(out[1]);
        f = fdopen(out[0], "r");
        if (!f || !fgets(line, sizeof line, f)) {
                end_bus(&b);
                skip("there is no dbus-daemon here");
        }
        line[strcspn(line, "\n")] = 0;
        b.address = strdup(line);
        return b;
}

static int ask(Dbus *bus, const char *method, const char *argument, DbusReceived *ret, Err *err) {
        autodbus m = {};

        dbus_begin(&m, &(DbusCall){ "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                    "org.freedesktop.DBus", method, argument ? "s" : NULL });
        if (argument)
                dbus_put_string(&m, argument);
        return dbus_call(bus, &m, 10000, ret, err);
}

TEST(bus_answers) {
        Bus b = start_bus();
        autoptr(Dbus) bus = NULL;
        autoreceived reply = {}, owner = {};
        autoerr err = {};

        if (dbus_open(b.address, true, 10000, &bus, &err) < 0)
                printf("# %s\n", err.message);
        expect(bus);
        expect_ok(ask(bus, "GetId", NULL, &reply, &err));
        expect_str(reply.signature, "s");
        expect(strlen(dbus_get_string(&reply)) == 32);

        expect(ask(bus, "GetNameOwner", "no.such.name", &owner, &err) == -ESRCH);
        expect(strstr(err.message, "GetNameOwner: Could not get owner of name 'no.such.name'"));
        end_bus(&b);
}

TEST(signal_is_heard_also_before_it_is_asked_for) {
        Bus b = start_bus();
        autoptr(Dbus) bus = NULL;
        autoreceived signal = {};
        autoerr err = {};

        expect_ok(dbus_open(b.address, true, 10000, &bus, &err));
        /* NameAcquired comes by itself, for the name that Hello gave. */
        expect_ok(ask(bus, "GetId", NULL, NULL, &err));
        expect_ok(dbus_next_signal(bus, 10000, &signal, &err));
        expect_str(signal.member, "NameAcquired");
        expect(*dbus_get_string(&signal) == ':');
        expect(dbus_next_signal(bus, 1, &signal, &err) == -ETIMEDOUT);
        end_bus(&b);
}

/* Where our own user id means nothing outside. */
TEST_IN(user_namespace_is_no_hindrance, CLONE_NEWUSER) {
        Bus b = start_bus();
        autoptr(Dbus) bus = NULL;
        autoerr err = {};

        if (dbus_open(b.address, true, 10000, &bus, &err) < 0)
                printf("# %s\n", err.message);
        expect(bus);
        end_bus(&b);
}
