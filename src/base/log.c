/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"

LogLevel log_level = LOG_LEVEL_WARN;

static struct {
        int fd;
        bool json;
        bool holding;
        Str held;
        char process[64];
} sink = { .fd = STDERR_FILENO, .process = "isola" };

static const char *const names[] = { "debug", "info", "warn", "none" };

void log_setup(LogLevel level, bool json, const char *process) {
        log_level = level;
        sink.json = json;
        snprintf(sink.process, sizeof sink.process, "%s", process);
}

void log_to(int fd) {
        sink.fd = fd;
}

/* A log that cannot be written must not stop the work it tells of. */
static void put_lines(const char *lines) {
        autofree char *safe = NULL;
        int saved = errno;

        if (isatty(sink.fd))
                safe = sink.json ? str_printable_json(lines) : str_printable_lines(lines);
        if (write(sink.fd, safe ? safe : lines, strlen(safe ? safe : lines)) < 0)
                errno = saved;
        errno = saved;
}

void log_hold(void) {
        sink.holding = true;
}

void log_release(bool drop) {
        Str *held = &sink.held;

        sink.holding = false;
        if (!drop && held->text)
                put_lines(held->text);
        str_clear(held);
}

bool log_holds_lines(void) {
        return sink.held.text != NULL;
}

int log_level_parse(const char *name, LogLevel *ret) {
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
                if (strcmp(name, names[i]) == 0) {
                        *ret = (LogLevel) i;
                        return 0;
                }
        return -EINVAL;
}

static char *json_line(LogLevel level, const char *words) {
        autofree char *text = NULL, *time = clock_rfc3339(clock_now_ns());
        json_t *json;

        json = json_pack("{s:s, s:s, s:s, s:s}", "level",
                         level == LOG_LEVEL_WARN ? "warning" : names[level], "msg", words, "time",
                         time ? time : "", "process", sink.process);
        text = json_dumps(json, JSON_COMPACT);
        json_decref(json);
        return text ? str_format("%s\n", text) : NULL;
}

void log_write(LogLevel level, const char *format, ...) {
        autofree char *words = NULL, *line = NULL;
        int saved = errno;
        va_list ap;

        va_start(ap, format);
        if (vasprintf(&words, format, ap) < 0)
                words = NULL;
        va_end(ap);
        if (!words)
                return;

        line = sink.json ? json_line(level, words)
                         : str_format("%s: %s%s\n", sink.process,
                                      level == LOG_LEVEL_WARN ? "warning: " : "", words);
        if (line && sink.holding && level == LOG_LEVEL_WARN)
                str_put(&sink.held, line);
        else if (line)
                put_lines(line);
        errno = saved;
}
