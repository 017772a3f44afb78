/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What goes over the stream of copy.h; both ends are on one machine
 *
 *     entry     = FILE contents | DIRECTORY entry... LEAVE | LINK target | FIFO
 *               | ALIAS path | LEFT_OUT | ERROR sentence
 *
 * The first record is the root entry, whose name is empty; an ALIAS is another name of the file
 * whose path below the root it gives.
 */

#include <stdint.h>

#define COPY_DEPTH_MAX  128
#define COPY_NAME_BYTES 256
#define COPY_TEXT_MAX   4096
#define COPY_BLOCK      65536

enum {
        COPY_FILE = 'f',
        COPY_DIRECTORY = 'd',
        COPY_LINK = 'l',
        COPY_FIFO = 'p',
        COPY_ALIAS = 'h',
        COPY_LEFT_OUT = 'x',
        COPY_LEAVE = 'u',
        COPY_ERROR = 'e',
};

typedef struct CopyRecord {
        uint8_t type;
        uint32_t mode; /* permissions, and set-id and sticky bits */
        uint32_t uid, gid;
        int64_t mtime;
        uint32_t mtime_ns;
        uint64_t size; /* of what follows: contents, where a link leads, a path, a sentence */
        char name[COPY_NAME_BYTES];
} CopyRecord;
