/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "engine/term.h"
#include "test.h"

/* Types the pieces one after the other; returns what is passed on. */
static bool type(DetachKeys *keys, const char *const *pieces, char *passed) {
        size_t total = 0;
        bool detached = false;

        for (; *pieces && !detached; pieces++) {
                size_t n;

                detached = detach_keys_filter(keys, *pieces, strlen(*pieces), passed + total, &n);
                total += n;
        }
        passed[total] = 0;
        return detached;
}

TEST(default_keys_detach_and_are_not_passed_on) {
        const char *const typed[] = { "ls\r", "\x10", "\x11", NULL };
        char passed[64];
        DetachKeys keys;

        expect_ok(detach_keys_parse(NULL, &keys, NULL));
        expect(type(&keys, typed, passed));
        expect_str(passed, "ls\r");
}

TEST(half_the_keys_are_passed_on_when_another_follows) {
        const char *const typed[] = { "a\x10", "b", "\x10\x10", "c", NULL };
        char passed[64];
        DetachKeys keys;

        expect_ok(detach_keys_parse("", &keys, NULL));
        expect_ok(detach_keys_parse("ctrl-p,ctrl-q", &keys, NULL));
        expect(!type(&keys, typed, passed));
        expect_str(passed, "a\x10"
                           "b\x10\x10"
                           "c");
}

TEST(keys_that_begin_again_within_themselves_are_found) {
        const char *const typed[] = { "aab", NULL };
        char passed[64];
        DetachKeys keys;

        expect_ok(detach_keys_parse("a,b", &keys, NULL));
        expect(type(&keys, typed, passed));
        expect_str(passed, "a");
}

TEST(empty_keys_never_detach) {
        const char *const typed[] = { "\x10\x11", NULL };
        char passed[64];
        DetachKeys keys;

        expect_ok(detach_keys_parse("", &keys, NULL));
        expect(!type(&keys, typed, passed));
        expect_str(passed, "\x10\x11");
}

TEST(wrong_key_is_named) {
        autoerr err = {};
        DetachKeys keys;

        expect(detach_keys_parse("ctrl-p,ctrl-ö", &keys, &err) == -EINVAL);
        expect_str(err.message, "'ctrl-ö' in --detach-keys is not a key");
}

TEST(raw_mode_is_put_back) {
        int master = posix_openpt(O_RDWR | O_NOCTTY), terminal;
        struct termios before, raw, after;
        TermMode mode;

        expect(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
        terminal = open(ptsname(master), O_RDWR | O_NOCTTY);
        expect(terminal >= 0 && tcgetattr(terminal, &before) == 0);

        expect_ok(term_make_raw(terminal, &mode));
        expect(tcgetattr(terminal, &raw) == 0 && !(raw.c_lflag & (ICANON | ECHO | ISIG)));
        term_restore(&mode);
        expect(tcgetattr(terminal, &after) == 0 && after.c_lflag == before.c_lflag);
        term_restore(&mode); /* a second time does nothing */
}

TEST(what_is_no_terminal_needs_no_mode) {
        int ends[2];
        TermMode mode;

        expect(pipe(ends) == 0);
        expect(term_make_raw(ends[0], &mode) == 0);
        expect(mode.fd < 0);
        expect(term_copy_size(ends[0], ends[1]) == 0);
}
