/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <sys/syscall.h>

#include "base/auto.h"
#include "base/str.h"
#include "test.h"
#include "transfer/remote.h"

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define ADDRESS_SANITIZER
#endif

/* What one would try who took the network process over; each in a process of its own. */
static void tries(const char *what, const char *wanted) {
        NetEndpoint endpoint = { .base = (char *) "http://localhost:1", .prefix = (char *) "" };
        NetSetup setup = { .registry = (char *) "test",
                           .endpoints = &endpoint,
                           .n_endpoints = 1,
                           .parallel = 1,
                           .stall_ms = 1000 };
        NetOp op = { .kind = (char *) "try", .text = (char *) what };
        autoptr(Remote) remote = NULL;
        autofree char *directory = NULL;
        NetReply reply = {};
        autoerr err = {};
        char self[4096];
        ssize_t n;

#ifdef ADDRESS_SANITIZER
        skip("the network process cannot run with the sanitizers' libraries");
#endif
        if (geteuid() != 0)
                skip("needs root");
        n = readlink("/proc/self/exe", self, sizeof self - 1);
        expect(n > 0);
        self[n] = 0;
        *strrchr(self, '/') = 0;
        directory = str_format("%s/../src", self);
        setenv("ISOLA_LIBEXEC", directory, 1);
        expect_ok(remote_open(&setup, &remote, &err));
        expect(remote_call(remote, &op, -EBADF, NULL, NULL, &reply, &err) < 0);
        if (!strstr(err.message, wanted))
                printf("# %s: %s\n", what, err.message);
        expect(strstr(err.message, wanted) != NULL);
}

TEST(it_sees_no_files_of_the_machine) {
        tries("/etc/passwd", "No such file or directory");
}

TEST(it_sees_no_processes) {
        tries("/proc/self/status", "No such file or directory");
}

TEST(it_sees_what_names_are_looked_up_in) {
        tries("/etc/hosts", "'/etc/hosts' worked");
}

TEST(it_writes_nothing) {
        tries("write", "cannot do 'write'");
}

TEST(it_executes_nothing) {
        tries("exec", "ended by signal 31");
}

TEST(it_makes_no_processes) {
        tries("fork", "ended by signal 31");
}

TEST(it_mounts_nothing) {
        tries("mount", "ended by signal 31");
}

TEST(it_traces_nobody) {
        tries("ptrace", "ended by signal 31");
}

TEST(it_signals_nobody) {
        tries("kill", "ended by signal 31");
}

TEST(it_makes_no_code) {
        tries("code", "ended by signal 31");
}

TEST(it_reaches_no_service_of_this_machine) {
        tries("unix", "Address family not supported");
}

TEST(it_listens_to_no_wire) {
        tries("packet", "ended by signal 31");
}

TEST(it_sends_nothing_raw) {
        tries("raw", "Operation not permitted");
}
