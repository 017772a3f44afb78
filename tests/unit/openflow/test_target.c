/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/clock.h"
#include "base/str.h"
#include "openflow/target.h"
#include "test.h"

static void expect_tcp(const char *target, int family, const char *address, int port) {
        struct sockaddr_storage storage;
        const struct sockaddr_in *four = (const struct sockaddr_in *) &storage;
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *) &storage;
        char text[INET6_ADDRSTRLEN];
        socklen_t size;

        expect_ok(target_parse_tcp(target, &storage, &size, NULL));
        expect(storage.ss_family == family);
        expect(inet_ntop(family,
                         family == AF_INET ? (const void *) &four->sin_addr : &six->sin6_addr, text,
                         sizeof text));
        expect_str(text, address);
        expect(ntohs(family == AF_INET ? four->sin_port : six->sin6_port) == port);
}

TEST(targets_are_read) {
        expect_tcp("tcp:10.0.0.1", AF_INET, "10.0.0.1", 6653);
        expect_tcp("tcp:10.0.0.1:6633", AF_INET, "10.0.0.1", 6633);
        expect_tcp("tcp:[::1]", AF_INET6, "::1", 6653);
        expect_tcp("tcp:[fd00::2]:1", AF_INET6, "fd00::2", 1);
}

TEST(what_is_no_target_is_refused) {
        static const char *const targets[] = {
                "",         "tcp:",       "tcp:host:1",    "tcp:10.0.0.1:65536", "tcp:::1",
                "tcp:[::1", "tcp:[::1]x", "10.0.0.1:6653", "ssl:10.0.0.1:6653",
        };
        struct sockaddr_storage storage;
        socklen_t size;

        for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
                autoerr err = {};

                printf("# %s\n", targets[i]);
                expect(target_parse_tcp(targets[i], &storage, &size, &err) == -EINVAL);
                expect(strstr(err.message, "is neither unix:PATH nor tcp:ADDRESS:PORT"));
        }
}

TEST_IN(who_listens_is_reached_and_who_does_not_is_not, CLONE_NEWNET) {
        int64_t end = clock_monotonic_ms() + 60000;
        char directory[64];
        autofree char *deep = NULL, *target = NULL;
        autoclose int listener = -EBADF, client = -EBADF, again = -EBADF;
        struct stat st;
        autoerr err = {};

        snprintf(directory, sizeof directory, TEST_DIRECTORY, getpid());
        deep = str_format("%s/%0120d", directory, 1);
        expect(mkdir(directory, 0700) == 0 && mkdir(deep, 0700) == 0);
        target = str_format("unix:%s/socket", deep);
        expect(target_connect(target, end, NULL) == -ENOENT);
        listener = target_listen(target, &err);
        expect(listener >= 0);
        expect(stat(target + 5, &st) == 0 && (st.st_mode & 07777) == 0600);
        client = expect_ok(target_connect(target, end, NULL));
        expect(target_listen(target, &err) == -EADDRINUSE);
        close_fd(take_fd(listener));
        expect(target_connect(target, end, NULL) == -ECONNREFUSED);
        again = expect_ok(target_listen(target, NULL));
}
