/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/copy.h"
#include "engine/copy_record.h"
#include "kernel/resolve.h"

typedef struct Receiver {
        int stream;
        bool owners;
        int root; /* the directory that became the root entry; -EBADF before */
        Err *err;
} Receiver;

static int receive_record(const Receiver *w, CopyRecord *ret) {
        if (fd_read_all(w->stream, ret, sizeof *ret) != sizeof *ret)
                return refuse(w->err, EPIPE, "the other side has ended before all was copied");
        ret->name[COPY_NAME_BYTES - 1] = '\0';
        return 0;
}

static int receive_text(const Receiver *w, const CopyRecord *record, char text[COPY_TEXT_MAX]) {
        if (record->size >= COPY_TEXT_MAX ||
            fd_read_all(w->stream, text, record->size) != (ssize_t) record->size)
                return refuse(w->err, EPIPE, "the other side has ended before all was copied");
        text[record->size] = '\0';
        return 0;
}

static int makes_no_sense(const Receiver *w) {
        return refuse(w->err, EPROTO, "what the other side says makes no sense");
}

static bool is_entry_name(const char *name) {
        return *name && !strchr(name, '/') && !str_equal(name, ".") && !str_equal(name, "..");
}

/* Owner, permissions and time of what is open; the contents are complete. */
static int dress(const Receiver *w, int fd, const char *name, const CopyRecord *record) {
        const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
                                           { record->mtime, record->mtime_ns } };
        mode_t mode = record->mode & 07777;
        struct stat st;

        if (fstat(fd, &st) < 0)
                return fail(w->err, errno, "cannot write '%s'", name);
        if (w->owners && fchown(fd, record->uid, record->gid) < 0)
                return fail(w->err, errno, "cannot set the owner of '%s'", name);
        if (!w->owners) {
                mode &= S_ISDIR(st.st_mode) ? 01777 : 0777;
                if ((st.st_uid != geteuid() || st.st_gid != getegid()) &&
                    fchown(fd, geteuid(), getegid()) < 0)
                        log_debug("'%s' keeps its owner: %s", name, strerror(errno));
        }
        if (fchmod(fd, mode) < 0)
                return fail(w->err, errno, "cannot set the permissions of '%s'", name);
        if (futimens(fd, times) < 0)
                return fail(w->err, errno, "cannot set the time of '%s'", name);
        return 0;
}

/* Opens a file to be written anew.  What cannot be written in its place is replaced: a running
 * program, a link that must not be followed. */
static int open_file(int dir, const char *name, bool follow) {
        const int flags = O_WRONLY | O_CREAT | O_NONBLOCK | O_CLOEXEC;
        int fd = openat(dir, name, flags | (follow ? 0 : O_NOFOLLOW), 0600), code = errno;

        if (fd >= 0 || (code != ELOOP && code != ETXTBSY && code != ENXIO))
                return fd < 0 ? -code : fd;
        if (unlinkat(dir, name, 0) < 0)
                return -code;
        fd = openat(dir, name, flags | O_EXCL, 0600);
        return fd < 0 ? -errno : fd;
}

static int receive_contents(const Receiver *w, int file, const char *name, uint64_t left) {
        char block[COPY_BLOCK];

        while (left > 0) {
                size_t n = left < COPY_BLOCK ? left : COPY_BLOCK;

                if (fd_read_all(w->stream, block, n) != (ssize_t) n)
                        return refuse(w->err, EPIPE,
                                      "the other side has ended before all was copied");
                if (fd_write_all(file, block, n) < 0)
                        return fail(w->err, errno, "cannot write '%s'", name);
                left -= n;
        }
        return 0;
}

static int receive_file(const Receiver *w, int dir, const char *name, const CopyRecord *record,
                        bool follow) {
        autoclose int fd = open_file(dir, name, follow);
        struct stat st;
        int r;

        if (fd < 0)
                return fail(w->err, fd, "cannot write '%s'", name);
        if (fstat(fd, &st) < 0)
                return fail(w->err, errno, "cannot write '%s'", name);
        if (!S_ISREG(st.st_mode))
                return refuse(w->err, EINVAL, "cannot write '%s': it is there, and is no file",
                              name);
        if (ftruncate(fd, 0) < 0)
                return fail(w->err, errno, "cannot write '%s'", name);
        r = receive_contents(w, fd, name, record->size);
        return r < 0 ? r : dress(w, fd, name, record);
}

/* Owner and time of a link or a pipe, which cannot be opened. */
static int dress_closed(const Receiver *w, int dir, const char *name, const CopyRecord *record) {
        const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
                                           { record->mtime, record->mtime_ns } };

        if (w->owners && fchownat(dir, name, record->uid, record->gid, AT_SYMLINK_NOFOLLOW) < 0)
                return fail(w->err, errno, "cannot set the owner of '%s'", name);
        if (utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW) < 0)
                return fail(w->err, errno, "cannot set the time of '%s'", name);
        return 0;
}

static int receive_link(const Receiver *w, int dir, const char *name, const CopyRecord *record) {
        char target[COPY_TEXT_MAX];
        int r = receive_text(w, record, target);

        if (r < 0)
                return r;
        (void) unlinkat(dir, name, 0);
        if (symlinkat(target, dir, name) < 0)
                return fail(w->err, errno, "cannot write '%s'", name);
        return dress_closed(w, dir, name, record);
}

static int receive_fifo(const Receiver *w, int dir, const char *name, const CopyRecord *record) {
        (void) unlinkat(dir, name, 0);
        if (mkfifoat(dir, name, 0600) < 0)
                return fail(w->err, errno, "cannot make the pipe '%s'", name);
        /* fchmodat() follows links; nobody has had the time to make one that matters: it is ours.
         */
        if (fchmodat(dir, name, record->mode & 0777, 0) < 0)
                return fail(w->err, errno, "cannot set the permissions of '%s'", name);
        return dress_closed(w, dir, name, record);
}

/* The directory that holds @path below the root, where no link may lead anywhere else. */
static int open_parent(const Receiver *w, const char *path, const char **name) {
        const char *slash = strrchr(path, '/');
        autofree char *parent = slash ? strndup(path, (size_t) (slash - path)) : strdup(".");

        *name = slash ? slash + 1 : path;
        if (w->root < 0 || !is_entry_name(*name))
                return -EPROTO;
        return parent ? resolve_open(w->root, parent, O_PATH | O_DIRECTORY) : -ENOMEM;
}

static int receive_alias(const Receiver *w, int dir, const char *name, const CopyRecord *record) {
        autoclose int there = -EBADF;
        char path[COPY_TEXT_MAX];
        const char *first;
        int r = receive_text(w, record, path);

        if (r < 0)
                return r;
        there = open_parent(w, path, &first);
        if (there < 0)
                return makes_no_sense(w);
        (void) unlinkat(dir, name, 0);
        if (linkat(there, first, dir, name, 0) < 0)
                return fail(w->err, errno, "cannot give '%s' the name '%s' as well", path, name);
        return 0;
}

static int receive_entry(Receiver *w, int dir, const char *name, const CopyRecord *record,
                         int depth, bool follow);

static int receive_entries(Receiver *w, int fd, int depth) {
        CopyRecord entry;
        int r;

        while ((r = receive_record(w, &entry)) >= 0 && entry.type != COPY_LEAVE) {
                r = receive_entry(w, fd, entry.name, &entry, depth + 1, false);
                if (r < 0)
                        return r;
        }
        return r;
}

static int receive_directory(Receiver *w, int dir, const char *name, const CopyRecord *record,
                             int depth) {
        autoclose int fd = -EBADF;
        int r;

        if (mkdirat(dir, name, 0700) < 0 && errno != EEXIST)
                return fail(w->err, errno, "cannot make '%s'", name);
        fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 && errno == ENOTDIR)
                return refuse(w->err, ENOTDIR, "cannot copy a directory over the file '%s'", name);
        if (fd < 0)
                return fail(w->err, errno, "cannot write into '%s'", name);
        if (w->root < 0)
                w->root = fd;
        r = receive_entries(w, fd, depth);
        if (w->root == fd)
                w->root = -EBADF;
        return r < 0 ? r : dress(w, fd, name, record);
}

static int receive_complaint(const Receiver *w, const CopyRecord *record) {
        char text[COPY_TEXT_MAX];
        int r = receive_text(w, record, text);

        return r < 0 ? r : refuse(w->err, EREMOTEIO, "%s", text);
}

static int receive_left_out(const Receiver *w, const CopyRecord *record) {
        char text[COPY_TEXT_MAX];
        int r = receive_text(w, record, text);

        if (r >= 0)
                log_warn("'%s' is left out: it is a device or a socket", text);
        return r;
}

static int receive_entry(Receiver *w, int dir, const char *name, const CopyRecord *record,
                         int depth, bool follow) {
        if (record->type == COPY_ERROR)
                return receive_complaint(w, record);
        if (!is_entry_name(name) || depth > COPY_DEPTH_MAX)
                return makes_no_sense(w);
        switch (record->type) {
        case COPY_FILE:
                return receive_file(w, dir, name, record, follow);
        case COPY_DIRECTORY:
                return receive_directory(w, dir, name, record, depth);
        case COPY_LINK:
                return receive_link(w, dir, name, record);
        case COPY_FIFO:
                return receive_fifo(w, dir, name, record);
        case COPY_ALIAS:
                return receive_alias(w, dir, name, record);
        case COPY_LEFT_OUT:
                return receive_left_out(w, record);
        default:
                return makes_no_sense(w);
        }
}

/* ---- the root entry ---- */

/* The directory to write into and the name in it, for a path that is no directory. */
static int find_new_place(const Receiver *w, const CopyTarget *to, const char *path,
                          const char **name) {
        const char *slash = strrchr(path, '/');
        autofree char *parent = NULL;
        int dir;

        parent = !slash          ? strdup(".")
                 : slash == path ? strdup("/")
                                 : strndup(path, (size_t) (slash - path));
        dir = parent ? open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
        if (dir < 0)
                return fail(w->err, errno, "cannot write into '%s'", parent ? parent : to->path);
        *name = slash ? slash + 1 : path;
        return dir;
}

/* Only what is in the directory that comes, into one that is there. */
static int receive_into(Receiver *w, int dir, const CopyTarget *to, const CopyRecord *record) {
        int r;

        if (record->type != COPY_DIRECTORY)
                return to->name ? receive_entry(w, dir, to->name, record, 0, false)
                                : makes_no_sense(w);
        if (to->name)
                return receive_directory(w, dir, to->name, record, 0);
        w->root = dir;
        r = receive_entries(w, dir, 0);
        w->root = -EBADF;
        return r;
}

int copy_receive(int stream, const CopyTarget *to, Err *err) {
        Receiver w = { .stream = stream, .owners = to->owners, .root = -EBADF, .err = err };
        autofree char *path = strdup(to->path);
        autoclose int dir = -EBADF;
        size_t length = strlen(to->path);
        const char *name = NULL;
        CopyRecord record;
        int r;

        if (!path)
                return fail(err, ENOMEM, "cannot copy");
        r = receive_record(&w, &record);
        if (r < 0)
                return r;
        if (record.type == COPY_ERROR)
                return receive_complaint(&w, &record);
        dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir >= 0)
                return receive_into(&w, dir, to, &record);
        if (errno == ENOTDIR && (record.type == COPY_DIRECTORY || to->directory))
                return refuse(err, ENOTDIR, "'%s' is no directory", path);
        if (to->directory)
                return fail(err, errno, "cannot write into '%s'", path);
        if (length > 1 && path[length - 1] == '/') {
                if (record.type != COPY_DIRECTORY)
                        return refuse(err, ENOENT, "there is no directory '%s'", path);
                while (length > 1 && path[length - 1] == '/')
                        path[--length] = '\0';
        }
        dir = find_new_place(&w, to, path, &name);
        return dir < 0 ? dir : receive_entry(&w, dir, name, &record, 0, true);
}
