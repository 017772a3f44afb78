/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Container logs in Docker's json-file format
 *
 * One JSON object a line, {"log":"text\n","stream":"stdout","time":"…"}, in
 * <container>/log; rotated to log.1, log.2 … when it reaches the limit.  Lines
 * longer than 16 KiB are cut into pieces, of which all but the last lack "\n".
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/err.h"

#define LOG_DEFAULT_MAX_SIZE  10000000
#define LOG_DEFAULT_MAX_FILES 3

typedef struct LogWriter LogWriter;

/*
 * Costs no system call: the file is opened, and made, when there is something to write.
 * @dir: the container's data directory, kept open by the caller.  max_size 0: unlimited.
 */
int log_writer_open(int dir, int64_t max_size, int max_files, LogWriter **ret, Err *err);
/*
 * @stream: 1 or 2.  Keeps an unfinished line until its end, 16 KiB or log_writer_flush().
 * What cannot be written is dropped, with one warning for each such time: -ENOSPC and others.
 */
int log_writer_put(LogWriter *w, int stream, const void *data, size_t size);
/* Writes unfinished lines as they are: the stream has ended. */
void log_writer_flush(LogWriter *w);
LogWriter *log_writer_free(LogWriter *w);
DEFINE_AUTOPTR(LogWriter, log_writer_free)

typedef struct LogQuery {
        bool follow;
        int64_t since_ns, until_ns; /* 0: no limit */
        int64_t tail;               /* last lines; -1: all */
        bool timestamps;
        bool details;
        int output, error; /* where stdout's and stderr's text goes */
        /* While following: true once the container has ended and its log is complete. */
        bool (*ended)(void *context);
        void *context;
        /* Becomes readable when ended() is worth asking, such as a pidfd; 0 or less: there is none,
         * ended() is asked every 200 ms. */
        int ended_fd;
} LogQuery;

/* Prints the log; reads from the end for tail, and only files that can hold wanted lines. */
int log_read(int dir, const LogQuery *query, Err *err);
