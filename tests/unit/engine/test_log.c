/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <signal.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "engine/log.h"
#include "engine/log_line.h"
#include "test.h"

/* A directory of its own that is gone with the test's mount namespace. */
static int scratch(void) {
        expect(mount("none", "/mnt", "tmpfs", 0, NULL) == 0);
        return expect_ok(open("/mnt", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static char *contents(const char *path) {
        char *text = NULL;

        expect_ok(file_read(AT_FDCWD, path, 1 << 24, &text, NULL));
        return text;
}

static void put(LogWriter *w, int stream, const char *text) {
        expect_ok(log_writer_put(w, stream, text, strlen(text)));
}

/* What log_read() prints, stdout and stderr together. */
static char *printed(int dir, LogQuery query) {
        char path[] = "/tmp/test-log-XXXXXX", *text = NULL;
        autoclose int out = mkstemp(path);

        expect(out >= 0 && unlink(path) == 0);
        query.output = query.error = out;
        expect_ok(log_read(dir, &query, NULL));
        text = calloc(1, (size_t) lseek(out, 0, SEEK_CUR) + 1);
        expect(text && pread(out, text, (size_t) lseek(out, 0, SEEK_CUR), 0) >= 0);
        return text;
}

TEST_IN(line_is_written_as_docker_does, CLONE_NEWNS) {
        autoclose int dir = scratch();
        autoptr(LogWriter) w = NULL;
        autofree char *text = NULL;
        const char *wanted =
                "{\"log\":\"a\\\"\\\\\\u0009\\u003cb\\u003e\\u0026\\u001b\\u2028\xc3\xa9\\ufffd"
                "\\r\\n\",\"stream\":\"stderr\",\"time\":\"20";

        expect_ok(log_writer_open(dir, 0, 3, &w, NULL));
        expect(access("/mnt/log", F_OK) < 0);
        put(w, 2, "a\"\\\t<b>&\x1b\xe2\x80\xa8\xc3\xa9\xff\r\n");
        text = contents("/mnt/log");
        expect(strncmp(text, wanted, strlen(wanted)) == 0);
        expect(str_ends_with(text, "Z\"}\n"));
}

TEST_IN(unfinished_lines_wait_for_their_end, CLONE_NEWNS) {
        autoclose int dir = scratch();
        autoptr(LogWriter) w = NULL;
        autofree char *text = NULL;

        expect_ok(log_writer_open(dir, 0, 3, &w, NULL));
        put(w, 1, "one ");
        put(w, 2, "error\n");
        put(w, 1, "line\nrest");
        log_writer_flush(w);
        text = printed(dir, (LogQuery){ .tail = -1 });
        expect_str(text, "error\none line\nrest");
}

TEST_IN(long_line_is_cut_between_characters, CLONE_NEWNS) {
        autoclose int dir = scratch();
        autoptr(LogWriter) w = NULL;
        autofree char *file = NULL, *text = NULL;
        autostr line = {};
        int pieces = 0;

        str_put_char(&line, 'x');
        while (line.length < 50000)
                str_put(&line, "\xe2\x82\xac");
        str_put_char(&line, '\n');
        expect_ok(log_writer_open(dir, 0, 3, &w, NULL));
        put(w, 1, line.text);
        file = contents("/mnt/log");
        expect(!strstr(file, "ufffd"));
        for (char *p = file; (p = strchr(p, '\n')); p++)
                pieces++;
        expect(pieces == 4);
        text = printed(dir, (LogQuery){ .tail = -1, .timestamps = true });
        expect_str(text + 31, line.text);
}

static void put_numbers(LogWriter *w, int first, int last) {
        for (int i = first; i <= last; i++) {
                autofree char *text = str_format("line %d\n", i);

                put(w, i % 2 ? 1 : 2, text);
        }
}

TEST_IN(files_stay_below_the_limit_and_nothing_is_lost, CLONE_NEWNS) {
        autoclose int dir = scratch();
        autoptr(LogWriter) w = NULL;
        autofree char *text = NULL, *tail = NULL, *all_tail = NULL;
        struct stat st;

        expect_ok(log_writer_open(dir, 4096, 3, &w, NULL));
        put_numbers(w, 1, 100);
        expect(stat("/mnt/log", &st) == 0 && st.st_size <= 4096);
        expect(stat("/mnt/log.1", &st) == 0 && st.st_size <= 4096 && st.st_size > 4000);
        expect(stat("/mnt/log.3", &st) < 0);
        text = printed(dir, (LogQuery){ .tail = -1 });
        expect(strncmp(text, "line 1\n", 7) == 0 && str_ends_with(text, "line 100\n"));

        put_numbers(w, 101, 1000);
        tail = printed(dir, (LogQuery){ .tail = 3 });
        expect_str(tail, "line 998\nline 999\nline 1000\n");
        all_tail = printed(dir, (LogQuery){ .tail = 100 }); /* more than one file holds */
        expect(strncmp(all_tail, "line 901\n", 9) == 0);
        expect(stat("/mnt/log.2", &st) == 0 && stat("/mnt/log.3", &st) < 0);
}

TEST_IN(one_file_is_begun_anew, CLONE_NEWNS) {
        autoclose int dir = scratch();
        autoptr(LogWriter) w = NULL;
        autofree char *text = NULL;
        struct stat st;

        expect_ok(log_writer_open(dir, 1000, 1, &w, NULL));
        put_numbers(w, 1, 100);
        expect(stat("/mnt/log", &st) == 0 && st.st_size <= 1000);
        expect(stat("/mnt/log.1", &st) < 0);
        text = printed(dir, (LogQuery){ .tail = 1 });
        expect_str(text, "line 100\n");
}

static void put_stamped(int dir, const char *name, int first, int last) {
        autostr text = {};

        for (int i = first; i <= last; i++)
                str_printf(
                        &text,
                        "{\"log\":\"%d\\n\",\"stream\":\"stdout\",\"time\":\"2026-11-22T%02d:%02d:"
                        "%02d.5Z\"}\n",
                        i, i / 3600, i / 60 % 60, i % 60);
        expect_ok(file_replace(dir, name, text.text, text.length, 0600, false));
}

TEST_IN(since_and_until_choose_by_time, CLONE_NEWNS) {
        autoclose int dir = scratch();
        autofree char *text = NULL, *none = NULL, *stamped = NULL, *rest = NULL;
        int64_t midnight;
        struct timespec old[2] = {};

        expect_ok(clock_parse_rfc3339("2026-11-22T00:00:00Z", &midnight));
        put_stamped(dir, "log.1", 1, 9999);
        put_stamped(dir, "log", 10000, 20000);
        text = printed(dir, (LogQuery){ .tail = -1,
                                        .since_ns = midnight + 9998 * 1000000000LL,
                                        .until_ns = midnight + 10001 * 1000000000LL });
        expect_str(text, "9998\n9999\n10000\n");
        none = printed(dir, (LogQuery){ .tail = -1, .since_ns = midnight + 30000000000000LL });
        expect_str(none, "");
        stamped = printed(dir, (LogQuery){ .tail = 1, .timestamps = true });
        expect_str(stamped, "2026-11-22T05:33:20.500000000Z 20000\n");

        /* A file that was last written before is not even opened at its end. */
        old[0].tv_sec = old[1].tv_sec = midnight / 1000000000 + 5000;
        expect(utimensat(dir, "log.1", old, 0) == 0);
        rest = printed(dir, (LogQuery){ .tail = -1,
                                        .since_ns = midnight + 9998 * 1000000000LL,
                                        .until_ns = midnight + 10001 * 1000000000LL });
        expect_str(rest, "10000\n");
}

TEST_IN(cut_line_is_passed_over_and_ended_by_the_next_writer, CLONE_NEWNS) {
        autoclose int dir = scratch();
        autoptr(LogWriter) w = NULL;
        autofree char *text = NULL, *tail = NULL;

        put_stamped(dir, "log", 1, 2);
        expect_ok(log_writer_open(dir, 0, 3, &w, NULL));
        {
                autoclose int file = open("/mnt/log", O_WRONLY | O_APPEND | O_CLOEXEC);

                expect(write(file, "{\"log\":\"hal", 11) == 11);
        }
        tail = printed(dir, (LogQuery){ .tail = 1 });
        expect_str(tail, "2\n");
        put(w, 1, "whole\n");
        text = printed(dir, (LogQuery){ .tail = -1 });
        expect_str(text, "1\n2\nwhole\n");
}

TEST_IN(full_disk_loses_lines_but_not_the_log, CLONE_NEWNS) {
        autoclose int dir = -EBADF;
        autoptr(LogWriter) w = NULL;
        autofree char *text = NULL;
        static char big[60000];
        int r = 0;

        expect(mount("none", "/mnt", "tmpfs", 0, "size=64k") == 0);
        dir = expect_ok(open("/mnt", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        memset(big, 'x', sizeof big);
        expect_ok(log_writer_open(dir, 0, 3, &w, NULL));
        put(w, 1, "first\n");
        for (int i = 0; i < 3 && r == 0; i++)
                r = log_writer_put(w, 1, big, sizeof big);
        expect(r == -ENOSPC);
        expect(mount("none", "/mnt", "tmpfs", MS_REMOUNT, "size=1m") == 0);
        put(w, 2, "last\n");
        text = printed(dir, (LogQuery){ .tail = -1 });
        expect(strncmp(text, "first\n", 6) == 0);
        expect(str_ends_with(text, "last\n"));
}

typedef struct Follower {
        int pipe[2];
        pid_t pid;
        int count;
} Follower;

static bool pipe_is_closed(void *context) {
        char byte;

        return read(*(int *) context, &byte, 1) == 0;
}

static void follower_main(int dir, int output, int ended) {
        LogQuery query = { .follow = true,
                           .tail = -1,
                           .output = output,
                           .error = output,
                           .ended = pipe_is_closed,
                           .context = &ended,
                           .ended_fd = ended };

        expect_ok(log_read(dir, &query, NULL));
        _exit(0);
}

TEST_IN(following_goes_on_across_rotations, CLONE_NEWNS) {
        autoclose int dir = scratch(), out = open("/mnt/out", O_RDWR | O_CREAT | O_APPEND, 0600);
        autoptr(LogWriter) w = NULL;
        autofree char *text = NULL;
        autostr wanted = {};
        int ended[2], status;
        pid_t pid;

        expect(pipe2(ended, O_CLOEXEC | O_NONBLOCK) == 0);
        expect_ok(log_writer_open(dir, 300, 5, &w, NULL));
        pid = fork();
        if (pid == 0) {
                close(ended[1]);
                follower_main(dir, out, ended[0]);
        }
        for (int i = 1; i <= 200; i++) {
                autofree char *line = str_format("line %d\n", i);

                str_put(&wanted, line);
                put(w, 1, line);
                usleep(300);
        }
        close(ended[1]);
        expect(waitpid(pid, &status, 0) == pid && status == 0);
        text = contents("/mnt/out");
        expect_str(text, wanted.text);
}

TEST(lines_of_others_are_understood) {
        char text[] =
                " { \"time\" : \"2026-11-22T15:00:00+01:00\", \"n\":[1,{\"a\":\"}\"}], "
                "\"attrs\":{\"b c\":\"d\",\"e\":\"f=g\"}, \"log\":\"\\ud83d\\ude00\\t\\u00e9\" }";
        char details[64];
        LogLine line;
        int64_t ns;
        size_t n;

        expect_ok(log_line_parse(text, strlen(text), &line));
        expect(line.stream == 1 && line.size == 7);
        expect(memcmp(line.text, "\xf0\x9f\x98\x80\t\xc3\xa9", 7) == 0);
        expect_ok(clock_parse_rfc3339("2026-11-22T14:00:00Z", &ns));
        expect(line.time_ns == ns);
        n = log_line_details(&line, details, sizeof details);
        details[n] = 0;
        expect_str(details, "b+c=d,e=f%3Dg");
}

TEST(broken_lines_are_refused) {
        static const char whole[] =
                "{\"log\":\"a\\u00e9\\n\",\"stream\":\"stdout\",\"attrs\":{\"a\":"
                "\"b\"},\"time\":\"2026-11-22T14:00:00.1Z\"}";

        for (size_t n = 0; n < sizeof whole - 1; n++) {
                autofree char *cut = strndup(whole, n);
                LogLine line;

                expect(log_line_parse(cut, n, &line) == -EINVAL);
        }
        for (size_t i = 0; i < sizeof whole - 1; i++)
                for (int c = 0; c < 256; c++) {
                        autofree char *copy = strdup(whole);
                        char details[16];
                        LogLine line = {};

                        copy[i] = (char) c;
                        if (log_line_parse(copy, sizeof whole - 1, &line) == 0)
                                (void) log_line_details(&line, details, sizeof details);
                }
}
