/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The tar format's own words, shared by reader and writer: POSIX pax(1), "ustar Interchange
 * Format". */

#define TAR_BLOCK 512

enum {
        TAR_FILE = '0',
        TAR_FILE_OLD = 0,
        TAR_HARDLINK = '1',
        TAR_SYMLINK = '2',
        TAR_CHAR_DEVICE = '3',
        TAR_BLOCK_DEVICE = '4',
        TAR_DIRECTORY = '5',
        TAR_FIFO = '6',
        TAR_CONTIGUOUS = '7',
        TAR_PAX = 'x',
        TAR_PAX_GLOBAL = 'g',
        TAR_GNU_LONG_NAME = 'L',
        TAR_GNU_LONG_LINK = 'K',
        TAR_GNU_SPARSE = 'S',
        TAR_GNU_VOLUME = 'V',
        TAR_GNU_MULTIVOLUME = 'M',
        TAR_GNU_DUMPDIR = 'D',
};

typedef struct TarHeader {
        char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8];
        char type, link[100], magic[6], version[2], uname[32], gname[32];
        char major[8], minor[8], prefix[155], padding[12];
} TarHeader;
_Static_assert(sizeof(TarHeader) == TAR_BLOCK, "a tar header is one block");

/* image-spec layer.md, "Whiteouts". */
#define WHITEOUT_PREFIX ".wh."
#define WHITEOUT_OPAQUE ".wh..wh..opq"
#define WHITEOUT_META   ".wh..wh."

#define XATTR_OPAQUE "user.overlay.opaque"
