/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/copy.h"
#include "engine/copy_record.h"
#include "kernel/mount.h"

/* A file with several names, and the path of the first. */
typedef struct Known {
        dev_t device;
        ino_t inode;
        char *path;
} Known;

typedef struct Sender {
        int stream;
        Str path;    /* of the present entry, below the root */
        void *known; /* tree of Known, tsearch(3) */
        Err *err;
} Sender;

static int send_record(Sender *s, uint8_t type, const struct stat *st, uint64_t size,
                       const char *name) {
        CopyRecord record = { .type = type, .size = size };

        if (strlen(name) >= COPY_NAME_BYTES)
                return refuse(s->err, ENAMETOOLONG, "the name '%s' is too long", name);
        strcpy(record.name, name);
        if (st) {
                record.mode = st->st_mode & 07777;
                record.uid = st->st_uid;
                record.gid = st->st_gid;
                record.mtime = st->st_mtim.tv_sec;
                record.mtime_ns = (uint32_t) st->st_mtim.tv_nsec;
        }
        return fd_write_all(s->stream, &record, sizeof record) < 0
                       ? fail(s->err, errno, "cannot send '%s'", name)
                       : 0;
}

static int send_text(Sender *s, uint8_t type, const struct stat *st, const char *text,
                     const char *name) {
        size_t n = strlen(text);
        int r = send_record(s, type, st, n, name);

        return r >= 0 && fd_write_all(s->stream, text, n) < 0
                       ? fail(s->err, errno, "cannot send '%s'", name)
                       : r;
}

static int send_contents(Sender *s, int file, const char *path, uint64_t left) {
        char block[COPY_BLOCK];

        while (left > 0) {
                ssize_t n = read(file, block, left < COPY_BLOCK ? left : COPY_BLOCK);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return fail(s->err, errno, "cannot read '%s'", path);
                if (n == 0)
                        return refuse(s->err, EIO, "'%s' has become shorter meanwhile", path);
                if (fd_write_all(s->stream, block, (size_t) n) < 0)
                        return fail(s->err, errno, "cannot send '%s'", path);
                left -= (uint64_t) n;
        }
        return 0;
}

static int compare_known(const void *a, const void *b) {
        const Known *x = a, *y = b;

        if (x->inode != y->inode)
                return x->inode < y->inode ? -1 : 1;
        return x->device < y->device ? -1 : x->device > y->device;
}

static void free_known(void *node) {
        Known *k = node;

        free(k->path);
        free(k);
}

/* The path under which a file with several names was sent, or NULL: from now on it is this one. */
static int find_known(Sender *s, const struct stat *st, const char **ret) {
        const Known key = { .device = st->st_dev, .inode = st->st_ino };
        Known *const *found = tfind(&key, &s->known, compare_known), *k;

        *ret = found ? (*found)->path : NULL;
        if (found)
                return 0;
        k = malloc(sizeof *k);
        if (k)
                *k = (Known){ st->st_dev, st->st_ino, strdup(s->path.text) };
        if (k && k->path && tsearch(k, &s->known, compare_known))
                return 0;
        if (k)
                free_known(k);
        return fail(s->err, ENOMEM, "cannot send '%s'", s->path.text);
}

static int send_file(Sender *s, int dir, const char *path, const char *name, const struct stat *st,
                     int flags) {
        autoclose int file = -EBADF;
        const char *known = NULL;
        struct stat now;
        int r;

        if (st->st_nlink > 1 && s->path.length > 0) {
                r = find_known(s, st, &known);
                if (r < 0)
                        return r;
                if (known && strlen(known) < COPY_TEXT_MAX)
                        return send_text(s, COPY_ALIAS, NULL, known, name);
        }
        file = openat(dir, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | flags);
        if (file < 0 || fstat(file, &now) < 0)
                return fail(s->err, errno, "cannot open '%s'", path);
        if (!S_ISREG(now.st_mode))
                return refuse(s->err, EINVAL, "'%s' has become something else meanwhile", path);
        r = send_record(s, COPY_FILE, &now, (uint64_t) now.st_size, name);
        return r < 0 ? r : send_contents(s, file, path, (uint64_t) now.st_size);
}

static int send_link(Sender *s, int dir, const char *path, const char *name,
                     const struct stat *st) {
        char target[COPY_TEXT_MAX];
        ssize_t n = readlinkat(dir, path, target, sizeof target - 1);

        if (n < 0)
                return fail(s->err, errno, "cannot read '%s'", path);
        target[n] = '\0';
        return send_text(s, COPY_LINK, st, target, name);
}

static int send_entry(Sender *s, int dir, const char *path, const char *name, int depth,
                      bool follow);

static int send_below(Sender *s, int dir, const char *name, int depth) {
        size_t parent = s->path.length;
        int r;

        if (parent)
                str_put_char(&s->path, '/');
        str_put(&s->path, name);
        if (s->path.failed)
                return fail(s->err, ENOMEM, "cannot send '%s'", name);
        r = send_entry(s, dir, name, name, depth, false);
        s->path.length = parent;
        s->path.text[parent] = '\0';
        return r;
}

static int send_directory(Sender *s, int dir, const char *path, const char *name,
                          const struct stat *st, int depth, int flags) {
        autoclose int fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags);
        autostrv names = NULL;
        int r = fd < 0 ? -errno : 0;

        if (r >= 0 && !mount_is_kernels(fd))
                r = dir_list(fd, ".", &names);
        if (r < 0)
                return fail(s->err, r, "cannot read '%s'", path);
        if (depth >= COPY_DEPTH_MAX)
                return refuse(s->err, ELOOP, "'%s' is too deep", path);
        r = send_record(s, COPY_DIRECTORY, st, 0, name);
        strv_foreach(entry, names)
                if (r >= 0)
                        r = send_below(s, fd, *entry, depth + 1);
        return r < 0 ? r : send_record(s, COPY_LEAVE, NULL, 0, "");
}

static int send_other(Sender *s, const char *path, const char *name, int depth) {
        if (depth == 0)
                return refuse(s->err, EINVAL, "'%s' is a device or a socket", path);
        log_warn("'%s' is left out: it is a device or a socket", s->path.text);
        return send_text(s, COPY_LEFT_OUT, NULL,
                         s->path.length < COPY_TEXT_MAX ? s->path.text : path, name);
}

static int send_entry(Sender *s, int dir, const char *path, const char *name, int depth,
                      bool follow) {
        int flags = follow ? 0 : O_NOFOLLOW;
        struct stat st;

        if (fstatat(dir, path, &st, follow ? 0 : AT_SYMLINK_NOFOLLOW) < 0)
                return fail(s->err, errno, "cannot open '%s'", path);
        switch (st.st_mode & S_IFMT) {
        case S_IFREG:
                return send_file(s, dir, path, name, &st, flags);
        case S_IFDIR:
                return send_directory(s, dir, path, name, &st, depth, flags);
        case S_IFLNK:
                return send_link(s, dir, path, name, &st);
        case S_IFIFO:
                return send_record(s, COPY_FIFO, &st, 0, name);
        default:
                return send_other(s, path, name, depth);
        }
}

int copy_send(int stream, const char *path, bool follow, Err *err) {
        Sender s = { .stream = stream, .err = err };
        int r = send_entry(&s, AT_FDCWD, path, "", 0, follow);

        if (r < 0 && err && err->message) {
                autofree char *sentence = strndup(err->message, COPY_TEXT_MAX - 1);

                s.err = NULL;
                if (sentence)
                        (void) send_text(&s, COPY_ERROR, NULL, sentence, "");
        }
        tdestroy(s.known, free_known);
        str_clear(&s.path);
        return r;
}
