/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <bzlib.h>
#include <lzma.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/auto.h"
#include "base/file.h"
#include "store/decompress.h"
#include "store/inflate.h"

#define INPUT_SIZE      (256u << 10)
#define XZ_MEMORY       (256u << 20)
#define ZSTD_WINDOW_LOG 27 /* 128 MiB */

typedef enum Format {
        FORMAT_PLAIN,
        FORMAT_GZIP,
        FORMAT_BZIP2,
        FORMAT_XZ,
        FORMAT_ZSTD,
} Format;

struct Decompress {
        int fd;
        Format format;
        unsigned char *input;
        size_t at, filled; /* unread input is [at, filled) */
        bool end_of_input;
        bool in_member; /* between the beginning and the end of a member */
        bool ended;
        z_stream gzip;
        Inflate *fast; /* in the place of zlib: decompress_leave_checksum() */
        bool header_read;
        uint32_t member_size;
        const unsigned char *ready; /* of what it gave, not taken yet */
        size_t n_ready;
        bz_stream bzip2;
        lzma_stream xz;
        ZSTD_DCtx *zstd;
};

static const char *const format_names[] = { "plain", "gzip", "bzip2", "xz", "zstd" };

Decompress *decompress_free(Decompress *d) {
        if (d) {
                if (d->format == FORMAT_GZIP)
                        (void) inflateEnd(&d->gzip);
                if (d->format == FORMAT_BZIP2)
                        (void) BZ2_bzDecompressEnd(&d->bzip2);
                if (d->format == FORMAT_XZ)
                        lzma_end(&d->xz);
                ZSTD_freeDCtx(d->zstd);
                inflate_free(d->fast);
                free(d->input);
                free(d);
        }
        return NULL;
}

/* Reads more input behind what is unread; 0 at the end. */
static int fill(Decompress *d, Err *err) {
        ssize_t n;

        if (d->at > 0) {
                memmove(d->input, d->input + d->at, d->filled - d->at);
                d->filled -= d->at;
                d->at = 0;
        }
        if (d->end_of_input || d->filled == INPUT_SIZE)
                return 0;
        do {
                n = read(d->fd, d->input + d->filled, INPUT_SIZE - d->filled);
        } while (n < 0 && errno == EINTR);
        if (n < 0)
                return fail(err, errno, "cannot read the archive");
        d->end_of_input = n == 0;
        d->filled += (size_t) n;
        return n > 0;
}

static bool begins(const Decompress *d, const char *bytes, size_t n) {
        return d->filled - d->at >= n && memcmp(d->input + d->at, bytes, n) == 0;
}

static bool is_bzip2(const Decompress *d) {
        return begins(d, "BZh", 3) && d->filled - d->at >= 10 &&
               (memcmp(d->input + d->at + 4, "1AY&SY", 6) == 0 ||
                memcmp(d->input + d->at + 4, "\x17\x72\x45\x38\x50\x90", 6) == 0);
}

static bool is_zstd(const Decompress *d) {
        const unsigned char *p = d->input + d->at;

        return begins(d, "\x28\xb5\x2f\xfd", 4) ||
               (d->filled - d->at >= 4 && (p[0] & 0xf0) == 0x50 && p[1] == 0x2a && p[2] == 0x4d &&
                p[3] == 0x18);
}

static int refuse_others(const Decompress *d, Err *err) {
        static const struct {
                const char *bytes;
                size_t n;
                const char *name;
        } others[] = {
                { "PK\3\4", 4, "a zip archive" },   { "LZIP", 4, "lzip" },
                { "\x1f\x9d", 2, "compress (.Z)" }, { "\x04\x22\x4d\x18", 4, "lz4" },
                { "\x5d\0\0", 3, "old lzma" },      { "hsqs", 4, "a squashfs image" },
                { "7z\xbc\xaf", 4, "7-Zip" },       { "!<arch>\n", 8, "an ar archive" },
                { "070701", 6, "a cpio archive" },
        };

        for (size_t i = 0; i < sizeof others / sizeof *others; i++)
                if (begins(d, others[i].bytes, others[i].n))
                        return err_hint(
                                err,
                                refuse(err, EBADMSG, "this is %s, which isola does not read",
                                       others[i].name),
                                "give it a tar archive, plain or compressed with gzip, bzip2, xz "
                                "or zstd");
        return 0;
}

static int detect(Decompress *d, Err *err) {
        int r;

        while (d->filled < 10) {
                r = fill(d, err);
                if (r < 0)
                        return r;
                if (r == 0)
                        break;
        }
        if (begins(d, "\x1f\x8b", 2))
                d->format = FORMAT_GZIP;
        else if (is_bzip2(d))
                d->format = FORMAT_BZIP2;
        else if (begins(d,
                        "\xfd"
                        "7zXZ\0",
                        6))
                d->format = FORMAT_XZ;
        else if (is_zstd(d))
                d->format = FORMAT_ZSTD;
        else
                return refuse_others(d, err);
        return 0;
}

static int start(Decompress *d) {
        switch (d->format) {
        case FORMAT_GZIP:
                return inflateInit2(&d->gzip, 16 + MAX_WBITS) == Z_OK ? 0 : -ENOMEM;
        case FORMAT_BZIP2:
                return BZ2_bzDecompressInit(&d->bzip2, 0, 0) == BZ_OK ? 0 : -ENOMEM;
        case FORMAT_XZ:
                return lzma_stream_decoder(&d->xz, XZ_MEMORY, 0) == LZMA_OK ? 0 : -ENOMEM;
        case FORMAT_ZSTD:
                d->zstd = ZSTD_createDCtx();
                if (!d->zstd)
                        return -ENOMEM;
                ZSTD_DCtx_setParameter(d->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG);
                return 0;
        default:
                return 0;
        }
}

int decompress_leave_checksum(Decompress *d) {
        if (d->format != FORMAT_GZIP)
                return 0;
        d->fast = inflate_new();
        return d->fast ? 0 : -ENOMEM;
}

int decompress_open(int fd, Decompress **ret, Err *err) {
        Decompress *d = calloc(1, sizeof *d);
        int r;

        if (!d)
                return fail(err, ENOMEM, "cannot read the archive");
        d->fd = fd;
        d->input = malloc(INPUT_SIZE + INFLATE_SLACK);
        r = d->input ? detect(d, err) : fail(err, ENOMEM, "cannot read the archive");
        if (r >= 0) {
                r = start(d);
                if (r < 0)
                        r = fail(err, r, "cannot read the archive");
        }
        if (r < 0) {
                d->format = FORMAT_PLAIN;
                decompress_free(d);
                return r;
        }
        *ret = d;
        return 0;
}

static int damaged(const Decompress *d, const char *why, Err *err) {
        return refuse(err, EBADMSG, "the %s data is damaged%s%s", format_names[d->format],
                      why ? ": " : "", why ? why : "");
}

/* ------------------------------------------------------------------ gzip, without its checksum */

static int take_byte(Decompress *d, unsigned *ret, Err *err) {
        if (d->at == d->filled) {
                int r = fill(d, err);

                if (r < 0)
                        return r;
                if (r == 0)
                        return damaged(d, "it is cut short", err);
        }
        *ret = d->input[d->at++];
        return 0;
}

static int take_number(Decompress *d, unsigned n, uint32_t *ret, Err *err) {
        *ret = 0;
        for (unsigned i = 0; i < n; i++) {
                unsigned byte;
                int r = take_byte(d, &byte, err);

                if (r < 0)
                        return r;
                *ret |= byte << 8 * i;
        }
        return 0;
}

static int skip_text(Decompress *d, Err *err) {
        unsigned byte = 0;
        int r;

        do {
                r = take_byte(d, &byte, err);
        } while (r >= 0 && byte);
        return r;
}

/* RFC 1952 §2.3. */
static int read_gzip_header(Decompress *d, Err *err) {
        enum { HAS_CRC = 2, HAS_EXTRA = 4, HAS_NAME = 8, HAS_COMMENT = 16, RESERVED = 0xe0 };
        uint32_t begin, rest, extra = 0, ignored;
        unsigned flags;
        int r;

        r = take_number(d, 4, &begin, err);
        if (r >= 0)
                r = take_number(d, 4, &rest, err);
        if (r >= 0)
                r = take_number(d, 2, &rest, err);
        if (r < 0)
                return r;
        flags = begin >> 24;
        if ((begin & 0xffffff) != 0x088b1f || flags & RESERVED)
                return damaged(d, "its header is unknown", err);
        if (flags & HAS_EXTRA) {
                r = take_number(d, 2, &extra, err);
                for (; r >= 0 && extra > 0; extra--)
                        r = take_number(d, 1, &ignored, err);
        }
        if (r >= 0 && flags & HAS_NAME)
                r = skip_text(d, err);
        if (r >= 0 && flags & HAS_COMMENT)
                r = skip_text(d, err);
        if (r >= 0 && flags & HAS_CRC)
                r = take_number(d, 2, &ignored, err);
        return r;
}

static int end_member(Decompress *d, Err *err) {
        uint32_t checksum, size;
        int r = take_number(d, 4, &checksum, err);

        if (r >= 0)
                r = take_number(d, 4, &size, err);
        if (r < 0)
                return r;
        if (size != d->member_size)
                return damaged(d, "it is not as long as it says", err);
        d->in_member = d->header_read = false;
        d->member_size = 0;
        inflate_reset(d->fast);
        return 0;
}

static int more_input(InflateInput *in, Err *err) {
        Decompress *d = in->context;
        int r;

        d->at = (size_t) (in->at - d->input);
        r = fill(d, err);
        in->at = d->input + d->at;
        in->end = d->input + d->filled;
        return r;
}

static int step_fast(Decompress *d, unsigned char *out, size_t room, size_t *ret_n, Err *err) {
        InflateInput in = { .more = more_input, .context = d };
        ssize_t n;
        int r;

        if (!d->header_read) {
                r = read_gzip_header(d, err);
                if (r < 0)
                        return r;
                d->header_read = true;
        }
        if (d->n_ready == 0) {
                in.at = d->input + d->at;
                in.end = d->input + d->filled;
                n = inflate_next(d->fast, &in, &d->ready, err);
                d->at = (size_t) (in.at - d->input);
                if (n <= 0)
                        return n < 0 ? (int) n : end_member(d, err);
                d->n_ready = (size_t) n;
                d->member_size += (uint32_t) n;
        }
        *ret_n = d->n_ready < room ? d->n_ready : room;
        memcpy(out, d->ready, *ret_n);
        d->ready += *ret_n;
        d->n_ready -= *ret_n;
        return 0;
}

/* Each step: takes input, gives output, says in d->in_member whether a member is unfinished. */
static int step_gzip(Decompress *d, unsigned char *out, size_t room, size_t *ret_n, Err *err) {
        int r;

        d->gzip.next_in = d->input + d->at;
        d->gzip.avail_in = (unsigned) (d->filled - d->at);
        d->gzip.next_out = out;
        d->gzip.avail_out = room > 1u << 30 ? 1u << 30 : (unsigned) room;
        r = inflate(&d->gzip, Z_NO_FLUSH);
        d->at = d->filled - d->gzip.avail_in;
        *ret_n = (size_t) (d->gzip.next_out - out);
        if (r == Z_STREAM_END) {
                d->in_member = false;
                return inflateReset(&d->gzip) == Z_OK ? 0 : damaged(d, NULL, err);
        }
        return r == Z_OK || r == Z_BUF_ERROR ? 0 : damaged(d, d->gzip.msg, err);
}

static int step_bzip2(Decompress *d, unsigned char *out, size_t room, size_t *ret_n, Err *err) {
        int r;

        d->bzip2.next_in = (char *) d->input + d->at;
        d->bzip2.avail_in = (unsigned) (d->filled - d->at);
        d->bzip2.next_out = (char *) out;
        d->bzip2.avail_out = room > 1u << 30 ? 1u << 30 : (unsigned) room;
        r = BZ2_bzDecompress(&d->bzip2);
        d->at = d->filled - d->bzip2.avail_in;
        *ret_n = (size_t) (d->bzip2.next_out - (char *) out);
        if (r == BZ_STREAM_END) {
                d->in_member = false;
                (void) BZ2_bzDecompressEnd(&d->bzip2);
                d->bzip2 = (bz_stream){};
                r = BZ2_bzDecompressInit(&d->bzip2, 0, 0);
        }
        return r == BZ_OK ? 0 : damaged(d, NULL, err);
}

static int step_xz(Decompress *d, unsigned char *out, size_t room, size_t *ret_n, Err *err) {
        lzma_ret r;

        d->xz.next_in = d->input + d->at;
        d->xz.avail_in = d->filled - d->at;
        d->xz.next_out = out;
        d->xz.avail_out = room;
        r = lzma_code(&d->xz, LZMA_RUN);
        d->at = d->filled - d->xz.avail_in;
        *ret_n = room - d->xz.avail_out;
        if (r == LZMA_STREAM_END) {
                d->in_member = false;
                r = lzma_stream_decoder(&d->xz, XZ_MEMORY, 0);
        }
        if (r == LZMA_MEMLIMIT_ERROR)
                return refuse(err, EFBIG, "the xz data needs more than %u MiB of memory",
                              XZ_MEMORY >> 20);
        return r == LZMA_OK || r == LZMA_BUF_ERROR ? 0 : damaged(d, NULL, err);
}

static int step_zstd(Decompress *d, unsigned char *out, size_t room, size_t *ret_n, Err *err) {
        ZSTD_inBuffer in = { d->input + d->at, d->filled - d->at, 0 };
        ZSTD_outBuffer to = { out, room, 0 };
        size_t r = ZSTD_decompressStream(d->zstd, &to, &in);

        d->at += in.pos;
        *ret_n = to.pos;
        if (ZSTD_isError(r))
                return damaged(d, ZSTD_getErrorName(r), err);
        if (r == 0)
                d->in_member = false;
        return 0;
}

static int step_plain(Decompress *d, unsigned char *out, size_t room, size_t *ret_n) {
        size_t n = d->filled - d->at < room ? d->filled - d->at : room;

        memcpy(out, d->input + d->at, n);
        d->at += n;
        d->in_member = false;
        *ret_n = n;
        return 0;
}

static int step(Decompress *d, unsigned char *out, size_t room, size_t *ret_n, Err *err) {
        d->in_member = true;
        switch (d->format) {
        case FORMAT_GZIP:
                return d->fast ? step_fast(d, out, room, ret_n, err)
                               : step_gzip(d, out, room, ret_n, err);
        case FORMAT_BZIP2:
                return step_bzip2(d, out, room, ret_n, err);
        case FORMAT_XZ:
                return step_xz(d, out, room, ret_n, err);
        case FORMAT_ZSTD:
                return step_zstd(d, out, room, ret_n, err);
        default:
                return step_plain(d, out, room, ret_n);
        }
}

/* Between members: 1 if another one begins, 0 at the end, which zeros may pad. */
static int another_member(Decompress *d, Err *err) {
        int r;

        if (d->format == FORMAT_PLAIN)
                return 1;
        while (d->filled - d->at < 10) {
                r = fill(d, err);
                if (r < 0)
                        return r;
                if (r == 0)
                        break;
        }
        if (begins(d, "\x1f\x8b", 2) || is_bzip2(d) ||
            begins(d,
                   "\xfd"
                   "7zXZ\0",
                   6) ||
            is_zstd(d))
                return 1;
        for (;;) {
                for (; d->at < d->filled; d->at++)
                        if (d->input[d->at])
                                return damaged(d, "something else follows it", err);
                r = fill(d, err);
                if (r <= 0)
                        return r;
        }
}

ssize_t decompress_read(void *context, void *buffer, size_t n, Err *err) {
        Decompress *d = context;
        size_t done = 0;
        int r;

        while (done < n && !d->ended) {
                size_t got = 0;

                if (!d->in_member) {
                        r = another_member(d, err);
                        if (r < 0)
                                return r;
                        d->ended = r == 0;
                        if (d->ended)
                                break;
                }
                if (d->at == d->filled) {
                        r = fill(d, err);
                        if (r < 0)
                                return r;
                }
                /* Output may still be inside the decoder when the input is used up. */
                r = step(d, (unsigned char *) buffer + done, n - done, &got, err);
                if (r < 0)
                        return r;
                done += got;
                if (got == 0 && d->at == d->filled && d->end_of_input) {
                        if (d->in_member && d->format != FORMAT_PLAIN)
                                return damaged(d, "it is cut short", err);
                        d->ended = true;
                }
        }
        return (ssize_t) done;
}
