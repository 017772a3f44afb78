/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <string.h>

#include "base/auto.h"
#include "base/str.h"
#include "engine/term.h"

int term_make_raw(int fd, TermMode *mode) {
        struct termios raw;

        *mode = TERM_MODE_NONE;
        if (tcgetattr(fd, &mode->saved) < 0)
                return errno == ENOTTY ? 0 : -errno;

        raw = mode->saved;
        cfmakeraw(&raw);
        if (tcsetattr(fd, TCSANOW, &raw) < 0)
                return -errno;
        mode->fd = fd;
        return 0;
}

void term_restore(TermMode *mode) {
        if (mode->fd < 0)
                return;
        /* Not TCSADRAIN: a terminal stopped with ctrl-s would keep the command for ever, and output
         * is processed when it is written, not when it drains. */
        (void) tcsetattr(mode->fd, TCSANOW, &mode->saved);
        mode->fd = -EBADF;
}

int term_copy_size(int from, int to) {
        struct winsize size;

        if (ioctl(from, TIOCGWINSZ, &size) < 0 || ioctl(to, TIOCSWINSZ, &size) < 0)
                return errno == ENOTTY || errno == EBADF ? 0 : -errno;
        return 0;
}

/* Reads one key; returns its byte, or -1 for something that is no key. */
static int parse_key(const char *text) {
        const char *control = str_after(text, "ctrl-");

        if (!control)
                return text[0] && !text[1] ? (unsigned char) text[0] : -1;
        if (!control[0] || control[1])
                return -1;
        if (control[0] >= 'a' && control[0] <= 'z')
                return control[0] - 'a' + 1;
        if (control[0] == '@' || (control[0] >= '[' && control[0] <= '_'))
                return control[0] - '@';
        return -1;
}

int detach_keys_parse(const char *text, DetachKeys *ret, Err *err) {
        autostrv names = NULL;
        int r;

        *ret = (DetachKeys){};
        if (text && !*text)
                return 0;
        r = strv_split(text ? text : DETACH_KEYS_DEFAULT, ",", false, &names);
        if (r < 0)
                return fail(err, r, "cannot read the detach keys '%s'", text);

        strv_foreach(name, names) {
                int key = parse_key(*name);

                if (key < 0)
                        return err_hint(
                                err,
                                refuse(err, EINVAL, "'%s' in --detach-keys is not a key", *name),
                                "give characters or ctrl-<letter>, separated by commas: "
                                "'ctrl-p,ctrl-q'");
                if (ret->n == DETACH_KEYS_MAX)
                        return refuse(err, EINVAL, "--detach-keys takes at most %d keys",
                                      DETACH_KEYS_MAX);
                ret->keys[ret->n++] = (char) key;
        }
        return 0;
}

/* How many of the keys the held ones and @next are the beginning of, after a mismatch. */
static size_t rematch(const DetachKeys *k, char next) {
        char typed[DETACH_KEYS_MAX + 1];
        size_t n = k->matched;

        memcpy(typed, k->keys, n);
        typed[n++] = next;
        for (size_t keep = n - 1; keep > 0; keep--)
                if (memcmp(typed + n - keep, k->keys, keep) == 0)
                        return keep;
        return 0;
}

bool detach_keys_filter(DetachKeys *k, const char *input, size_t size, char *output,
                        size_t *ret_size) {
        size_t out = 0;

        for (size_t i = 0; i < size; i++) {
                if (k->n > 0 && input[i] == k->keys[k->matched]) {
                        if (++k->matched < k->n)
                                continue;
                        k->matched = 0;
                        *ret_size = out;
                        return true;
                }
                if (k->matched > 0) {
                        size_t keep = rematch(k, input[i]), release = k->matched + 1 - keep;

                        /* Of the held keys and this one, all but the last @keep go on. */
                        for (size_t j = 0; j < release; j++)
                                output[out++] = j < k->matched ? k->keys[j] : input[i];
                        k->matched = keep;
                        continue;
                }
                output[out++] = input[i];
        }
        *ret_size = out;
        return false;
}
