/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <linux/if.h>
#include <linux/virtio_net.h>
#include <poll.h>
#include <sys/ioctl.h>

#include "base/auto.h"
#include "netlink/link.h"
#include "test.h"
#include "wire/tap.h"

static int open_tap(const char *name) {
        autoerr err = {};
        int fd = tap_open(name, &err);

        if (fd == -ENOENT || fd == -ENODEV || fd == -EPERM || fd == -EACCES)
                skip("there is no /dev/net/tun for us");
        expect(fd >= 0);
        return fd;
}

static bool has_carrier(const char *name) {
        autoclose int nl = nl_open();
        Link link;

        expect(nl >= 0 && link_get(nl, name, &link, NULL) == 0);
        return link.flags & IFF_LOWER_UP;
}

static bool exists(const char *name) {
        autoclose int nl = nl_open();
        Link link;

        expect(nl >= 0);
        return link_get(nl, name, &link, NULL) == 0;
}

static void up(int fd, const char *name) {
        struct ifreq request = { .ifr_flags = IFF_UP };

        strcpy(request.ifr_name, name);
        expect(ioctl(fd, SIOCSIFFLAGS, &request) == 0);
}

TEST_IN(the_interface_lives_as_long_as_its_descriptor, CLONE_NEWNET) {
        int fd = open_tap("t0");

        expect(exists("t0"));
        expect(fcntl(fd, F_GETFL) & O_NONBLOCK && fcntl(fd, F_GETFD) & FD_CLOEXEC);
        close(fd);
        expect(!exists("t0"));
}

TEST_IN(a_name_that_is_taken_or_too_long_is_refused, CLONE_NEWNET) {
        autoerr err = {}, long_err = {};

        open_tap("t0");
        expect(tap_open("t0", &err) == -EBUSY && err.message);
        expect(tap_open("a234567890123456", &long_err) == -EINVAL && long_err.message);
}

TEST_IN(what_the_kernel_sends_has_a_header_of_ten_bytes, CLONE_NEWNET) {
        int fd = open_tap("t0"), s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        unsigned char frame[2048];
        struct pollfd p = { .fd = fd, .events = POLLIN };
        ssize_t n;

        up(s, "t0");
        expect(poll(&p, 1, 10000) == 1); /* its IPv6 address is announced */
        n = read(fd, frame, sizeof frame);
        expect(n > 10 + 14 + 40);
        expect(frame[10] == 0x33 && frame[10 + 12] == 0x86 && frame[10 + 13] == 0xdd);
}

TEST_IN(the_carrier_is_what_we_say, CLONE_NEWNET) {
        int fd = open_tap("t0"), s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        up(s, "t0");
        expect(has_carrier("t0"));
        expect(tap_set_carrier(fd, false) == 0 && !has_carrier("t0"));
        expect(tap_set_carrier(fd, true) == 0 && has_carrier("t0"));
        expect(tap_set_carrier(s, true) == -ENOTTY);
}
