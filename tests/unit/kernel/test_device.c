/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <signal.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/file.h"
#include "base/str.h"
#include "kernel/cgroup.h"
#include "kernel/device.h"
#include "kernel/process.h"
#include "test.h"

/* Runs probe() inside a new cgroup with these rules; returns its exit code. */
static int run_under(const DeviceRule *rules, size_t n, int (*probe)(void)) {
        autofree char *name = str_format("isola-test-device-%d", getpid());
        autoptr(Cgroup) c = NULL;
        autoerr err = {};
        int status = 0, r;
        pid_t pid;

        if (geteuid() != 0)
                skip("needs root");
        r = cgroup_create(name, NULL, &c, &err);
        if (r < 0)
                skip(err.message);
        r = device_filter_attach(cgroup_fd(c), rules, n, &err);
        if (r == -EPERM) {
                (void) cgroup_remove(name, 0);
                skip(err.message);
        }
        pid = r < 0 ? -1 : process_clone(0, cgroup_fd(c), NULL);
        if (pid == 0)
                _exit(probe());
        if (pid > 0)
                waitpid(pid, &status, 0);
        (void) cgroup_remove(name, 1000);
        if (r < 0)
                printf("# %s\n", err.message);
        expect(r >= 0 && pid > 0);
        return WEXITSTATUS(status);
}

static bool opens(const char *path, int flags) {
        int fd = open(path, flags | O_CLOEXEC | O_NOCTTY);

        if (fd < 0)
                expect(errno == EPERM);
        close(fd);
        return fd >= 0;
}

static int probe_default(void) {
        expect(opens("/dev/null", O_RDWR));
        expect(opens("/dev/zero", O_RDONLY));
        expect(opens("/dev/urandom", O_RDONLY));
        expect(mknod("/tmp/isola-test-kmsg", S_IFCHR | 0600, makedev(1, 11)) == 0);
        expect(!opens("/tmp/isola-test-kmsg", O_RDONLY));
        unlink("/tmp/isola-test-kmsg");
        return 0;
}

TEST(default_rules_allow_the_harmless_ones) {
        const DeviceRule *rules;
        size_t n;

        rules = device_default_rules(&n);
        expect(run_under(rules, n, probe_default) == 0);
}

static int probe_read_only(void) {
        expect(opens("/dev/null", O_RDONLY));
        expect(!opens("/dev/null", O_WRONLY));
        expect(!opens("/dev/null", O_RDWR));
        expect(!opens("/dev/zero", O_RDONLY));
        return 0;
}

TEST(access_is_told_apart) {
        static const DeviceRule rules[] = { { true, 'c', 1, 3, "r" } };

        expect(run_under(rules, 1, probe_read_only) == 0);
}

static int probe_all_but_zero(void) {
        expect(opens("/dev/null", O_RDWR));
        expect(!opens("/dev/zero", O_RDONLY));
        return 0;
}

TEST(last_rule_counts) {
        static const DeviceRule rules[] = {
                { false, 'a', -1, -1, "rwm" },
                { true, 'a', -1, -1, "rwm" },
                { false, 'c', 1, 5, "r" },
        };

        expect(run_under(rules, 3, probe_all_but_zero) == 0);
}

static int probe_none(void) {
        expect(!opens("/dev/null", O_RDONLY));
        return 0;
}

TEST(no_rules_mean_no_devices) {
        expect(run_under(NULL, 0, probe_none) == 0);
}

TEST(five_hundred_rules_are_taken) {
        enum { N = 500 };
        autofree DeviceRule *rules = calloc(N, sizeof *rules);

        rules[0] = (DeviceRule){ true, 'c', 1, 3, "r" };
        for (int i = 1; i < N; i++)
                rules[i] = (DeviceRule){ i % 2, i % 3 ? 'b' : 'c', 100 + i, i % 5 - 1, "rm" };
        expect(run_under(rules, N, probe_read_only) == 0);
}

TEST(bad_rule_is_refused) {
        static const DeviceRule rules[] = { { true, 'c', 1, 3, "r" }, { true, 'x', 1, 3, "r" } },
                                untyped[] = { { true, 0, 1, 3, "r" } };
        autoerr err = {};

        expect(device_filter_attach(0, rules, 2, &err) == -EINVAL);
        expect_str(err.message, "cannot limit devices: rule 2 is none");
        expect(device_filter_attach(0, untyped, 1, NULL) == -EINVAL);
        expect(device_list_write(0, untyped, 1, NULL) == -EINVAL);
}

/* The rules of a new directory of version 1's controller, as it lists them; NULL if refused. */
static char *listed(const DeviceRule *rules, size_t n, Err *err) {
        autofree char *path = str_format("/sys/fs/cgroup/devices/isola-test-device-%d", getpid()),
                      *list = str_format("%s/devices.list", path);
        autoclose int directory = -EBADF;
        char *text = NULL;
        int r;

        if (geteuid() != 0 || access("/sys/fs/cgroup/devices/devices.list", F_OK) < 0)
                skip("needs root and version 1's devices controller");
        expect(mkdir(path, 0755) == 0);
        directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        r = device_list_write(directory, rules, n, err);
        if (r >= 0)
                expect_ok(file_read_line(AT_FDCWD, list, &text));
        expect(rmdir(path) == 0);
        return text;
}

TEST(list_of_version_1_says_the_same) {
        static const DeviceRule some[] = { { false, 'a', -1, -1, "rwm" },
                                           { true, 'c', 1, 3, "rw" },
                                           { true, 'b', 8, -1, "r" } },
                                without[] = { { true, 'a', -1, -1, "rwm" } };
        autofree char *list = NULL, *all = NULL, *none = NULL;
        autoerr err = {};

        list = listed(some, 3, &err);
        expect_str(list, "c 1:3 rw\nb 8:* r");
        all = listed(without, 1, &err);
        expect_str(all, "a *:* rwm");
        none = listed(NULL, 0, &err);
        expect_str(none, "");
}

TEST(order_that_version_1_does_not_know_is_refused) {
        static const DeviceRule part[] = { { false, 'a', -1, -1, "rwm" },
                                           { true, 'c', 1, -1, "rwm" },
                                           { false, 'c', 1, 5, "rwm" } },
                                whole[] = { { true, 'c', 1, 3, "rwm" }, { false, 'c', 1, 3, "w" } };
        autofree char *list = NULL;
        autoerr err = {};

        expect(!listed(part, 3, &err));
        expect_str(err.message,
                   "cannot limit devices: version 1 of cgroups cannot take back a part "
                   "of rule 2, as rule 3 would");
        err_clear(&err);
        list = listed(whole, 2, &err);
        expect_str(list, "c 1:3 rm");
}
