/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/file.h"
#include "base/str.h"

int fd_read_text(int fd, size_t max, char **ret, size_t *ret_size) {
        size_t size = 0, capacity = 4096;
        autofree char *text = NULL;

        for (;;) {
                char *longer = realloc(text, capacity + 1);
                ssize_t n;

                if (!longer)
                        return -ENOMEM;
                text = longer;
                n = read(fd, text + size, capacity - size);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                size += (size_t) n;
                if (size > max)
                        return -EFBIG;
                if (size == capacity)
                        capacity *= 2;
        }

        text[size] = 0;
        *ret = take_ptr(text);
        if (ret_size)
                *ret_size = size;
        return 0;
}

int file_read(int dir, const char *path, size_t max, char **ret, size_t *ret_size) {
        autoclose int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

        return fd < 0 ? -errno : fd_read_text(fd, max, ret, ret_size);
}

int file_read_line(int dir, const char *path, char **ret) {
        size_t size;
        int r;

        r = file_read(dir, path, 1 << 20, ret, &size);
        if (r < 0)
                return r;
        if (size > 0 && (*ret)[size - 1] == '\n')
                (*ret)[size - 1] = 0;
        return 0;
}

int file_read_some(int dir, const char *path, char *buffer, size_t size) {
        autoclose int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        ssize_t n;

        if (fd < 0)
                return -errno;
        do
                n = read(fd, buffer, size - 1);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        buffer[n] = 0;
        return (int) n;
}

int file_write(int dir, const char *path, const char *text) {
        autoclose int fd = openat(dir, path, O_WRONLY | O_CLOEXEC | O_NOCTTY);

        if (fd < 0)
                return -errno;
        return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

int owner_create(int dir, const char *path, const char *owner) {
        return symlinkat(owner, dir, path) < 0 ? -errno : 0;
}

int owner_read(int dir, const char *path, char **ret) {
        char owner[256];
        ssize_t n = readlinkat(dir, path, owner, sizeof owner - 1);

        if (n < 0)
                return -errno;
        *ret = strndup(owner, (size_t) n);
        return *ret ? 0 : -ENOMEM;
}

int fd_write_all(int fd, const void *data, size_t size) {
        const char *p = data;

        while (size > 0) {
                ssize_t n = write(fd, p, size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                p += n;
                size -= (size_t) n;
        }
        return 0;
}

ssize_t fd_read_all(int fd, void *data, size_t size) {
        size_t done = 0;

        while (done < size) {
                ssize_t n = read(fd, (char *) data + done, size - done);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                done += (size_t) n;
        }
        return (ssize_t) done;
}

int fd_sync_with_dir(int fd, int dir) {
        if (fsync(fd) < 0)
                return -errno;
        if (dir >= 0 && fsync(dir) < 0)
                return -errno;
        return 0;
}

/* Opens the directory that holds path, so that it can be synced. */
static int open_parent(int dir, const char *path) {
        const char *slash = strrchr(path, '/');
        autofree char *parent = slash ? strndup(path, (size_t) (slash - path)) : strdup(".");
        int fd;

        if (!parent)
                return -ENOMEM;
        fd = openat(dir, *parent ? parent : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

int file_access(int dir, const char *path, int mode) {
        return syscall(SYS_faccessat, dir, path, mode) < 0 ? -errno : 0;
}

bool file_has_name(int dir, const char *path) {
        struct stat st;

        return fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

int file_create(int dir, const char *path, const void *data, size_t size, mode_t mode) {
        autoclose int fd =
                openat(dir, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
        int r;

        if (fd < 0)
                return -errno;
        r = fd_write_all(fd, data, size);
        if (r < 0)
                (void) unlinkat(dir, path, 0);
        return r;
}

int file_replace(int dir, const char *path, const void *data, size_t size, mode_t mode, bool sync) {
        static unsigned counter;
        autofree char *temporary = str_format("%s.%d.%u~", path, getpid(),
                                              __atomic_fetch_add(&counter, 1, __ATOMIC_RELAXED));
        autoclose int fd = -EBADF, parent = -EBADF;
        int r;

        if (!temporary)
                return -ENOMEM;

        fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode);
        if (fd < 0)
                return -errno;

        r = fd_write_all(fd, data, size);
        if (r >= 0 && sync && fsync(fd) < 0)
                r = -errno;
        if (r >= 0 && renameat(dir, temporary, dir, path) < 0)
                r = -errno;
        if (r < 0) {
                (void) unlinkat(dir, temporary, 0);
                return r;
        }
        if (!sync)
                return 0;

        parent = open_parent(dir, path);
        if (parent < 0)
                return parent;
        return fsync(parent) < 0 ? -errno : 0;
}

int dir_make(int dir, const char *path, mode_t mode) {
        autofree char *copy = NULL;

        if (mkdirat(dir, path, mode) == 0 || errno == EEXIST)
                return 0;
        if (errno != ENOENT)
                return -errno;

        copy = strdup(path);
        if (!copy)
                return -ENOMEM;
        for (char *p = copy + 1; (p = strchr(p, '/')); p++) {
                *p = 0;
                if (mkdirat(dir, copy, mode) < 0 && errno != EEXIST)
                        return -errno;
                *p = '/';
        }
        return mkdirat(dir, path, mode) < 0 && errno != EEXIST ? -errno : 0;
}

int dir_open(int dir, const char *path, mode_t mode) {
        int fd, r;

        fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd >= 0)
                return fd;
        if (errno != ENOENT)
                return -errno;

        r = dir_make(dir, path, mode);
        if (r < 0)
                return r;
        fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

static bool is_dots(const char *name) {
        return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

/* Empties a directory; owns fd. */
static int empty_dir(int fd) {
        struct dirent *entry;
        DIR *stream;
        int r = 0;

        stream = fdopendir(fd);
        if (!stream) {
                r = -errno;
                close(fd);
                return r;
        }
        while (r >= 0 && (entry = readdir(stream)))
                if (!is_dots(entry->d_name))
                        r = tree_remove(dirfd(stream), entry->d_name);
        closedir(stream);
        return r;
}

int tree_remove(int dir, const char *path) {
        int fd, r;

        if (unlinkat(dir, path, 0) == 0 || errno == ENOENT)
                return 0;
        if (errno != EISDIR && errno != EPERM)
                return -errno;
        if (unlinkat(dir, path, AT_REMOVEDIR) == 0)
                return 0;

        fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT ? 0 : -errno;
        r = empty_dir(fd);
        if (r < 0)
                return r;
        return unlinkat(dir, path, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}

int tree_size(int dir, const char *path, uint64_t *ret) {
        struct dirent *entry;
        DIR *stream;
        int fd, r = 0;

        fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT ? 0 : -errno;
        stream = fdopendir(fd);
        if (!stream) {
                close(fd);
                return -ENOMEM;
        }
        while (r >= 0 && (entry = readdir(stream))) {
                struct stat st;

                if (is_dots(entry->d_name) ||
                    fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                        continue;
                if (S_ISDIR(st.st_mode))
                        r = tree_size(fd, entry->d_name, ret);
                else if (S_ISREG(st.st_mode))
                        *ret += (uint64_t) st.st_size;
        }
        closedir(stream);
        return r;
}

static int compare_names(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

/* getdents64(2) */
struct entry {
        uint64_t inode;
        int64_t offset;
        unsigned short size;
        unsigned char type;
        char name[];
};

static int add_entries(const char *buffer, ssize_t size, char ***names) {
        for (ssize_t at = 0; at < size;) {
                const struct entry *e = (const void *) (buffer + at);

                if (!is_dots(e->name) && strv_add(names, e->name) < 0)
                        return -ENOMEM;
                at += e->size;
        }
        return 0;
}

/* Not by readdir(3), which makes four calls more of each directory. */
static int list(int fd, char ***ret) {
        _Alignas(struct entry) char buffer[8192];
        autostrv names = NULL;
        ssize_t n;

        while ((n = syscall(SYS_getdents64, fd, buffer, sizeof buffer)) > 0)
                if (add_entries(buffer, n, &names) < 0)
                        return -ENOMEM;
        if (n < 0)
                return -errno;
        if (names)
                qsort(names, strv_length(names), sizeof *names, compare_names);
        *ret = take_ptr(names);
        return 0;
}

int dir_list(int dir, const char *path, char ***ret) {
        autoclose int fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return fd < 0 ? -errno : list(fd, ret);
}

int dir_list_open(int dir, char ***ret) {
        return lseek(dir, 0, SEEK_SET) < 0 ? -errno : list(dir, ret);
}

int lock_dir(int dir, bool wait) {
        /* A description of its own: a lock of the caller's would be shared with every copy of dir.
         */
        autoclose int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        while (flock(fd, LOCK_EX | (wait ? 0 : LOCK_NB)) < 0)
                if (errno != EINTR)
                        return -errno;
        return take_fd(fd);
}
