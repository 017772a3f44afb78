/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/str.h"
#include "cli/limit_spec.h"
#include "test.h"

#define NS 1000000000LL

#define expect_refused(call, sentence)               \
        do {                                         \
                HostConfig host = {};                \
                autoerr err = {};                    \
                                                     \
                expect((call) == -EINVAL);           \
                expect_str(err.message, (sentence)); \
        } while (0)

TEST(ulimits) {
        HostConfig h = {};

        expect_ok(limit_ulimit("nofile=1024:4096", &h, NULL));
        expect_ok(limit_ulimit("core=-1", &h, NULL));
        expect(h.ulimits[0].soft == 1024 && h.ulimits[0].hard == 4096);
        expect(h.ulimits[1].soft == -1 && h.ulimits[1].hard == -1);
}

TEST(wrong_ulimits) {
        expect_refused(limit_ulimit("nofiles=1", &host, &err),
                       "there is no limit called 'nofiles'");
        expect_refused(limit_ulimit("nofile", &host, &err),
                       "limit 'nofile' is not NAME=SOFT[:HARD]");
        expect_refused(limit_ulimit("nofile=x", &host, &err),
                       "limit 'nofile=x' is not NAME=SOFT[:HARD]");
        expect_refused(limit_ulimit("nofile=2:1", &host, &err),
                       "limit 'nofile=2:1': the soft one is above the hard one");
}

TEST(devices) {
        HostConfig h = {};

        expect_ok(limit_device("/dev/fuse", &h, NULL));
        expect_ok(limit_device("/dev/a:/dev/b", &h, NULL));
        expect_ok(limit_device("/dev/a:/dev/b:r", &h, NULL));
        expect_ok(limit_device("/dev/a:rw", &h, NULL));
        expect_str(h.devices[0].path_in_container, "/dev/fuse");
        expect_str(h.devices[0].permissions, "rwm");
        expect_str(h.devices[1].path_in_container, "/dev/b");
        expect_str(h.devices[2].permissions, "r");
        expect_str(h.devices[3].path_in_container, "/dev/a");
        expect_str(h.devices[3].permissions, "rw");
        expect_refused(limit_device("fuse", &host, &err),
                       "device 'fuse' is not PATH[:PATH-INSIDE][:rwm]");
}

TEST(memory) {
        HostConfig h = {};

        expect_ok(limit_memory(64 << 20, 0, "128m", &h, NULL));
        expect(h.memory == 64 << 20 && h.memory_swap == 128 << 20);
        expect_ok(limit_memory(0, 0, "-1", &h, NULL));
        expect(h.memory_swap == -1);
        expect_refused(limit_memory(1 << 20, 0, NULL, &host, &err),
                       "a memory limit below 6m lets nothing start");
        expect_refused(limit_memory(64 << 20, 0, "32m", &host, &err),
                       "--memory-swap is the sum of memory and swap, and '32m' is less than "
                       "--memory");
        expect_refused(limit_memory(0, 0, "32m", &host, &err), "--memory-swap needs --memory too");
        expect_refused(limit_memory(64 << 20, 65 << 20, NULL, &host, &err),
                       "--memory-reservation is above --memory");
}

TEST(restart_policies) {
        HostConfig h = {};

        expect_ok(restart_policy("on-failure:3", &h, NULL));
        expect_str(h.restart_policy.name, "on-failure");
        expect(h.restart_policy.maximum_retry_count == 3);
        expect_refused(restart_policy("always:3", &host, &err),
                       "restart policy 'always:3' is not no, always, unless-stopped or "
                       "on-failure[:N]");
}

TEST(log_options) {
        static const char *const good[] = { "max-size=10m", "max-file=2", NULL };
        static const char *const bad[] = { "max-sice=1", NULL };
        HostConfig h = {};

        expect_ok(log_config("json-file", good, &h, NULL));
        expect_str(h.log_config.type, "json-file");
        expect_str(h.log_config.config[1], "max-file=2");
        expect_refused(log_config(NULL, bad, &host, &err), "log option 'max-sice=1' is not known");
        expect_refused(log_config("syslog", NULL, &host, &err),
                       "log driver 'syslog' is not json-file or none");
}

TEST(clocks) {
        HostConfig h = {};

        expect_ok(time_offset("monotonic=30d,boottime=-1h", &h, NULL));
        expect(h.has_time_offset);
        expect(h.time_monotonic_ns == 30 * 86400 * NS);
        expect(h.time_boottime_ns == -3600 * NS);
}

TEST(wrong_clocks) {
        expect_refused(time_offset("realtime=1h", &host, &err),
                       "clock offset 'realtime=1h' is not monotonic=SPAN or boottime=SPAN");
        expect_refused(time_offset("monotonic=soon", &host, &err),
                       "clock offset 'monotonic=soon' is not monotonic=SPAN or boottime=SPAN");
        expect_refused(time_offset("", &host, &err), "--time-offset says no clock");
}
