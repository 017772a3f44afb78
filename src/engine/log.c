/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Writing a container's log
 *
 * Runs in the monitor, which has little memory: lines are escaped straight into
 * one small buffer that goes out with one write() for each batch of input.  Only
 * an unfinished line is kept, and only as much of it as there is.
 *
 * A file grows to max_size and no further.  Rotation renames from the oldest to
 * the newest and then begins a new file, so at each moment every line is in
 * exactly one file, and a reader that holds a file open finds it again by its
 * inode (log_read.c).
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "engine/log.h"
#include "engine/log_line.h"

#define PIECE_MAX  16384
#define BUFFER_MAX 16384

typedef struct Unfinished {
        char *text;
        size_t size, capacity;
} Unfinished;

struct LogWriter {
        int dir;
        int file; /* -EBADF until something is written */
        int64_t max_size;
        int max_files;
        int64_t size; /* of the file */
        bool failing; /* warned already */
        Unfinished unfinished[2];
        size_t filled;
        /* Last, so that only those of its pages exist that a batch has needed. */
        char buffer[BUFFER_MAX];
};

int log_writer_open(int dir, int64_t max_size, int max_files, LogWriter **ret, Err *err) {
        LogWriter *w = malloc(sizeof *w);

        if (!w)
                return fail(err, ENOMEM, "cannot open the container's log");

        memset(w, 0, offsetof(LogWriter, buffer));
        w->dir = dir;
        w->file = -EBADF;
        w->max_size = max_size;
        w->max_files = max_files < 1 ? 1 : max_files;
        *ret = w;
        return 0;
}

/* A monitor that was killed may have left half a line, which must not swallow the next one. */
static int end_cut_line(LogWriter *w) {
        char last = '\n';

        if (w->size > 0 && pread(w->file, &last, 1, w->size - 1) < 0)
                return -errno;
        if (last == '\n')
                return 0;
        w->size++;
        return fd_write_all(w->file, "\n", 1);
}

static int open_file(LogWriter *w) {
        struct stat st;

        w->file = openat(w->dir, "log", O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
        if (w->file < 0)
                return -errno;
        if (fstat(w->file, &st) < 0)
                return -errno;
        w->size = st.st_size;
        return end_cut_line(w);
}

/* Writes the buffer; cuts off what a full disk let through of it, so that no half line stays. */
static int write_buffer(LogWriter *w) {
        size_t filled = w->filled;
        int r;

        w->filled = 0;
        if (filled == 0)
                return 0;

        r = fd_write_all(w->file, w->buffer, filled);
        if (r < 0) {
                if (ftruncate(w->file, w->size) < 0)
                        log_debug("cannot cut a half line off the log: %s", strerror(errno));
                return r;
        }
        w->size += (int64_t) filled;
        w->failing = false;
        return 0;
}

static void name_of(int number, char name[16]) {
        if (number == 0)
                snprintf(name, 16, "log");
        else
                snprintf(name, 16, "log.%d", number);
}

static int rotate(LogWriter *w) {
        char from[16], to[16];
        int r;

        r = write_buffer(w);
        if (r < 0)
                return r;

        for (int i = w->max_files - 1; i > 0; i--) {
                name_of(i - 1, from);
                name_of(i, to);
                if (renameat(w->dir, from, w->dir, to) < 0 && errno != ENOENT)
                        return -errno;
        }
        if (w->max_files == 1 && unlinkat(w->dir, "log", 0) < 0 && errno != ENOENT)
                return -errno;

        w->file = close_fd(w->file);
        return open_file(w);
}

static int put_raw(LogWriter *w, const char *text, size_t size) {
        if (w->filled + size > sizeof w->buffer) {
                int r = write_buffer(w);

                if (r < 0)
                        return r;
        }
        memcpy(w->buffer + w->filled, text, size);
        w->filled += size;
        return 0;
}

static int put_escaped(LogWriter *w, const char *text, size_t size) {
        const char *end = text + size;

        for (;;) {
                int r;

                w->filled +=
                        log_escape(&text, end, w->buffer + w->filled, sizeof w->buffer - w->filled);
                if (text == end)
                        return 0;
                r = write_buffer(w);
                if (r < 0)
                        return r;
        }
}

/* Go leaves out the zeros at the end of a fraction, and the point before no fraction. */
static size_t put_time(int64_t ns, char out[CLOCK_RFC3339_LENGTH + 1]) {
        size_t n = CLOCK_RFC3339_LENGTH - 1;

        clock_put_rfc3339(ns, out);
        while (out[n - 1] == '0')
                n--;
        if (out[n - 1] == '.')
                n--;
        out[n] = 'Z';
        return n + 1;
}

/* Writes one line of the file; @text ends in a newline, or is a piece of a longer line. */
static int put_piece(LogWriter *w, int stream, const char *text, size_t size, int64_t now_ns) {
        static const char head[] = "{\"log\":\"";
        char time[CLOCK_RFC3339_LENGTH + 1], tail[80];
        int64_t line_size, file_size;
        size_t n;
        int r;

        n = put_time(now_ns, time);
        n = (size_t) snprintf(tail, sizeof tail, "\",\"stream\":\"%s\",\"time\":\"%.*s\"}\n",
                              stream == 2 ? "stderr" : "stdout", (int) n, time);
        line_size = (int64_t) (sizeof head - 1 + log_escaped_size(text, size) + n);

        if (w->file < 0) {
                r = open_file(w);
                if (r < 0)
                        return r;
        }
        file_size = w->size + (int64_t) w->filled;
        if (w->max_size > 0 && file_size > 0 && file_size + line_size > w->max_size) {
                r = rotate(w);
                if (r < 0)
                        return r;
        }

        r = put_raw(w, head, sizeof head - 1);
        if (r == 0)
                r = put_escaped(w, text, size);
        return r < 0 ? r : put_raw(w, tail, n);
}

static int keep(Unfinished *u, const char *text, size_t size) {
        if (u->size + size > u->capacity) {
                size_t capacity = u->capacity ? u->capacity : 256;
                char *longer;

                while (capacity < u->size + size)
                        capacity *= 2;
                longer = realloc(u->text, capacity);
                if (!longer)
                        return -ENOMEM;
                u->text = longer;
                u->capacity = capacity;
        }
        memcpy(u->text + u->size, text, size);
        u->size += size;
        return 0;
}

/* Writes what is kept, but for the beginning of a character that a cut would tear apart. */
static int put_kept(LogWriter *w, int stream, bool cut, int64_t now_ns) {
        Unfinished *u = &w->unfinished[stream - 1];
        size_t rest = cut ? log_unfinished_character(u->text, u->size) : 0, n = u->size - rest;
        int r;

        r = put_piece(w, stream, u->text, n, now_ns);
        memmove(u->text, u->text + n, rest);
        u->size = rest;
        return r;
}

static int put_lines(LogWriter *w, int stream, const char *text, size_t size) {
        Unfinished *u = &w->unfinished[stream - 1];
        int64_t now_ns = clock_now_ns();
        int r = 0;

        while (size > 0 && r >= 0) {
                size_t room = PIECE_MAX - u->size, n = size < room ? size : room;
                const char *newline = memchr(text, '\n', n);

                if (newline)
                        n = (size_t) (newline + 1 - text);
                if (newline && u->size == 0)
                        r = put_piece(w, stream, text, n, now_ns);
                else {
                        r = keep(u, text, n);
                        if (r == 0 && (newline || u->size == PIECE_MAX))
                                r = put_kept(w, stream, !newline, now_ns);
                }
                text += n;
                size -= n;
        }
        return r;
}

/*
 * Drops what could not be written and goes on: a container must not stop for its log.  Opened
 * again, the file is mended first.
 */
static int warn_once(LogWriter *w, int r) {
        w->filled = 0;
        w->file = close_fd(w->file);
        if (!w->failing)
                log_warn("cannot write the log: %s; lines are lost", strerror(-r));
        w->failing = true;
        return r;
}

int log_writer_put(LogWriter *w, int stream, const void *data, size_t size) {
        int r;

        r = put_lines(w, stream, data, size);
        if (r >= 0)
                r = write_buffer(w);
        return r < 0 ? warn_once(w, r) : 0;
}

void log_writer_flush(LogWriter *w) {
        int64_t now_ns = clock_now_ns();
        int r = 0;

        for (int stream = 1; stream <= 2; stream++)
                if (w->unfinished[stream - 1].size > 0 && r >= 0)
                        r = put_kept(w, stream, false, now_ns);
        if (r >= 0)
                r = write_buffer(w);
        if (r < 0)
                (void) warn_once(w, r);
}

LogWriter *log_writer_free(LogWriter *w) {
        if (!w)
                return NULL;

        log_writer_flush(w);
        (void) close_fd(w->file);
        free(w->unfinished[0].text);
        free(w->unfinished[1].text);
        free(w);
        return NULL;
}
