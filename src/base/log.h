/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Log
 *
 * For people who debug, on stderr or in a monitor's file.  log_debug() tells
 * what the kernel is about to be asked, log_info() what was done, log_warn()
 * that something failed and what was done instead.  There is no log_error: an
 * error is a return value, see err.h.
 */

#include <stdbool.h>

#include "base/err.h"

typedef enum LogLevel {
        LOG_LEVEL_DEBUG,
        LOG_LEVEL_INFO,
        LOG_LEVEL_WARN,
        LOG_LEVEL_NONE,
} LogLevel;

extern LogLevel log_level; /* read by the macros below; set by log_setup() */

/* @process: how lines begin, "isola" or "isola[monitor web]"; copied, cut at 63 bytes. */
void log_setup(LogLevel level, bool json, const char *process);
/* From now on lines go to fd, which stays the caller's. */
void log_to(int fd);
/* "debug", "info", "warn" or "none"; -EINVAL. */
int log_level_parse(const char *name, LogLevel *ret);

/*
 * Keeps warnings back, for a program whose callers take the first words on stderr for the reason
 * of a failure: log_release() writes them, or drops them where that reason is told instead.
 */
void log_hold(void);
void log_release(bool drop);
/* Whether there are such. */
bool log_holds_lines(void);

void log_write(LogLevel level, const char *format, ...) printf_like(2, 3);

#define log_at_(level, ...)                            \
        do {                                           \
                if (log_level <= (level))              \
                        log_write(level, __VA_ARGS__); \
        } while (0)
#define log_debug(...) log_at_(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(...)  log_at_(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warn(...)  log_at_(LOG_LEVEL_WARN, __VA_ARGS__)
