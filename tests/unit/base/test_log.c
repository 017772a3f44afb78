/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/log.h"
#include "test.h"

static char text[1024];

/* What a terminal was given that warnings went to; @held: not before they are released. */
static const char *shown(bool json, bool held) {
        autoclose int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), slave = -EBADF;
        size_t n = 0;

        expect(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
        slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
        expect(slave >= 0);
        log_setup(LOG_LEVEL_WARN, json, "isola");
        log_to(slave);
        if (held)
                log_hold();
        log_warn("no '%s'", "\033[2J");
        log_warn("more");
        if (held)
                log_release(false);
        log_to(STDERR_FILENO);
        /* It may come in pieces. */
        for (text[0] = 0; !strstr(text, "more") || text[n - 1] != '\n'; text[n] = 0) {
                ssize_t got = read(master, text + n, sizeof text - 1 - n);

                expect(got > 0);
                n += (size_t) got;
        }
        return text;
}

TEST(terminal_obeys_no_warning) {
        expect_str(shown(false, false), "isola: warning: no '?[2J'\r\nisola: warning: more\r\n");
        expect(!strchr(shown(true, false), '\033'));
}

TEST(terminal_obeys_no_warning_that_was_held_back) {
        expect_str(shown(false, true), "isola: warning: no '?[2J'\r\nisola: warning: more\r\n");
        expect(!strchr(shown(true, true), '\033'));
}

TEST(warnings_that_are_held_back_can_be_dropped) {
        int fds[2];

        expect(pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0);
        log_to(fds[1]);
        log_hold();
        log_warn("no");
        log_release(true);
        expect(read(fds[0], text, sizeof text) < 0 && errno == EAGAIN);
        log_warn("yes");
        expect(read(fds[0], text, sizeof text) == 20);
        log_to(STDERR_FILENO);
}
