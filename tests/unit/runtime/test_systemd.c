/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "base/str.h"
#include "runtime/systemd_properties.h"
#include "test.h"

/* The body of a message with that property only, as bytes. */
static int put(const char *name, const char *value, DbusMessage *m, Err *err) {
        dbus_begin(m, &(DbusCall){});
        return systemd_put_annotation(m, name, value, err);
}

static void expect_body(const char *name, const char *value, const char *body, size_t size) {
        autodbus m = {};
        autoerr err = {};

        if (put(name, value, &m, &err) < 0)
                printf("# %s\n", err.message);
        expect(m.body.length == size);
        for (size_t i = 0; i < size; i++)
                if (m.body.text[i] != body[i]) {
                        printf("# %s: byte %zu is %02x\n", value, i,
                               (unsigned char) m.body.text[i]);
                        expect(false);
                }
}

#define EXPECT_BODY(name, value, body) expect_body(name, value, body, sizeof(body) - 1)

TEST(values_of_every_kind_are_understood) {
        EXPECT_BODY("A", "true", "\1\0\0\0A\0\1b\0\0\0\0\1\0\0\0");
        EXPECT_BODY("A", " 'x' ", "\1\0\0\0A\0\1s\0\0\0\0\1\0\0\0x\0");
        EXPECT_BODY("A", "\"\\\"\"", "\1\0\0\0A\0\1s\0\0\0\0\1\0\0\0\"\0");
        EXPECT_BODY("A", "7", "\1\0\0\0A\0\1i\0\0\0\0\7\0\0\0");
        EXPECT_BODY("A", "-1", "\1\0\0\0A\0\1i\0\0\0\0\377\377\377\377");
        EXPECT_BODY("A", "byte 0x10", "\1\0\0\0A\0\1y\0\20");
        EXPECT_BODY("A", "uint16 3", "\1\0\0\0A\0\1q\0\0\3\0");
        EXPECT_BODY("A", "@u 3", "\1\0\0\0A\0\1u\0\0\0\0\3\0\0\0");
        EXPECT_BODY("A", "uint64 18446744073709551615",
                    "\1\0\0\0A\0\1t\0\0\0\0\0\0\0\0\377\377\377\377\377\377\377\377");
        EXPECT_BODY("A", "[byte 1, 2]", "\1\0\0\0A\0\2ay\0\0\0\2\0\0\0\1\2");
        EXPECT_BODY("A", "@as []", "\1\0\0\0A\0\2as\0\0\0\0\0\0\0");
}

TEST(seconds_are_microseconds_on_the_bus) {
        EXPECT_BODY("TSec", "2", "\5\0\0\0TUSec\0\1t\0\0\0\0\200\204\36\0\0\0\0\0");
        EXPECT_BODY("TSec", "1.5", "\5\0\0\0TUSec\0\1t\0\0\0\0\140\343\26\0\0\0\0\0");
        EXPECT_BODY("TUSec", "uint64 2", "\5\0\0\0TUSec\0\1t\0\0\0\0\2\0\0\0\0\0\0\0");
}

TEST(what_is_no_value_is_refused) {
        static const char *const bad[] = { "",         "x",           "'x",          "1 2",
                                           "[1, 'a']", "[]",          "[1",          "uint16 70000",
                                           "byte -1",  "boolean 'x'", "string true", "uint64 -1" };

        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
                autodbus m = {};
                autoerr err = {};

                if (put("A", bad[i], &m, &err) != -EINVAL ||
                    !str_after(err.message, "property 'A': ")) {
                        printf("# '%s': %s\n", bad[i], err.message);
                        expect(false);
                }
        }
}

TEST(time_before_or_beyond_all_time_is_no_time) {
        static const char *const bad[] = { "-0.5", "-5", "nan" };

        for (size_t i = 0; i < 3; i++) {
                autodbus m = {};
                autoerr err = {};

                expect(put("TSec", bad[i], &m, &err) == -EINVAL);
                expect_str(err.message, "property 'TSec': a number is out of range");
        }
        EXPECT_BODY("TSec", "1e300", "\5\0\0\0TUSec\0\1t\0\0\0\0\377\377\377\377\377\377\377\377");
        EXPECT_BODY("TSec", "inf", "\5\0\0\0TUSec\0\1t\0\0\0\0\377\377\377\377\377\377\377\377");
}

TEST(name_of_a_property_is_checked) {
        autodbus m = {};
        autoerr err = {};

        expect(put("A B", "true", &m, &err) == -EINVAL);
        expect_str(err.message, "'A B' is not a name of a property");
}

/* Finds a property's value, a number of 64 bits, in the body. */
static uint64_t number(const DbusMessage *m, const char *name) {
        size_t length = strlen(name);

        for (size_t i = 0; i + length < m->body.length; i++) {
                uint64_t value;

                if (memcmp(m->body.text + i, name, length + 1) != 0)
                        continue;
                i = (i + length + 1 + 3 + 7) / 8 * 8;
                memcpy(&value, m->body.text + i, sizeof value);
                return value;
        }
        return 0;
}

TEST(processors_are_bits_of_bytes) {
        static const char body[] = "\13\0\0\0AllowedCPUs\0\2ay\0\2\0\0\0\3\2";
        autodbus m = {}, none = {};

        dbus_begin(&m, &(DbusCall){});
        systemd_put_limits(&m, &(CgroupLimits){ .cpuset_cpus = (char *) "0-1,9" }, true);
        expect(m.body.length == sizeof body - 1);
        expect(memcmp(m.body.text, body, sizeof body - 1) == 0);

        dbus_begin(&none, &(DbusCall){});
        systemd_put_limits(&none, &(CgroupLimits){ .cpuset_mems = (char *) "x" }, true);
        expect(none.body.length == 0);
}

TEST(limits_become_properties) {
        char *unified[] = { (char *) "memory.high=5", (char *) "io.max=8:0 rbps=1", NULL };
        CgroupLimits limits = { .memory = 100,
                                .memory_swap = 150,
                                .memory_reservation = -1,
                                .cpu_shares = 1024,
                                .cpu_quota = 12345,
                                .cpu_period = 50000,
                                .has_pids = true,
                                .unified = unified };
        autodbus v2 = {}, v1 = {};

        dbus_begin(&v2, &(DbusCall){});
        systemd_put_limits(&v2, &limits, true);
        expect(number(&v2, "MemoryMax") == 100);
        expect(number(&v2, "MemorySwapMax") == 50);
        expect(number(&v2, "MemoryLow") == UINT64_MAX);
        expect(number(&v2, "MemoryHigh") == 5);
        expect(number(&v2, "CPUWeight") == 100);
        expect(number(&v2, "CPUQuotaPeriodUSec") == 50000);
        expect(number(&v2, "CPUQuotaPerSecUSec") == 250000);
        expect(number(&v2, "TasksMax") == 1); /* it has no 0 */

        dbus_begin(&v1, &(DbusCall){});
        systemd_put_limits(&v1, &limits, false);
        expect(number(&v1, "MemoryLimit") == 100);
        expect(number(&v1, "CPUShares") == 1024);
        expect(number(&v1, "MemoryHigh") == 0);
}
