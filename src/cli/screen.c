/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "cli/screen.h"

void screen_leave(Screen *s) {
        static const char leave[] = "\x1b[?25h\x1b[?1049l";

        if (s->taken)
                (void) fd_write_all(STDOUT_FILENO, leave, sizeof leave - 1);
        s->taken = false;
        term_restore(&s->mode);
}

int screen_take(Screen *s) {
        static const char take[] = "\x1b[?1049h\x1b[?25l";
        int r;

        if (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO))
                return 0;
        r = term_make_raw(STDIN_FILENO, &s->mode);
        if (r < 0)
                return r;
        s->taken = true;
        return fd_write_all(STDOUT_FILENO, take, sizeof take - 1);
}

static const char *after_columns(const char *line, size_t columns) {
        while (columns-- > 0 && *line) {
                size_t n = str_utf8_length(line, strlen(line));

                line += n ? n : 1;
        }
        return line;
}

static int draw(const char *text, size_t n_upper) {
        struct winsize size = { .ws_row = 24, .ws_col = 80 };
        autofree char *safe = str_printable_lines(text);
        autostrv lines = NULL;
        autostr s = {};
        size_t n, rows, skipped;

        if (!safe || strv_split(safe, "\n", false, &lines) < 0)
                return -ENOMEM;
        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_row < 4 || size.ws_col < 4)
                size = (struct winsize){ .ws_row = 24, .ws_col = 80 };
        n = strv_length(lines);
        rows = (size_t) size.ws_row - 1;
        skipped = n > rows ? n - rows : 0;
        if (skipped > 0 && n_upper > rows / 2)
                skipped = skipped < n_upper - rows / 2 ? skipped : n_upper - rows / 2;
        else
                skipped = 0;
        str_put(&s, "\x1b[H");
        for (size_t i = 0, shown = 0; i < n && shown < rows; i++) {
                if (i + 1 + skipped >= n_upper && i + 1 < n_upper)
                        continue;
                str_put_bytes(&s, lines[i],
                              (size_t) (after_columns(lines[i], size.ws_col) - lines[i]));
                str_put(&s, "\x1b[K\r\n");
                shown++;
        }
        str_put(&s, "\x1b[J");
        if (s.failed)
                return -ENOMEM;
        return fd_write_all(STDOUT_FILENO, s.text, s.length);
}

int screen_show(const Screen *s, const char *text, size_t n_upper, int nth) {
        int r = 0;

        if (s->taken)
                return draw(text, n_upper);
        if (nth > 0)
                r = fd_write_all(STDOUT_FILENO, "\n", 1);
        return r < 0 ? r : fd_write_all(STDOUT_FILENO, text, strlen(text));
}

bool screen_wait(const Screen *screen, int signals, int64_t ms) {
        struct pollfd fds[] = { { .fd = signals, .events = POLLIN },
                                { .fd = screen->taken ? STDIN_FILENO : -1, .events = POLLIN } };
        char keys[64];
        ssize_t n;

        if (poll(fds, 2, (int) (ms < 86400000 ? ms : 86400000)) <= 0)
                return false;
        if (fds[0].revents || !fds[1].revents)
                return true;
        n = read(STDIN_FILENO, keys, sizeof keys);
        return n <= 0 || memchr(keys, 'q', (size_t) n) || memchr(keys, 3, (size_t) n);
}
