/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <net/if.h>
#include <signal.h>

#include "base/str.h"
#include "kernel/ns.h"
#include "ovs_host.h"

static pid_t pid_in(const char *directory, const char *name) {
        autofree char *path = str_format("%s/%s.pid", directory, name), *line = NULL;

        expect_ok(file_read_line(AT_FDCWD, path, &line));
        return atoi(line);
}

TEST_IN(starts_and_stops, CLONE_NEWNET) {
        char directory[64];
        autoerr err = {};

        host_enter(directory);
        expect(ovs_is_running(directory) == 0);
        expect_well(ovs_start(directory, -EBADF, &err), err);
        expect(ovs_is_running(directory) == 1);
        expect(ovs_start(directory, -EBADF, &err) == -EEXIST);
        expect(strstr(err.message, "runs in "));
        expect_ok(ovs_stop(directory, NULL));
        expect(ovs_is_running(directory) == 0);
        expect_ok(ovs_stop(directory, NULL));
}

/* The case is process 1, so what detached itself is its child now. */
TEST_IN(stopping_waits_until_both_are_gone, CLONE_NEWNET) {
        char directory[64];
        pid_t server, switch_;
        int status;

        ovsdb_free(host_start(directory));
        server = pid_in(directory, "ovsdb-server");
        switch_ = pid_in(directory, "ovs-vswitchd");
        expect_ok(ovs_stop(directory, NULL));
        expect(waitpid(server, &status, WNOHANG) == server);
        expect(waitpid(switch_, &status, WNOHANG) == switch_);
}

TEST_IN(switch_that_does_not_obey_is_killed, CLONE_NEWNET) {
        char directory[64];
        pid_t switch_;
        int status;

        ovsdb_free(host_start(directory));
        switch_ = pid_in(directory, "ovs-vswitchd");
        expect(kill(switch_, SIGSTOP) == 0);
        expect_ok(ovs_stop(directory, NULL));
        expect(waitpid(switch_, &status, 0) == switch_ && WIFSIGNALED(status));
}

TEST_IN(half_of_a_switch_is_started_anew, CLONE_NEWNET) {
        char directory[64];
        autoerr err = {};
        pid_t old;

        ovsdb_free(host_start(directory));
        old = pid_in(directory, "ovsdb-server");
        expect(kill(pid_in(directory, "ovs-vswitchd"), SIGKILL) == 0);
        while (ovs_is_running(directory) == 1)
                usleep(1000);
        expect_well(ovs_start(directory, -EBADF, &err), err);
        expect(ovs_is_running(directory) == 1);
        expect(pid_in(directory, "ovsdb-server") != old);
}

/* Killed between the two daemons, the starter leaves one behind. */
TEST_IN(start_that_was_killed_is_made_good_by_the_next, CLONE_NEWNET) {
        char directory[64];
        autoerr err = {};
        int status;
        pid_t pid;

        host_enter(directory);
        pid = fork();
        if (pid == 0) {
                expect(setenv("ISOLA_FAULT", "ovs.database", 1) == 0);
                _exit(ovs_start(directory, -EBADF, NULL) < 0);
        }
        expect(waitpid(pid, &status, 0) == pid);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
                skip("built without fault points");
        expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        expect(ovs_is_running(directory) == 0);
        expect(kill(pid_in(directory, "ovsdb-server"), 0) == 0);
        expect_well(ovs_start(directory, -EBADF, &err), err);
        expect(ovs_is_running(directory) == 1);
        expect_ok(ovs_stop(directory, NULL));
}

TEST_IN(pid_file_of_the_dead_names_nobody, CLONE_NEWNET) {
        char directory[64];
        autofree char *file = NULL;

        host_enter(directory);
        file = str_format("%s/ovs-vswitchd.pid", directory);
        expect_ok(file_create(AT_FDCWD, file, "1\n", 2, 0600));
        expect(ovs_is_running(directory) == 0);
        expect_ok(ovs_stop(directory, NULL)); /* process 1 is the case itself */
}

TEST_IN(broken_database_is_told_by_the_servers_words, CLONE_NEWNET) {
        char directory[64];
        autofree char *file = NULL;
        autoerr err = {};

        host_enter(directory);
        file = str_format("%s/conf.db", directory);
        expect_ok(file_create(AT_FDCWD, file, "no database", 11, 0600));
        expect(ovs_start(directory, -EBADF, &err) == -EIO);
        printf("# %s\n# %s\n", err.message, err.hint);
        expect(strstr(err.message, "ovsdb-server' failed: "));
        expect(strstr(err.message, "conf.db"));
        expect(strstr(err.hint, "ovsdb-server.log"));
        expect(ovs_is_running(directory) == 0);
}

TEST_IN(directory_may_have_a_long_path, CLONE_NEWNET) {
        char directory[64];
        autofree char *deep = NULL, *socket = NULL;
        autoptr(Ovsdb) db = NULL;
        autoerr err = {};

        host_enter(directory);
        deep = str_format("%s/%0120d", directory, 1);
        expect_well(ovs_start(deep, -EBADF, &err), err);
        socket = ovs_database(deep);
        expect_well(ovsdb_open(socket, HOST_MS, &db, &err), err);
        expect(ovs_is_running(deep) == 1);
        expect_ok(ovs_stop(deep, NULL));
}

TEST_IN(switch_lives_in_the_network_namespace_that_is_given, CLONE_NEWNET) {
        const OvsBridge bridge = { .name = "s1" };
        char directory[64];
        autofree char *socket = NULL;
        autoclose int here = -EBADF, there = -EBADF;
        autoptr(OvsChange) change = ovs_change_new();
        autoptr(Ovsdb) db = NULL;
        autoerr err = {};

        host_enter(directory);
        here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        expect(here >= 0 && unshare(CLONE_NEWNET) == 0);
        there = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        expect(there >= 0 && setns(here, CLONE_NEWNET) == 0);
        expect_well(ovs_start(directory, there, &err), err);
        socket = ovs_database(directory);
        expect_well(ovsdb_open(socket, HOST_MS, &db, &err), err);
        ovs_change_add_bridge(change, &bridge);
        expect_well(ovs_change_commit(change, db, &err), err);
        expect(if_nametoindex("s1") == 0);
        expect(setns(there, CLONE_NEWNET) == 0);
        expect(if_nametoindex("s1") > 0);
}

TEST_IN(missing_switch_is_told_with_what_to_install, CLONE_NEWNS) {
        autoerr err = {};

        if (mount("tmpfs", "/usr/sbin", "tmpfs", 0, NULL) < 0)
                skip("cannot mount here");
        expect(setenv("PATH", "/nowhere", 1) == 0);
        if (access("/usr/local/sbin/ovsdb-server", X_OK) == 0 ||
            access("/sbin/ovsdb-server", X_OK) == 0)
                skip("Open vSwitch is where this test does not hide it");
        expect(ovs_check(&err) == -ENOENT);
        expect_str(err.message, "Open vSwitch is not installed: no 'ovsdb-server' in PATH or "
                                "/usr/local/sbin:/usr/sbin:/sbin");
        expect_str(err.hint, "apt-get install openvswitch-switch");
}
