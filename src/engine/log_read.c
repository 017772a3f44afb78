/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Reading a container's log
 *
 * The log is a row of files, oldest first: log.2, log.1, log.  The reader opens
 * them all at once, so that a rotation during its work takes nothing away; which
 * of them hold wanted lines it learns from their ends:
 *
 *   tail     newlines are counted in blocks from the end of the newest backwards
 *   since    a file last written before is left out; in the first that is left,
 *            the place is found by bisection, for lines are in order of time
 *   until    the first line that is later ends it
 *
 * Following knows the file it reads by its inode, which cannot be given to
 * another while it is open.  When "log" is another file, the rest of the old one
 * is read and its successor looked up: one number lower than where it is now.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/log.h"
#include "engine/log_line.h"

#define BLOCK        65536
#define LINE_MAX_LOG (1 << 20) /* foreign tools may have written longer ones than we do */
#define FILES_MAX    1024
#define OUTPUT_FULL  65536
/* The time of a write is taken from a clock that is a tick late. */
#define CLOCK_SLACK_NS 1000000000LL

typedef struct Reader {
        const LogQuery *query;
        int dir;
        int file; /* being read */
        char *line;
        size_t filled, capacity; /* the beginning of a line whose end is not there yet */
        bool past_until;
        bool in_line[2]; /* the stream's last piece had no newline */
        int target;      /* what waits in output is for it */
        Str output;
} Reader;

static void reader_clear(Reader *r) {
        (void) close_fd(r->file);
        free(r->line);
        str_clear(&r->output);
}

typedef struct Files {
        int fds[FILES_MAX]; /* newest first */
        size_t n;
} Files;

static void files_clear(Files *files) {
        for (size_t i = 0; i < files->n; i++)
                (void) close_fd(files->fds[i]);
        files->n = 0;
}

static void name_of(int number, char name[16]) {
        if (number == 0)
                snprintf(name, 16, "log");
        else
                snprintf(name, 16, "log.%d", number);
}

static int open_log(int dir, int number) {
        char name[16];
        int fd;

        name_of(number, name);
        fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        return fd < 0 ? -errno : fd;
}

static bool is_same_file(int a, int b) {
        struct stat x, y;

        return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_ino == y.st_ino &&
               x.st_dev == y.st_dev;
}

/*
 * Opens from the newest on: a rotation meanwhile shows as the same file under two numbers.  A
 * writer that dies in the middle of one leaves a gap of one number.
 */
static int open_all(int dir, Files *files) {
        int gaps = 0;

        for (int number = 0; number < FILES_MAX && gaps < 2; number++) {
                int fd = open_log(dir, number);

                if (fd == -ENOENT) {
                        gaps++;
                        continue;
                }
                if (fd < 0)
                        return fd;
                if (files->n > 0 && is_same_file(fd, files->fds[files->n - 1]))
                        (void) close_fd(fd);
                else
                        files->fds[files->n++] = fd;
        }
        return 0;
}

static int flush_output(Reader *r) {
        int k = 0;

        if (r->output.failed)
                return -ENOMEM;
        if (r->output.length > 0)
                k = fd_write_all(r->target, r->output.text, r->output.length);
        r->output.length = 0;
        return k;
}

static int put_line(Reader *r, const LogLine *line) {
        int target = line->stream == 2 ? r->query->error : r->query->output, k;
        bool *in_line = &r->in_line[line->stream == 2];
        char text[CLOCK_RFC3339_LENGTH + 1], details[1024];

        if (target != r->target || r->output.length >= OUTPUT_FULL) {
                k = flush_output(r);
                if (k < 0)
                        return k;
                r->target = target;
        }
        if (r->query->timestamps && !*in_line) {
                clock_put_rfc3339(line->time_ns, text);
                str_put(&r->output, text);
                str_put_char(&r->output, ' ');
        }
        if (r->query->details && !*in_line) {
                str_put_bytes(&r->output, details, log_line_details(line, details, sizeof details));
                str_put_char(&r->output, ' ');
        }
        str_put_bytes(&r->output, line->text, line->size);
        if (line->size > 0)
                *in_line = line->text[line->size - 1] != '\n';
        return 0;
}

/* Prints one line of the file if it is wanted; what is no log line is passed over. */
static int take_line(Reader *r, char *text, size_t size) {
        const LogQuery *q = r->query;
        LogLine line;

        if (log_line_parse(text, size, &line) < 0)
                return 0;
        if (q->until_ns && line.time_ns > q->until_ns) {
                r->past_until = true;
                return 0;
        }
        if (q->since_ns && line.time_ns < q->since_ns)
                return 0;
        return put_line(r, &line);
}

static int take_lines(Reader *r) {
        char *p = r->line, *end = r->line + r->filled, *newline;
        int k;

        while (!r->past_until && (newline = memchr(p, '\n', (size_t) (end - p)))) {
                k = take_line(r, p, (size_t) (newline - p));
                if (k < 0)
                        return k;
                p = newline + 1;
        }
        r->filled = (size_t) (end - p);
        memmove(r->line, p, r->filled);
        if (r->filled >= LINE_MAX_LOG) /* no newline in sight: its rest will not parse either */
                r->filled = 0;
        return 0;
}

/* Prints what the file has from its position on. */
static int read_to_end(Reader *r) {
        while (!r->past_until) {
                ssize_t n;
                int k;

                if (r->capacity - r->filled < BLOCK) {
                        char *longer = realloc(r->line, r->filled + 2 * BLOCK);

                        if (!longer)
                                return -ENOMEM;
                        r->line = longer;
                        r->capacity = r->filled + 2 * BLOCK;
                }
                n = read(r->file, r->line + r->filled, r->capacity - r->filled);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        return 0;
                r->filled += (size_t) n;
                k = take_lines(r);
                if (k < 0)
                        return k;
        }
        return 0;
}

/* Takes over a file; the half line that the one before may have ended in is dropped. */
static void begin_file(Reader *r, int file) {
        (void) close_fd(r->file);
        r->file = file;
        r->filled = 0;
}

/*
 * Finds where the last @wanted lines of a file begin.  @wanted: reduced by the lines that it has.
 * Return: the offset, 0 if they are not all in this file; negative errno.
 */
static off_t find_tail(int fd, int64_t *wanted) {
        autofree char *block = malloc(BLOCK);
        off_t end = lseek(fd, 0, SEEK_END);
        bool ended = false; /* the last newline begins no line, or one that was cut */

        if (!block)
                return -ENOMEM;
        while (end > 0) {
                size_t size = end < BLOCK ? (size_t) end : BLOCK;
                ssize_t n = pread(fd, block, size, end - (off_t) size);

                if (n < 0)
                        return -errno;
                if ((size_t) n < size)
                        return -EIO;
                for (char *p = block + size; (p = memrchr(block, '\n', (size_t) (p - block)));
                     ended = true)
                        if (ended && --*wanted == 0)
                                return end - (off_t) size + (p + 1 - block);
                end -= (off_t) size;
        }
        *wanted -= ended;
        return 0;
}

/*
 * Reads the time of the first whole line after offset; @ret_start: where that line begins.
 * Return: 1; 0 if there is none before @end.
 */
static int time_after(int fd, off_t offset, off_t end, char *block, off_t *ret_start,
                      int64_t *ret_ns) {
        while (offset < end) {
                ssize_t n = pread(fd, block, 2 * BLOCK, offset);
                char *begin, *newline;

                if (n <= 0)
                        return 0;
                begin = memchr(block, '\n', (size_t) n);
                if (!begin)
                        return 0;
                begin++;
                newline = memchr(begin, '\n', (size_t) (block + n - begin));
                if (!newline)
                        return 0;
                *ret_start = offset + (begin - block);
                if (*ret_start >= end)
                        return 0;
                if (log_line_time(begin, (size_t) (newline - begin), ret_ns) == 0)
                        return 1;
                offset = *ret_start;
        }
        return 0;
}

/* Finds an offset before which no line is as late as @since_ns, by halving. */
static off_t find_since(int fd, int64_t since_ns) {
        autofree char *block = malloc(2 * BLOCK);
        off_t low = 0, high = lseek(fd, 0, SEEK_END), start;
        int64_t ns;

        if (!block)
                return -ENOMEM;
        while (high - low > BLOCK) {
                off_t middle = low + (high - low) / 2;

                if (time_after(fd, middle, high, block, &start, &ns) > 0 && ns < since_ns)
                        low = start;
                else
                        high = middle;
        }
        return low;
}

/* Sets the files' positions; returns the index of the oldest one that has wanted lines. */
static int find_start(const LogQuery *q, Files *files, size_t *ret) {
        int64_t wanted = q->tail;
        off_t start = 0;
        size_t i;

        for (i = 0; q->tail > 0 && i < files->n; i++) {
                start = find_tail(files->fds[i], &wanted);
                if (start < 0 || wanted == 0)
                        break;
        }
        for (; q->tail < 0 && q->since_ns && i < files->n; i++) {
                struct stat st;

                if (fstat(files->fds[i], &st) < 0)
                        return -errno;
                if (st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec + CLOCK_SLACK_NS <
                    q->since_ns)
                        break;
        }
        if (q->tail < 0)
                i = q->since_ns ? i - (i > 0) : files->n - 1;
        else if (i == files->n)
                i--;

        if (q->tail == 0)
                start = lseek(files->fds[0], 0, SEEK_END);
        else if (q->tail < 0 && q->since_ns)
                start = find_since(files->fds[i], q->since_ns);
        if (start < 0)
                return (int) start;
        for (size_t k = 0; k < files->n; k++)
                if (lseek(files->fds[k], k == i ? start : 0, SEEK_SET) < 0)
                        return -errno;
        *ret = i;
        return 0;
}

static int read_all(Reader *r, Files *files) {
        size_t i = 0;
        int k;

        if (files->n == 0)
                return 0;
        k = find_start(r->query, files, &i);
        if (k < 0)
                return k;
        for (;;) {
                begin_file(r, take_fd(files->fds[i]));
                k = read_to_end(r);
                if (k < 0 || r->past_until || i == 0)
                        return k;
                i--;
        }
}

static int open_oldest(int dir) {
        __attribute__((__cleanup__(files_clear))) Files files = {};
        int r;

        r = open_all(dir, &files);
        if (r < 0)
                return r;
        return files.n ? take_fd(files.fds[files.n - 1]) : -ENOENT;
}

/* Under which number the file that is being read stands now; -ENOENT if it was just renamed. */
static int find_number(const Reader *r) {
        int gaps = 0;

        for (int number = 0; number < FILES_MAX && gaps < 2; number++) {
                autoclose int fd = open_log(r->dir, number);

                if (fd == -ENOENT)
                        gaps++;
                else if (fd >= 0 && is_same_file(fd, r->file))
                        return number;
        }
        return -ENOENT;
}

/*
 * Opens the file that follows the present one, which no longer is "log".
 * Return: descriptor; -ENOENT if it is not there yet.
 */
static int open_next(Reader *r) {
        for (int tries = 0; tries < 100; tries++) {
                autoclose int again = -EBADF;
                struct stat st;
                int number, next;

                /* It was the oldest and is gone: what is oldest now follows. */
                if (r->file < 0 || (fstat(r->file, &st) == 0 && st.st_nlink == 0))
                        return open_oldest(r->dir);

                number = find_number(r);
                if (number == 0)
                        return -ENOENT;
                if (number < 0)
                        continue;

                next = open_log(r->dir, number - 1);
                again = open_log(r->dir, number);
                if (again >= 0 && is_same_file(again, r->file))
                        return next;
                (void) close_fd(next); /* rotated once more between the two */
        }
        return -ENOENT;
}

/* True if nothing more will be written to the present file. */
static bool is_rotated(const Reader *r) {
        struct stat now, mine;

        if (r->file < 0)
                return true;
        if (fstatat(r->dir, "log", &now, AT_SYMLINK_NOFOLLOW) < 0)
                return true;
        return fstat(r->file, &mine) < 0 || now.st_ino != mine.st_ino || now.st_dev != mine.st_dev;
}

/* Prints all there is by now, over any number of rotations. */
static int catch_up(Reader *r) {
        for (;;) {
                bool rotated = is_rotated(r);
                struct stat st;
                int k, next;

                if (r->file >= 0) {
                        if (fstat(r->file, &st) == 0 && st.st_size < lseek(r->file, 0, SEEK_CUR))
                                (void) lseek(r->file, 0, SEEK_SET); /* emptied by somebody */
                        k = read_to_end(r);
                        if (k < 0)
                                return k;
                }
                if (!rotated || r->past_until)
                        return flush_output(r);

                next = open_next(r);
                if (next == -ENOENT)
                        return flush_output(r);
                if (next < 0)
                        return next;
                begin_file(r, next);
        }
}

/* Watches the directory; without inotify (too many watches) the caller looks every 200 ms. */
static int watch_dir(int dir) {
        autoclose int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        char path[32];

        snprintf(path, sizeof path, "/proc/self/fd/%d", dir);
        if (watch < 0 || inotify_add_watch(watch, path, IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
                return -errno;
        return take_fd(watch);
}

static int wait_timeout_ms(const LogQuery *q, int watch) {
        int timeout_ms = watch < 0 || (q->ended && q->ended_fd <= 0) ? 200 : -1;
        int64_t left_ms;

        if (!q->until_ns)
                return timeout_ms;
        left_ms = (q->until_ns - clock_now_ns()) / 1000000 + 1;
        if (left_ms < 0)
                left_ms = 0;
        if (left_ms > INT_MAX)
                left_ms = INT_MAX;
        return timeout_ms < 0 || left_ms < timeout_ms ? (int) left_ms : timeout_ms;
}

/* Return: 1 to go on, 0 if nobody reads the output any more. */
static int wait_for_more(const LogQuery *q, int watch) {
        struct pollfd fds[] = {
                { .fd = watch, .events = POLLIN },
                { .fd = q->ended_fd > 0 ? q->ended_fd : -EBADF, .events = POLLIN },
                { .fd = q->output }, /* POLLERR: its reader is gone */
        };
        char events[4096];

        if (poll(fds, 3, wait_timeout_ms(q, watch)) < 0)
                return errno == EINTR ? 1 : -errno;
        if (fds[0].revents)
                while (read(watch, events, sizeof events) > 0)
                        ;
        return !(fds[2].revents & (POLLERR | POLLNVAL));
}

static int follow(Reader *r) {
        const LogQuery *q = r->query;
        autoclose int watch = watch_dir(r->dir);
        int k;

        if (watch < 0)
                log_debug("cannot watch the log: %s; looking every 200 ms", strerror(-watch));
        for (;;) {
                /* Both are asked before reading: what was written until then is not missed. */
                bool ended = q->ended && q->ended(q->context);
                bool over = q->until_ns && clock_now_ns() > q->until_ns;

                k = catch_up(r);
                if (k < 0 || ended || over || r->past_until)
                        return k;
                k = wait_for_more(q, watch);
                if (k <= 0)
                        return k;
        }
}

int log_read(int dir, const LogQuery *query, Err *err) {
        __attribute__((__cleanup__(reader_clear)))
        Reader reader = { .query = query, .dir = dir, .file = -EBADF, .target = query->output };
        __attribute__((__cleanup__(files_clear))) Files files = {};
        int r;

        r = open_all(dir, &files);
        if (r < 0)
                return fail(err, r, "cannot open the container's log");

        r = read_all(&reader, &files);
        if (r == 0)
                r = flush_output(&reader);
        if (r == 0 && query->follow && !reader.past_until)
                r = follow(&reader);
        if (r == -EPIPE)
                return 0; /* the reader of our output has seen enough */
        return r < 0 ? fail(err, r, "cannot read the container's log") : 0;
}
