/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/json.h"
#include "base/str.h"
#include "store/pax.h"
#include "store/tar.h"
#include "store/tar_read.h"

#define END_MAX   (16ll << 20) /* of zeros behind the end mark: a tape's record */
#define SKIP_SIZE (64u << 10)

struct TarReader {
        TarSource source;
        TarSkip skip; /* or NULL */
        void *context;
        int64_t offset; /* bytes taken from the source */
        int64_t left;   /* of the present entry's contents */
        unsigned padding;
        int64_t n_entries;
        TarEntry entry;
        Pax pax, global; /* the present entry's records, and those for all that follow */
        char *long_name, *long_link; /* GNU's, for the next entry */
        char *scratch;               /* SKIP_SIZE */
};

static void entry_clear(TarEntry *e) {
        free(e->name);
        free(e->link);
        *e = (TarEntry){};
}

TarReader *tar_reader_free(TarReader *t) {
        if (t) {
                entry_clear(&t->entry);
                pax_clear(&t->pax);
                pax_clear(&t->global);
                free(t->long_name);
                free(t->long_link);
                free(t->scratch);
                free(t);
        }
        return NULL;
}

int tar_reader_new(TarSource source, void *context, TarReader **ret, Err *err) {
        TarReader *t = calloc(1, sizeof *t);

        if (t)
                t->scratch = malloc(SKIP_SIZE);
        if (!t || !t->scratch) {
                tar_reader_free(t);
                return fail(err, ENOMEM, "cannot read the archive");
        }
        t->source = source;
        t->context = context;
        *ret = t;
        return 0;
}

void tar_reader_set_skip(TarReader *reader, TarSkip skip) {
        reader->skip = skip;
}

/* Exactly @n bytes, or an error that says where it broke off. */
static int take(TarReader *t, void *buffer, size_t n, Err *err) {
        ssize_t got = t->source(t->context, buffer, n, err);

        if (got < 0)
                return (int) got;
        t->offset += got;
        if ((size_t) got < n)
                return refuse(err, EBADMSG, "the archive is cut short at byte %lld",
                              (long long) t->offset);
        return 0;
}

static int skip(TarReader *t, int64_t n, Err *err) {
        if (t->skip && n > (int64_t) SKIP_SIZE) {
                int r = t->skip(t->context, n - 1, err);

                if (r < 0)
                        return r;
                t->offset += n - 1;
                n = 1; /* read, so that an archive that ends before is found out */
        }
        while (n > 0) {
                size_t piece = n < (int64_t) SKIP_SIZE ? (size_t) n : SKIP_SIZE;
                int r = take(t, t->scratch, piece, err);

                if (r < 0)
                        return r;
                n -= (int64_t) piece;
        }
        return 0;
}

static int bad_field(const TarReader *t, const char *what, Err *err) {
        return refuse(err, EBADMSG, "the entry at byte %lld has a bad %s",
                      (long long) (t->offset - TAR_BLOCK), what);
}

/* Octal digits between blanks, or base 256 where the first bit is set (GNU); -ERANGE, -EINVAL. */
static int read_number(const char *field, size_t size, int64_t *ret) {
        const unsigned char *bytes = (const unsigned char *) field;
        int64_t value = 0;
        size_t i = 0;

        if (bytes[0] & 0x80) {
                bool negative = bytes[0] & 0x40;

                value = negative ? -1 : 0;
                for (i = 0; i < size; i++) {
                        unsigned char byte =
                                i ? bytes[i]
                                  : (unsigned char) (negative ? bytes[0] | 0x80 : bytes[0] & 0x7f);

                        if (value > (INT64_MAX >> 8) || value < (INT64_MIN >> 8))
                                return -ERANGE;
                        value = (int64_t) ((uint64_t) value << 8 | byte);
                }
                *ret = value;
                return 0;
        }
        while (i < size && field[i] == ' ')
                i++;
        for (; i < size && field[i] >= '0' && field[i] <= '7'; i++)
                value = value * 8 + (field[i] - '0'); /* 12 digits at most: no overflow */
        if (i < size && field[i] != 0 && field[i] != ' ')
                return -EINVAL;
        *ret = value;
        return 0;
}

/* The sum of all bytes with blanks for the field itself; some old tars added signed bytes. */
static bool checksum_fits(const TarHeader *h) {
        const unsigned char *bytes = (const void *) h;
        size_t from = offsetof(TarHeader, checksum), to = from + sizeof h->checksum;
        int64_t told, sum = 0, signed_sum = 0;

        if (read_number(h->checksum, sizeof h->checksum, &told) < 0)
                return false;
        for (size_t i = 0; i < sizeof *h; i++) {
                unsigned char byte = i >= from && i < to ? ' ' : bytes[i];

                sum += byte;
                signed_sum += (signed char) byte;
        }
        return told == sum || told == signed_sum;
}

static bool is_zero(const void *block) {
        static const char zeros[TAR_BLOCK];

        return memcmp(block, zeros, TAR_BLOCK) == 0;
}

/* Behind the first zero block: zeros only, to the end of the source. */
static int read_end(TarReader *t, Err *err) {
        int64_t end = t->offset;

        for (;;) {
                ssize_t n = t->source(t->context, t->scratch, SKIP_SIZE, err);

                if (n <= 0)
                        return (int) n;
                for (ssize_t i = 0; i < n; i++)
                        if (t->scratch[i])
                                return refuse(err, EBADMSG,
                                              "something follows the archive's end, at byte %lld",
                                              (long long) (t->offset + i));
                t->offset += n;
                if (t->offset - end > END_MAX)
                        return refuse(err, EBADMSG,
                                      "the archive ends at byte %lld, but zeros follow without end",
                                      (long long) end);
        }
}

/* Returns 1 with a header, 0 at the end. */
static int read_header(TarReader *t, TarHeader *h, Err *err) {
        ssize_t n = t->source(t->context, h, sizeof *h, err);

        if (n < 0)
                return (int) n;
        if (n == 0 && t->offset == 0)
                return refuse(err, EBADMSG, "the archive is empty");
        if (n == 0)
                return refuse(err, EBADMSG, "the archive ends at byte %lld without its end mark",
                              (long long) t->offset);
        t->offset += n;
        if ((size_t) n == sizeof *h && is_zero(h))
                return read_end(t, err);
        if ((size_t) n < sizeof *h || !checksum_fits(h))
                return t->offset <= TAR_BLOCK
                               ? refuse(err, EBADMSG, "this is no tar archive")
                               : refuse(err, EBADMSG,
                                        "the archive is damaged at byte %lld: no header there",
                                        (long long) (t->offset - n));
        if (t->n_entries++ >= TAR_ENTRIES_MAX)
                return refuse(err, EINVAL, "the archive has more than %d entries", TAR_ENTRIES_MAX);
        return 1;
}

static bool is_ustar(const TarHeader *h) {
        return memcmp(h->magic, "ustar", 6) == 0;
}

/* The header's own name, with ustar's prefix. */
static char *header_name(const TarHeader *h) {
        if (is_ustar(h) && *h->prefix)
                return str_format("%.155s/%.100s", h->prefix, h->name);
        return str_format("%.100s", h->name);
}

/* Reads the contents of a record that speaks of the next entry. */
static int read_text(TarReader *t, int64_t size, size_t max, const char *what, char **ret,
                     Err *err) {
        autofree char *text = NULL;
        int r;

        if (size < 0 || (uint64_t) size > max)
                return refuse(err, EINVAL, "%s at byte %lld is longer than %zu bytes", what,
                              (long long) (t->offset - TAR_BLOCK), max);
        text = malloc((size_t) size + 1);
        if (!text)
                return fail(err, ENOMEM, "cannot read the archive");
        r = take(t, text, (size_t) size, err);
        if (r >= 0)
                r = skip(t, (TAR_BLOCK - size % TAR_BLOCK) % TAR_BLOCK, err);
        if (r < 0)
                return r;
        text[size] = 0;
        *ret = take_ptr(text);
        return 0;
}

/* GNU's long names and PAX records: 1 if this header was one, 0 if it is an entry itself. */
static int read_extension(TarReader *t, const TarHeader *h, Err *err) {
        autofree char *text = NULL;
        bool pax = h->type == TAR_PAX || h->type == TAR_PAX_GLOBAL;
        int64_t size, where = t->offset - TAR_BLOCK;
        int r;

        if (!pax && h->type != TAR_GNU_LONG_NAME && h->type != TAR_GNU_LONG_LINK)
                return 0;
        if (read_number(h->size, sizeof h->size, &size) < 0)
                return bad_field(t, "size", err);
        r = read_text(t, size, pax ? TAR_PAX_MAX : TAR_NAME_MAX + 1,
                      pax ? "the PAX record" : "the name", &text, err);
        if (r < 0)
                return r;
        if (pax) {
                r = pax_parse(h->type == TAR_PAX ? &t->pax : &t->global, text, (size_t) size);
                if (r == -ENOTSUP)
                        return refuse(
                                err, EINVAL,
                                "the entry at byte %lld is a sparse file, which isola does not "
                                "read",
                                (long long) where);
                return r == -ENOMEM ? fail(err, r, "cannot read the archive")
                       : r < 0      ? refuse(err, EBADMSG, "the PAX record at byte %lld is damaged",
                                             (long long) where)
                                    : 1;
        }
        if (h->type == TAR_GNU_LONG_NAME) {
                free(t->long_name);
                t->long_name = take_ptr(text);
        } else {
                free(t->long_link);
                t->long_link = take_ptr(text);
        }
        return 1;
}

/* The entry's own record wins over the global one, and both over GNU's and the header. */
static const char *choose(const char *own, const char *global, const char *gnu) {
        return own ? own : global ? global : gnu;
}

static int fill_names(TarReader *t, const TarHeader *h, Err *err) {
        const char *name = choose(t->pax.path, t->global.path, t->long_name);
        const char *link = choose(t->pax.link, t->global.link, t->long_link);

        t->entry.name = name ? strdup(name) : header_name(h);
        t->entry.link = link ? strdup(link) : str_format("%.100s", h->link);
        if (!t->entry.name || !t->entry.link)
                return fail(err, ENOMEM, "cannot read the archive");
        if (strlen(t->entry.name) > TAR_NAME_MAX || strlen(t->entry.link) > TAR_NAME_MAX)
                return refuse(err, EINVAL,
                              "the entry at byte %lld has a name of more than %d bytes",
                              (long long) t->entry.offset, TAR_NAME_MAX);
        return 0;
}

static int fill_numbers(TarReader *t, const TarHeader *h, Err *err) {
        TarEntry *e = &t->entry;
        int64_t mode, seconds;

        if (read_number(h->mode, sizeof h->mode, &mode) < 0)
                return bad_field(t, "mode", err);
        e->mode = (mode_t) (mode & 07777);
        if (t->pax.has & PAX_UID)
                e->uid = t->pax.uid;
        else if (read_number(h->uid, sizeof h->uid, &e->uid) < 0)
                return bad_field(t, "uid", err);
        if (t->pax.has & PAX_GID)
                e->gid = t->pax.gid;
        else if (read_number(h->gid, sizeof h->gid, &e->gid) < 0)
                return bad_field(t, "gid", err);
        if (t->pax.has & PAX_SIZE)
                e->size = t->pax.size;
        else if (read_number(h->size, sizeof h->size, &e->size) < 0)
                return bad_field(t, "size", err);
        if (t->pax.has & PAX_MTIME) {
                e->mtime = t->pax.mtime;
        } else {
                if (read_number(h->mtime, sizeof h->mtime, &seconds) < 0)
                        return bad_field(t, "time", err);
                e->mtime = (struct timespec){ .tv_sec = seconds };
        }
        if (e->size < 0 || e->size > INT64_MAX - TAR_BLOCK)
                return bad_field(t, "size", err);
        if (e->uid < 0 || e->uid > UINT32_MAX - 1 || e->gid < 0 || e->gid > UINT32_MAX - 1)
                return bad_field(t, "owner", err);
        return 0;
}

/* Settles what kind of entry it is; only files have contents. */
static int fill_type(TarReader *t, const TarHeader *h, Err *err) {
        TarEntry *e = &t->entry;
        size_t n = strlen(e->name);

        e->type = h->type;
        switch (h->type) {
        case TAR_FILE:
        case TAR_FILE_OLD:
        case TAR_CONTIGUOUS:
                /* Before ustar a slash at the end was the only mark of a directory. */
                e->type = n > 0 && e->name[n - 1] == '/' ? TAR_DIRECTORY : TAR_FILE;
                break;
        case TAR_HARDLINK:
        case TAR_SYMLINK:
        case TAR_CHAR_DEVICE:
        case TAR_BLOCK_DEVICE:
        case TAR_DIRECTORY:
        case TAR_FIFO:
        case TAR_GNU_VOLUME:
                break;
        case TAR_GNU_SPARSE:
                return refuse(err, EINVAL,
                              "'%s' at byte %lld is a sparse file, which isola does not read",
                              e->name, (long long) e->offset);
        case TAR_GNU_MULTIVOLUME:
                return refuse(err, EINVAL, "the archive is one volume of several");
        default:
                return refuse(err, EINVAL, "'%s' at byte %lld has the unknown type '%c'", e->name,
                              (long long) e->offset,
                              h->type > ' ' && h->type < 127 ? h->type : '?');
        }
        return 0;
}

static int finish_entry(TarReader *t, Err *err) {
        int r;

        r = skip(t, t->left + t->padding, err);
        if (r < 0)
                return r;
        t->left = 0;
        t->padding = 0;
        entry_clear(&t->entry);
        pax_clear(&t->pax);
        free(take_ptr(t->long_name));
        free(take_ptr(t->long_link));
        return 0;
}

int tar_next(TarReader *t, const TarEntry **ret, Err *err) {
        TarHeader h;
        int r;

        do {
                r = finish_entry(t, err);
                if (r < 0)
                        return r;
                do {
                        r = read_header(t, &h, err);
                        if (r <= 0)
                                return r;
                        r = read_extension(t, &h, err);
                } while (r > 0);
                if (r < 0)
                        return r;

                t->entry.offset = t->offset - TAR_BLOCK;
                t->entry.contents = t->offset;
                r = fill_names(t, &h, err);
                if (r >= 0)
                        r = fill_numbers(t, &h, err);
                if (r >= 0)
                        r = fill_type(t, &h, err);
                if (r < 0)
                        return r;
                t->left = t->entry.size;
                /* Links and directories have no contents, whatever some tars write there. */
                if (t->entry.type != TAR_FILE && t->entry.type != TAR_HARDLINK &&
                    t->entry.type != TAR_GNU_VOLUME)
                        t->left = 0;
                t->padding = (unsigned) ((TAR_BLOCK - t->left % TAR_BLOCK) % TAR_BLOCK);
        } while (t->entry.type == TAR_GNU_VOLUME);

        t->entry.xattrs = t->pax.xattrs;
        t->entry.n_xattrs = t->pax.n_xattrs;
        *ret = &t->entry;
        return 1;
}

ssize_t tar_read(TarReader *t, void *buffer, size_t n, Err *err) {
        int r;

        if ((int64_t) n > t->left)
                n = (size_t) t->left;
        r = take(t, buffer, n, err);
        if (r < 0)
                return r;
        t->left -= (int64_t) n;
        return (ssize_t) n;
}
