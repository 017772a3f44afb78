/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"
#include "lab/copy.h"

#define DEPTH_MAX  128
#define NAME_BYTES 256
#define TEXT_MAX   4096
#define BLOCK      65536

enum { FILE_RECORD = 'f', DIRECTORY = 'd', LINK = 'l', LEAVE = 'u', ERROR = 'e' };

/* Both ends are on one machine. */
typedef struct Record {
        uint8_t type;
        uint32_t mode;
        uint64_t size; /* of what follows: contents, where a link leads, the sentence */
        char name[NAME_BYTES];
} Record;

/* ---- sending ---- */

static int send_record(int stream, uint8_t type, const struct stat *st, uint64_t size,
                       const char *name, Err *err) {
        Record record = { .type = type, .mode = st ? st->st_mode & 0777 : 0, .size = size };

        if (strlen(name) >= NAME_BYTES)
                return refuse(err, ENAMETOOLONG, "the name '%s' is too long", name);
        strcpy(record.name, name);
        return fd_write_all(stream, &record, sizeof record) < 0
                       ? fail(err, errno, "cannot send '%s'", name)
                       : 0;
}

static int send_file(int stream, int dir, const char *path, const char *name, Err *err) {
        autoclose int fd = openat(dir, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        struct stat st;
        uint64_t left;
        int r;

        if (fd < 0 || fstat(fd, &st) < 0)
                return fail(err, errno, "cannot open '%s'", path);
        left = (uint64_t) st.st_size;
        r = send_record(stream, FILE_RECORD, &st, left, name, err);
        while (r >= 0 && left > 0) {
                char block[BLOCK];
                ssize_t n = read(fd, block, left < BLOCK ? left : BLOCK);

                if (n < 0)
                        return fail(err, errno, "cannot read '%s'", path);
                if (n == 0)
                        return refuse(err, EIO, "'%s' has become shorter meanwhile", path);
                if (fd_write_all(stream, block, (size_t) n) < 0)
                        return fail(err, errno, "cannot send '%s'", path);
                left -= (uint64_t) n;
        }
        return r;
}

static int send_link(int stream, int dir, const char *path, const char *name, Err *err) {
        char target[TEXT_MAX];
        ssize_t n = readlinkat(dir, path, target, sizeof target);
        int r;

        if (n < 0 || n == sizeof target)
                return fail(err, n < 0 ? errno : ENAMETOOLONG, "cannot read '%s'", path);
        r = send_record(stream, LINK, NULL, (uint64_t) n, name, err);
        return r >= 0 && fd_write_all(stream, target, (size_t) n) < 0
                       ? fail(err, errno, "cannot send '%s'", path)
                       : r;
}

static int send_entry(int stream, int dir, const char *path, const char *name, int depth, Err *err);

static int send_directory(int stream, int dir, const char *path, const char *name,
                          const struct stat *st, int depth, Err *err) {
        autoclose int fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        autostrv names = NULL;
        int r = fd < 0 ? -errno : dir_list(fd, ".", &names);

        if (r < 0)
                return fail(err, r, "cannot read '%s'", path);
        if (depth >= DEPTH_MAX)
                return refuse(err, ELOOP, "'%s' is too deep", path);
        r = send_record(stream, DIRECTORY, st, 0, name, err);
        strv_foreach(entry, names)
                if (r >= 0)
                        r = send_entry(stream, fd, *entry, *entry, depth + 1, err);
        return r < 0 ? r : send_record(stream, LEAVE, NULL, 0, "", err);
}

static int send_entry(int stream, int dir, const char *path, const char *name, int depth,
                      Err *err) {
        struct stat st;

        if (fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return fail(err, errno, "cannot open '%s'", path);
        if (S_ISREG(st.st_mode))
                return send_file(stream, dir, path, name, err);
        if (S_ISDIR(st.st_mode))
                return send_directory(stream, dir, path, name, &st, depth, err);
        if (S_ISLNK(st.st_mode))
                return send_link(stream, dir, path, name, err);
        return refuse(err, EINVAL, "'%s' is neither a file nor a directory nor a link", path);
}

int copy_send(int stream, const char *path, Err *err) {
        int r = send_entry(stream, AT_FDCWD, path, "", 0, err);

        if (r < 0 && err && err->message) {
                uint64_t n = strnlen(err->message, TEXT_MAX - 1);

                if (send_record(stream, ERROR, NULL, n, "", NULL) >= 0)
                        (void) fd_write_all(stream, err->message, n);
        }
        return r;
}

/* ---- receiving ---- */

static int receive_record(int stream, Record *ret, Err *err) {
        if (fd_read_all(stream, ret, sizeof *ret) != sizeof *ret)
                return refuse(err, EPIPE, "the other side has ended before all was copied");
        ret->name[NAME_BYTES - 1] = '\0';
        return 0;
}

static int receive_text(int stream, const Record *record, char text[TEXT_MAX], Err *err) {
        if (record->size >= TEXT_MAX ||
            fd_read_all(stream, text, record->size) != (ssize_t) record->size)
                return refuse(err, EPIPE, "the other side has ended before all was copied");
        text[record->size] = '\0';
        return 0;
}

static int receive_file(int stream, int dir, const char *name, const Record *record, Err *err) {
        autoclose int fd =
                openat(dir, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
        uint64_t left = record->size;
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return fail(err, errno, "cannot write '%s'", name);
        if (!S_ISREG(st.st_mode))
                return refuse(err, EINVAL, "cannot write '%s': it is there, and is no file", name);
        if (ftruncate(fd, 0) < 0)
                return fail(err, errno, "cannot write '%s'", name);
        while (left > 0) {
                char block[BLOCK];
                size_t n = left < BLOCK ? left : BLOCK;

                if (fd_read_all(stream, block, n) != (ssize_t) n)
                        return refuse(err, EPIPE, "the other side has ended before all was copied");
                if (fd_write_all(fd, block, n) < 0)
                        return fail(err, errno, "cannot write '%s'", name);
                left -= n;
        }
        return fchmod(fd, record->mode & 0777) < 0
                       ? fail(err, errno, "cannot set the permissions of '%s'", name)
                       : 0;
}

static int receive_link(int stream, int dir, const char *name, const Record *record, Err *err) {
        char target[TEXT_MAX];
        int r = receive_text(stream, record, target, err);

        if (r < 0)
                return r;
        (void) unlinkat(dir, name, 0);
        return symlinkat(target, dir, name) < 0 ? fail(err, errno, "cannot write '%s'", name) : 0;
}

static int receive_entry(int stream, int dir, const char *name, const Record *record, int depth,
                         Err *err);

static int receive_directory(int stream, int dir, const char *name, const Record *record, int depth,
                             Err *err) {
        autoclose int fd = -EBADF;
        Record entry;
        int r = 0;

        if (mkdirat(dir, name, 0700) < 0 && errno != EEXIST)
                return fail(err, errno, "cannot make '%s'", name);
        fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return fail(err, errno, "cannot write into '%s'", name);
        while ((r = receive_record(stream, &entry, err)) >= 0 && entry.type != LEAVE) {
                r = receive_entry(stream, fd, entry.name, &entry, depth + 1, err);
                if (r < 0)
                        return r;
        }
        if (r >= 0 && fchmod(fd, record->mode & 0777) < 0)
                r = fail(err, errno, "cannot set the permissions of '%s'", name);
        return r;
}

static bool is_entry_name(const char *name) {
        return *name && !strchr(name, '/') && !str_equal(name, ".") && !str_equal(name, "..");
}

static int receive_entry(int stream, int dir, const char *name, const Record *record, int depth,
                         Err *err) {
        char text[TEXT_MAX];
        int r;

        switch (record->type) {
        case ERROR:
                r = receive_text(stream, record, text, err);
                return r < 0 ? r : refuse(err, EREMOTEIO, "%s", text);
        case FILE_RECORD:
        case DIRECTORY:
        case LINK:
                break;
        default:
                return refuse(err, EPROTO, "what the other side says makes no sense");
        }
        if (!is_entry_name(name) || depth > DEPTH_MAX)
                return refuse(err, EPROTO, "what the other side says makes no sense");
        return record->type == FILE_RECORD ? receive_file(stream, dir, name, record, err)
               : record->type == LINK      ? receive_link(stream, dir, name, record, err)
                                      : receive_directory(stream, dir, name, record, depth, err);
}

/* The directory to write into, and the name there: the last part of the path, or its own. */
static int find_place(const char *path, const char **name, Err *err) {
        const char *slash = strrchr(path, '/');
        autofree char *parent = NULL;
        int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (dir >= 0)
                return dir;
        if (slash && !slash[1])
                return refuse(err, ENOENT, "there is no directory '%s'", path);
        parent = !slash          ? strdup(".")
                 : slash == path ? strdup("/")
                                 : strndup(path, (size_t) (slash - path));
        dir = parent ? open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
        if (dir < 0)
                return fail(err, errno, "cannot write into '%s'", parent ? parent : path);
        *name = slash ? slash + 1 : path;
        return dir;
}

int copy_receive(int stream, const char *path, const char *name, Err *err) {
        autoclose int dir = -EBADF;
        Record record;
        int r = receive_record(stream, &record, err);

        if (r < 0 || record.type == ERROR)
                return r < 0 ? r : receive_entry(stream, -EBADF, "", &record, 0, err);
        dir = find_place(path, &name, err);
        return dir < 0 ? dir : receive_entry(stream, dir, name, &record, 0, err);
}
