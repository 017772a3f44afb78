/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/str.h"
#include "cli/limit_spec.h"
#include "test.h"

static void clear(Container *c) {
        json_clear(&container_type, c);
}
#define autocontainer __attribute__((__cleanup__(clear))) Container

#define NS 1000000000LL

#define expect_refused(call, sentence)               \
        do {                                         \
                autocontainer refused = {};          \
                (void) refused;                      \
                autoerr err = {};                    \
                                                     \
                expect((call) == -EINVAL);           \
                expect_str(err.message, (sentence)); \
        } while (0)

TEST(ulimits) {
        autocontainer c = {};

        expect_ok(limit_ulimit("nofile=1024:4096", &c.host, NULL));
        expect_ok(limit_ulimit("core=-1", &c.host, NULL));
        expect(c.host.ulimits[0].soft == 1024 && c.host.ulimits[0].hard == 4096);
        expect(c.host.ulimits[1].soft == -1 && c.host.ulimits[1].hard == -1);
}

TEST(wrong_ulimits) {
        expect_refused(limit_ulimit("nofiles=1", &refused.host, &err),
                       "there is no limit called 'nofiles'");
        expect_refused(limit_ulimit("nofile", &refused.host, &err),
                       "limit 'nofile' is not NAME=SOFT[:HARD]");
        expect_refused(limit_ulimit("nofile=x", &refused.host, &err),
                       "limit 'nofile=x' is not NAME=SOFT[:HARD]");
        expect_refused(limit_ulimit("nofile=2:1", &refused.host, &err),
                       "limit 'nofile=2:1': the soft one is above the hard one");
}

TEST(devices) {
        autocontainer c = {};

        expect_ok(limit_device("/dev/fuse", &c.host, NULL));
        expect_ok(limit_device("/dev/a:/dev/b", &c.host, NULL));
        expect_ok(limit_device("/dev/a:/dev/b:r", &c.host, NULL));
        expect_ok(limit_device("/dev/a:rw", &c.host, NULL));
        expect_str(c.host.devices[0].path_in_container, "/dev/fuse");
        expect_str(c.host.devices[0].permissions, "rwm");
        expect_str(c.host.devices[1].path_in_container, "/dev/b");
        expect_str(c.host.devices[2].permissions, "r");
        expect_str(c.host.devices[3].path_in_container, "/dev/a");
        expect_str(c.host.devices[3].permissions, "rw");
        expect_refused(limit_device("fuse", &refused.host, &err),
                       "device 'fuse' is not PATH[:PATH-INSIDE][:rwm]");
}

TEST(memory) {
        autocontainer c = {};

        expect_ok(limit_memory(64 << 20, 0, "128m", &c.host, NULL));
        expect(c.host.memory == 64 << 20 && c.host.memory_swap == 128 << 20);
        expect_ok(limit_memory(0, 0, "-1", &c.host, NULL));
        expect(c.host.memory_swap == -1);
        expect_refused(limit_memory(1 << 20, 0, NULL, &refused.host, &err),
                       "a memory limit below 6m lets nothing start");
        expect_refused(limit_memory(64 << 20, 0, "32m", &refused.host, &err),
                       "--memory-swap is the sum of memory and swap, and '32m' is less than "
                       "--memory");
        expect_refused(limit_memory(0, 0, "32m", &refused.host, &err),
                       "--memory-swap needs --memory too");
        expect_refused(limit_memory(64 << 20, 65 << 20, NULL, &refused.host, &err),
                       "--memory-reservation is above --memory");
}

TEST(restart_policies) {
        autocontainer c = {};

        expect_ok(restart_policy("on-failure:3", &c.host, NULL));
        expect_str(c.host.restart_policy.name, "on-failure");
        expect(c.host.restart_policy.maximum_retry_count == 3);
        expect_refused(restart_policy("always:3", &refused.host, &err),
                       "restart policy 'always:3' is not no, always, unless-stopped or "
                       "on-failure[:N]");
}

TEST(log_options) {
        static const char *const good[] = { "max-size=10m", "max-file=2", NULL };
        static const char *const bad[] = { "max-sice=1", NULL };
        autocontainer c = {};

        expect_ok(log_config("json-file", good, &c.host, NULL));
        expect_str(c.host.log_config.type, "json-file");
        expect_str(c.host.log_config.config[1], "max-file=2");
        expect_refused(log_config(NULL, bad, &refused.host, &err),
                       "log option 'max-sice=1' is not known");
        expect_refused(log_config("syslog", NULL, &refused.host, &err),
                       "log driver 'syslog' is not json-file or none");
}

TEST(clocks) {
        autocontainer c = {};

        expect_ok(time_offset("monotonic=30d,boottime=-1h", &c.host, NULL));
        expect(c.host.has_time_offset);
        expect(c.host.time_monotonic_ns == 30 * 86400 * NS);
        expect(c.host.time_boottime_ns == -3600 * NS);
}

TEST(wrong_clocks) {
        expect_refused(time_offset("realtime=1h", &refused.host, &err),
                       "clock offset 'realtime=1h' is not monotonic=SPAN or boottime=SPAN");
        expect_refused(time_offset("monotonic=soon", &refused.host, &err),
                       "clock offset 'monotonic=soon' is not monotonic=SPAN or boottime=SPAN");
        expect_refused(time_offset("", &refused.host, &err), "--time-offset says no clock");
}

TEST(processors_are_those_of_the_machine) {
        autocontainer c = {};

        expect_ok(limit_cpus(1.5, 2, &c.host, NULL));
        expect(c.host.nano_cpus == 1500000000);
        expect_ok(limit_cpus(2, 2, &c.host, NULL));
        expect_ok(limit_cpus(0, 2, &c.host, NULL));
        expect(c.host.nano_cpus == 0);
        for (size_t i = 0; i < 4; i++) {
                const double wrong[] = { 2.01, 0.001, -1, 1e300 };

                expect_refused(limit_cpus(wrong[i], 2, &refused.host, &err),
                               "option '--cpus': the range of CPUs is from 0.01 to 2.00, as there "
                               "are only 2 CPUs available");
        }
}

TEST(lists_of_processors) {
        static const char *const good[] = { "0", "0-2", "0,2", "0-1,3", "8-9,0" };
        static const char *const bad[] = { "", "x", "1-0", "0-", ",", "0,", "-1", "0,,1", "0-1-2" };

        for (size_t i = 0; i < sizeof good / sizeof *good; i++)
                expect_ok(limit_set("cpuset-cpus", "CPUs", good[i], "0-3,8-9", NULL));
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
                expect(limit_set("cpuset-cpus", "CPUs", bad[i], "0-3,8-9", NULL) == -EINVAL);
        expect_ok(limit_set("cpuset-cpus", "CPUs", "77", NULL, NULL));
        expect_refused(limit_set("cpuset-cpus", "CPUs", "2-4", "0-3,8-9", &err),
                       "option '--cpuset-cpus': requested CPUs are not available: requested 2-4, "
                       "available 0-3,8-9");
}
