/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/auto.h"
#include "base/log.h"
#include "base/str.h"
#include "kernel/mount.h"
#include "store/tar.h"
#include "store/tar_write.h"
#include "store/xattr.h"

#define COPY_SIZE  (256u << 10)
#define XATTRS_MAX (64u << 10) /* XATTR_LIST_MAX, linux/limits.h; also the largest value */
#define OCTAL_7    07777777    /* what a field of seven digits can say */
#define OCTAL_11   077777777777LL

/* The name under which an inode with several links was written first. */
typedef struct Linked {
        dev_t device;
        ino_t inode;
        char *path;
} Linked;

typedef struct Writer {
        TarSink sink;
        void *context;
        int64_t latest;
        bool plain;     /* no layer's: nothing is hidden */
        char *buffer;   /* COPY_SIZE for contents, XATTRS_MAX for names, XATTRS_MAX for a value */
        Str path;       /* of the present entry, below the root */
        Linked *linked; /* open hash table; path is NULL in a free place */
        size_t n_linked, linked_room;
        Err *err;
} Writer;

typedef struct Entry {
        char *name;
        unsigned char rank; /* 0 whiteout, 1 the rest */
} Entry;

static const char *shown(const Writer *w) {
        return w->path.length ? w->path.text : "/";
}

static int out(Writer *w, const void *bytes, size_t n) {
        int r = w->sink(w->context, bytes, n);

        return r < 0 ? fail(w->err, r, "cannot write the archive") : 0;
}

static int out_padding(Writer *w, uint64_t size) {
        static const char zeros[TAR_BLOCK];
        size_t rest = (size_t) (size % TAR_BLOCK);

        return rest ? out(w, zeros, TAR_BLOCK - rest) : 0;
}

/* Writes @value with as many octal digits as fit before the NUL. */
static void put_octal(char *field, size_t size, uint64_t value) {
        field[--size] = 0;
        while (size > 0) {
                field[--size] = (char) ('0' + (value & 7));
                value >>= 3;
        }
}

static void seal(TarHeader *h) {
        const unsigned char *bytes = (const void *) h;
        unsigned sum = 0;

        memset(h->checksum, ' ', sizeof h->checksum);
        for (size_t i = 0; i < sizeof *h; i++)
                sum += bytes[i];
        put_octal(h->checksum, 7, sum);
}

/* Adds "LENGTH key=value\n", where LENGTH counts itself. */
static void put_pax(Str *pax, const char *key, const void *value, size_t size) {
        size_t rest = strlen(key) + size + 3, length = rest, digits;
        char number[24];

        do {
                digits = (size_t) snprintf(number, sizeof number, "%zu", length);
                length = rest + digits;
        } while ((size_t) snprintf(number, sizeof number, "%zu", length) != digits);

        str_printf(pax, "%zu %s=", length, key);
        str_put_bytes(pax, value, size);
        str_put_char(pax, '\n');
}

static void put_pax_number(Str *pax, const char *key, int64_t value) {
        char text[24];
        int n = snprintf(text, sizeof text, "%lld", (long long) value);

        put_pax(pax, key, text, (size_t) n);
}

/* Puts a name into header fields, else into a PAX record; @prefix may be NULL. */
static void put_name(Str *pax, const char *key, const char *name, char *field, char *prefix) {
        size_t n = strlen(name), split;

        if (n <= 100) {
                memcpy(field, name, n);
                return;
        }
        if (prefix && n <= 256) {
                /* Of the slashes that leave at most 100 bytes, the first; its left side must fit.
                 */
                for (split = n - 101; split < n - 1 && name[split] != '/'; split++)
                        ;
                if (name[split] == '/' && split > 0 && split <= 155 && split < n - 1) {
                        memcpy(prefix, name, split);
                        memcpy(field, name + split + 1, n - split - 1);
                        return;
                }
        }
        memcpy(field, name, 100);
        put_pax(pax, key, name, n);
}

static int out_pax(Writer *w, const Str *pax) {
        TarHeader h = { .name = "PaxHeaders", .type = TAR_PAX, .magic = "ustar" };
        int r;

        if (pax->failed)
                return fail(w->err, ENOMEM, "cannot write the archive");
        put_octal(h.mode, sizeof h.mode, 0644);
        put_octal(h.uid, sizeof h.uid, 0);
        put_octal(h.gid, sizeof h.gid, 0);
        put_octal(h.size, sizeof h.size, pax->length);
        put_octal(h.mtime, sizeof h.mtime, 0);
        put_octal(h.major, sizeof h.major, 0);
        put_octal(h.minor, sizeof h.minor, 0);
        memcpy(h.version, "00", 2);
        seal(&h);
        r = out(w, &h, sizeof h);
        if (r < 0)
                return r;
        r = out(w, pax->text, pax->length);
        return r < 0 ? r : out_padding(w, pax->length);
}

/* Writes the headers of one entry; @pax holds what is known of it already. */
static int out_header(Writer *w, const char *name, char type, const struct stat *st,
                      const char *link, Str *pax) {
        uint64_t size = type == TAR_FILE ? (uint64_t) st->st_size : 0;
        int64_t mtime = st->st_mtime > w->latest ? w->latest : st->st_mtime;
        bool device = type == TAR_CHAR_DEVICE || type == TAR_BLOCK_DEVICE;
        TarHeader h = { .type = type, .magic = "ustar" };
        int r;

        memcpy(h.version, "00", 2);
        put_name(pax, "path", name, h.name, h.prefix);
        if (link)
                put_name(pax, "linkpath", link, h.link, NULL);
        if (st->st_uid > OCTAL_7)
                put_pax_number(pax, "uid", st->st_uid);
        if (st->st_gid > OCTAL_7)
                put_pax_number(pax, "gid", st->st_gid);
        if (size > OCTAL_11)
                put_pax_number(pax, "size", (int64_t) size);
        if (mtime < 0 || mtime > OCTAL_11)
                put_pax_number(pax, "mtime", mtime);
        if (pax->length || pax->failed) {
                r = out_pax(w, pax);
                if (r < 0)
                        return r;
        }
        put_octal(h.mode, sizeof h.mode, st->st_mode & 07777);
        put_octal(h.uid, sizeof h.uid, st->st_uid > OCTAL_7 ? 0 : st->st_uid);
        put_octal(h.gid, sizeof h.gid, st->st_gid > OCTAL_7 ? 0 : st->st_gid);
        put_octal(h.size, sizeof h.size, size > OCTAL_11 ? 0 : size);
        put_octal(h.mtime, sizeof h.mtime, mtime < 0 || mtime > OCTAL_11 ? 0 : (uint64_t) mtime);
        put_octal(h.major, sizeof h.major, device ? major(st->st_rdev) : 0);
        put_octal(h.minor, sizeof h.minor, device ? minor(st->st_rdev) : 0);
        seal(&h);
        return out(w, &h, sizeof h);
}

static int compare_names(const void *a, const void *b) {
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* Adds the attributes that are kept, sorted by name; tells whether the directory is opaque. */
static int put_xattrs(Writer *w, int fd, Str *pax, bool *ret_opaque) {
        char *names = w->buffer + COPY_SIZE, *value = names + XATTRS_MAX;
        autofree const char **sorted = NULL;
        ssize_t n = flistxattr(fd, names, XATTRS_MAX);
        size_t count = 0;

        if (n == 0 || (n < 0 && errno == ENOTSUP))
                return 0;
        if (n < 0)
                return fail(w->err, errno, "cannot read the attributes of '%s'", shown(w));
        for (const char *p = names; p < names + n; p += strlen(p) + 1)
                count++;
        sorted = calloc(count, sizeof *sorted);
        if (!sorted)
                return fail(w->err, ENOMEM, "cannot write the archive");
        count = 0;
        for (const char *p = names; p < names + n; p += strlen(p) + 1)
                sorted[count++] = p;
        qsort(sorted, count, sizeof *sorted, compare_names);

        for (size_t i = 0; i < count; i++) {
                autofree char *key = NULL;
                ssize_t size;

                if (!xattr_is_kept(sorted[i]) && !str_equal(sorted[i], XATTR_OPAQUE))
                        continue;
                size = fgetxattr(fd, sorted[i], value, XATTRS_MAX);
                if (size < 0)
                        return fail(w->err, errno, "cannot read '%s' of '%s'", sorted[i], shown(w));
                if (str_equal(sorted[i], XATTR_OPAQUE)) {
                        *ret_opaque = size == 1 && *value == 'y';
                        continue;
                }
                size = (ssize_t) xattr_plain_capability(sorted[i], (unsigned char *) value,
                                                        (size_t) size);
                key = str_format("SCHILY.xattr.%s", sorted[i]);
                if (!key)
                        return fail(w->err, ENOMEM, "cannot write the archive");
                put_pax(pax, key, value, (size_t) size);
        }
        return 0;
}

static int out_contents(Writer *w, int fd, uint64_t size) {
        uint64_t left = size;

        while (left > 0) {
                ssize_t n = read(fd, w->buffer, left < COPY_SIZE ? (size_t) left : COPY_SIZE);
                int r;

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return fail(w->err, errno, "cannot read '%s'", shown(w));
                if (n == 0)
                        return refuse(w->err, EIO, "'%s' shrank while it was read", shown(w));
                r = out(w, w->buffer, (size_t) n);
                if (r < 0)
                        return r;
                left -= (uint64_t) n;
        }
        return out_padding(w, size);
}

/* O_NOATIME is for the owner only. */
static int open_quietly(int dir, const char *name, int flags) {
        int fd = openat(dir, name, flags | O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOATIME);

        if (fd < 0 && errno == EPERM)
                fd = openat(dir, name, flags | O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

static size_t linked_slot(const Linked *table, size_t room, const struct stat *st) {
        size_t i = (size_t) (st->st_ino * 0x9e3779b97f4a7c15ULL) & (room - 1);

        while (table[i].path && (table[i].inode != st->st_ino || table[i].device != st->st_dev))
                i = (i + 1) & (room - 1);
        return i;
}

/* Returns the first name of the inode, or NULL (and remembers this one). */
static int find_linked(Writer *w, const struct stat *st, const char **ret) {
        size_t room = w->linked_room ? w->linked_room * 2 : 256, i;

        if (2 * w->n_linked >= w->linked_room) {
                Linked *table = calloc(room, sizeof *table);

                if (!table)
                        return fail(w->err, ENOMEM, "cannot write the archive");
                for (size_t j = 0; j < w->linked_room; j++) {
                        struct stat key = { .st_dev = w->linked[j].device,
                                            .st_ino = w->linked[j].inode };

                        if (w->linked[j].path)
                                table[linked_slot(table, room, &key)] = w->linked[j];
                }
                free(w->linked);
                w->linked = table;
                w->linked_room = room;
        }
        i = linked_slot(w->linked, w->linked_room, st);
        *ret = w->linked[i].path;
        if (*ret)
                return 0;
        w->linked[i] = (Linked){ st->st_dev, st->st_ino, strdup(w->path.text) };
        if (!w->linked[i].path)
                return fail(w->err, ENOMEM, "cannot write the archive");
        w->n_linked++;
        return 0;
}

static int write_file(Writer *w, int dir, const char *name, const struct stat *st) {
        autoclose int file = open_quietly(dir, name, O_NONBLOCK);
        bool opaque = false;
        autostr pax = {};
        int r;

        if (file < 0)
                return fail(w->err, file, "cannot open '%s'", shown(w));
        r = put_xattrs(w, file, &pax, &opaque);
        if (r < 0)
                return r;
        r = out_header(w, w->path.text, TAR_FILE, st, NULL, &pax);
        if (r < 0)
                return r;
        return out_contents(w, file, (uint64_t) st->st_size);
}

static int write_symlink(Writer *w, int dir, const char *name, const struct stat *st) {
        char target[4097];
        ssize_t n = readlinkat(dir, name, target, sizeof target - 1);
        autostr pax = {};

        if (n < 0)
                return fail(w->err, errno, "cannot read the link '%s'", shown(w));
        target[n] = 0;
        return out_header(w, w->path.text, TAR_SYMLINK, st, target, &pax);
}

/* @pax: what a directory has more than other entries. */
static int write_plain(Writer *w, const char *name, char type, const struct stat *st) {
        autostr pax = {};

        return out_header(w, name, type, st, NULL, &pax);
}

/* An empty file whose name says what is hidden; its parent's path is in w->path. */
static int write_mark(Writer *w, const char *name, const struct stat *st) {
        autofree char *path = str_format("%s%s%s", w->path.length ? w->path.text : "",
                                         w->path.length ? "/" : "", name);
        struct stat mark = { .st_mode = S_IFREG | 0600, .st_mtime = st->st_mtime };

        if (!path)
                return fail(w->err, ENOMEM, "cannot write the archive");
        return write_plain(w, path, TAR_FILE, &mark);
}

static int write_directory(Writer *w, int dir, const char *name);

static int write_other(Writer *w, int dir, const char *name, const struct stat *st) {
        switch (st->st_mode & S_IFMT) {
        case S_IFREG:
                return write_file(w, dir, name, st);
        case S_IFLNK:
                return write_symlink(w, dir, name, st);
        case S_IFCHR:
                return write_plain(w, w->path.text, TAR_CHAR_DEVICE, st);
        case S_IFBLK:
                return write_plain(w, w->path.text, TAR_BLOCK_DEVICE, st);
        case S_IFIFO:
                return write_plain(w, w->path.text, TAR_FIFO, st);
        default:
                log_debug("socket '%s' is left out of the layer", shown(w));
                return 0;
        }
}

/* One name of a directory whose own path is in w->path. */
static int write_entry(Writer *w, int dir, const Entry *e) {
        size_t parent = w->path.length;
        const char *first = NULL;
        struct stat st;
        int r;

        if (fstatat(dir, e->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return fail(w->err, errno, "cannot examine '%s/%s'", shown(w), e->name);
        if (!w->plain && S_ISCHR(st.st_mode) && st.st_rdev == 0) {
                autofree char *mark = str_format(WHITEOUT_PREFIX "%s", e->name);

                return mark ? write_mark(w, mark, &st) : fail(w->err, ENOMEM, "cannot write");
        }
        if (!w->plain && str_after(e->name, WHITEOUT_PREFIX))
                return refuse(w->err, EINVAL,
                              "'%s/%s': a layer cannot hold a name that begins with '.wh.'",
                              shown(w), e->name);

        if (parent)
                str_put_char(&w->path, '/');
        str_put(&w->path, e->name);
        if (w->path.failed)
                return fail(w->err, ENOMEM, "cannot write the archive");

        if (S_ISDIR(st.st_mode)) {
                r = write_directory(w, dir, e->name);
        } else {
                r = st.st_nlink > 1 && !S_ISSOCK(st.st_mode) ? find_linked(w, &st, &first) : 0;
                if (r >= 0 && first) {
                        autostr pax = {};

                        r = out_header(w, w->path.text, TAR_HARDLINK, &st, first, &pax);
                } else if (r >= 0) {
                        r = write_other(w, dir, e->name, &st);
                }
        }
        if (r < 0)
                return r;
        w->path.length = parent;
        w->path.text[parent] = 0;
        return 0;
}

static int compare_entries(const void *a, const void *b) {
        const Entry *x = a, *y = b;

        return x->rank != y->rank ? x->rank - y->rank : strcmp(x->name, y->name);
}

static bool is_whiteout(int dir, const struct dirent *d) {
        struct stat st;

        return (d->d_type == DT_CHR || d->d_type == DT_UNKNOWN) &&
               fstatat(dir, d->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISCHR(st.st_mode) &&
               st.st_rdev == 0;
}

static void free_entries(Entry *entries, size_t n) {
        for (size_t i = 0; i < n; i++)
                free(entries[i].name);
        free(entries);
}

/* Whiteouts first, then bytewise. */
static int list_entries(int dir, Entry **ret, size_t *ret_n) {
        int copy = fcntl(dir, F_DUPFD_CLOEXEC, 0);
        DIR *stream = copy < 0 ? NULL : fdopendir(copy);
        size_t n = 0, room = 0;
        Entry *entries = NULL;
        struct dirent *d;
        int r = 0;

        if (!stream) {
                r = -errno;
                close_fd(copy);
                return r;
        }
        while (r >= 0 && (errno = 0, d = readdir(stream))) {
                if (str_equal(d->d_name, ".") || str_equal(d->d_name, ".."))
                        continue;
                if (n == room) {
                        Entry *more = reallocarray(entries, room ? 2 * room : 16, sizeof *entries);

                        if (!more) {
                                r = -ENOMEM;
                                break;
                        }
                        entries = more;
                        room = room ? 2 * room : 16;
                }
                entries[n] = (Entry){ strdup(d->d_name), is_whiteout(dir, d) ? 0 : 1 };
                r = entries[n++].name ? 0 : -ENOMEM;
        }
        /* A directory that cannot be read to its end is not a shorter one. */
        if (r >= 0 && errno)
                r = -errno;
        closedir(stream);
        if (r < 0) {
                free_entries(entries, n);
                return r;
        }
        if (n)
                qsort(entries, n, sizeof *entries, compare_entries);
        *ret = entries;
        *ret_n = n;
        return 0;
}

static int write_contents(Writer *w, int dir, bool opaque, const struct stat *st) {
        Entry *entries = NULL;
        size_t n = 0;
        int r;

        if (w->plain && mount_is_kernels(dir))
                return 0;
        r = list_entries(dir, &entries, &n);
        if (r < 0)
                return fail(w->err, r, "cannot list '%s'", shown(w));
        if (opaque && !w->plain)
                r = write_mark(w, WHITEOUT_OPAQUE, st);
        for (size_t i = 0; i < n && r >= 0; i++)
                r = write_entry(w, dir, &entries[i]);
        free_entries(entries, n);
        return r;
}

/* The directory's own entry and all below; its path is in w->path, empty for the root. */
static int write_directory(Writer *w, int dir, const char *name) {
        autoclose int self = open_quietly(dir, name, O_DIRECTORY);
        bool is_root = w->path.length == 0, opaque = false, plain;
        autofree char *path = NULL;
        autostr pax = {};
        struct stat st;
        int r;

        if (self < 0)
                return fail(w->err, self, "cannot open '%s'", shown(w));
        if (fstat(self, &st) < 0)
                return fail(w->err, errno, "cannot examine '%s'", shown(w));
        r = put_xattrs(w, self, &pax, &opaque);
        if (r < 0)
                return r;

        plain = (st.st_mode & 07777) == 0755 && !st.st_uid && !st.st_gid && !pax.length;
        if (!is_root || !plain) {
                path = str_format("%s/", is_root ? "." : w->path.text);
                if (!path)
                        return fail(w->err, ENOMEM, "cannot write the archive");
                r = out_header(w, path, TAR_DIRECTORY, &st, NULL, &pax);
                if (r < 0)
                        return r;
        }
        return write_contents(w, self, opaque, &st);
}

static void writer_clear(Writer *w) {
        for (size_t i = 0; i < w->linked_room; i++)
                free(w->linked[i].path);
        free(w->linked);
        str_clear(&w->path);
        free(w->buffer);
}

/* @entry: of the directory @dir, or NULL: all that is in it, and itself as the root. */
static int write_archive(Writer *w, int dir, const char *entry) {
        static const char end[2 * TAR_BLOCK];
        int r;

        w->buffer = malloc(COPY_SIZE + 2 * XATTRS_MAX);
        if (!w->buffer)
                return fail(w->err, ENOMEM, "cannot write the archive");
        r = entry ? write_entry(w, dir, &(Entry){ .name = (char *) entry })
                  : write_directory(w, dir, ".");
        if (r >= 0)
                r = out(w, end, sizeof end);
        writer_clear(w);
        return r;
}

int tar_write(int root, int64_t latest, TarSink sink, void *context, Err *err) {
        Writer w = { .sink = sink, .context = context, .latest = latest, .err = err };

        return write_archive(&w, root, NULL);
}

int tar_write_plain(int dir, const char *entry, TarSink sink, void *context, Err *err) {
        Writer w = {
                .sink = sink, .context = context, .latest = TAR_NO_CLAMP, .plain = true, .err = err
        };

        return write_archive(&w, dir, entry);
}

void tar_file_header(const char *name, int64_t size, char ret[TAR_HEADER_SIZE]) {
        TarHeader *h = (TarHeader *) ret;

        memset(ret, 0, TAR_HEADER_SIZE);
        memcpy(h->name, name, strnlen(name, sizeof h->name));
        put_octal(h->mode, sizeof h->mode, 0644);
        put_octal(h->uid, sizeof h->uid, 0);
        put_octal(h->gid, sizeof h->gid, 0);
        put_octal(h->mtime, sizeof h->mtime, 0);
        if (size <= OCTAL_11) {
                put_octal(h->size, sizeof h->size, (uint64_t) size);
        } else {
                /* GNU's way, which all readers know: base 256. */
                h->size[0] = (char) 0x80;
                for (size_t i = sizeof h->size - 1; i > 0; i--, size >>= 8)
                        h->size[i] = (char) (size & 0xff);
        }
        h->type = TAR_FILE;
        memcpy(h->magic, "ustar", 6);
        memcpy(h->version, "00", 2);
        seal(h);
}

int source_date_epoch(int64_t *ret, Err *err) {
        const char *text = getenv("SOURCE_DATE_EPOCH");

        *ret = TAR_NO_CLAMP;
        if (str_empty(text))
                return 0;
        if (parse_i64(text, ret) < 0 || *ret < 0)
                return refuse(err, EINVAL, "SOURCE_DATE_EPOCH: '%s' is no number of seconds", text);
        return 0;
}
