/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Packets of a link in a file. */

#include "lab/lab.h"

typedef struct CaptureOptions {
        uint32_t snaplen; /* bytes kept of each frame; 0: all */
        int64_t end_ms;   /* clock_monotonic_ms() at which it ends, -1: when it is told to */
        int stop;         /* readable when it is to end; or negative */
} CaptureOptions;

/**
 * lab_capture() - write what passes a link as pcapng
 * @fd:		where to; stays the caller's
 *
 * Of an emulated link at both ends (wire_capture()); of a cable at its first end, where what leaves
 * by it is outbound.
 *
 * Return: 0 when it has ended, also because nobody reads any more; -EBUSY if it is captured
 * already.
 */
int lab_capture(const Lab *lab, size_t link, int fd, const CaptureOptions *options, Err *err);
