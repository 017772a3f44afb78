/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Files below a directory
 *
 * Every function takes the directory as a descriptor (or AT_FDCWD) and returns
 * 0 or more, or a negative errno.  These are for isola's own state and for
 * /proc and /sys; a path inside a container's root goes through kernel/resolve.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Reads a whole file of at most max bytes (-EFBIG beyond); the text gets a NUL; size may be NULL.
 */
int file_read(int dir, const char *path, size_t max, char **ret, size_t *ret_size);
/* Same, without a trailing newline. */
int file_read_line(int dir, const char *path, char **ret);
/* What a single read() gives, at most size - 1 bytes and a NUL: for files of the kernel's that are
 * known to be shorter.  Returns how many. */
int file_read_some(int dir, const char *path, char *buffer, size_t size);
/* One write() to an existing file, as /proc, /sys and cgroups want it. */
int file_write(int dir, const char *path, const char *text);
/* Temporary file beside it, then rename; data and directory synced if @sync. */
int file_replace(int dir, const char *path, const void *data, size_t size, mode_t mode, bool sync);
/* As access(2), 0 or negative errno.  Not by glibc's faccessat(), which calls faccessat2(2):
 * filters around isola may know only the older call. */
int file_access(int dir, const char *path, int mode);
/* Whether there is something of that name, be it a link that leads nowhere. */
bool file_has_name(int dir, const char *path);
/* New file (O_EXCL); -EEXIST if the name is taken. */
int file_create(int dir, const char *path, const void *data, size_t size, mode_t mode);

/*
 * A file that only says whose something is, as a symbolic link: it is there with its text in one
 * step or not at all, wherever its maker is killed.  -EEXIST if somebody else has it.
 */
int owner_create(int dir, const char *path, const char *owner);
/* @ret: owned by the caller; -ENOENT. */
int owner_read(int dir, const char *path, char **ret);

int fd_write_all(int fd, const void *data, size_t size);
/* Returns the bytes read: fewer than size only at the end of the file. */
ssize_t fd_read_all(int fd, void *data, size_t size);
/* Reads the rest of a file of at most max bytes (-EFBIG beyond); as file_read(). */
int fd_read_text(int fd, size_t max, char **ret, size_t *ret_size);
/* Makes it durable together with its name in the directory. */
int fd_sync_with_dir(int fd, int dir);

/* mkdir -p below dir; existing directories are fine. */
int dir_make(int dir, const char *path, mode_t mode);
/* dir_make() and open it (O_PATH is not set, so it can be locked and listed). */
int dir_open(int dir, const char *path, mode_t mode);
/* Removes a file or a whole tree below dir; 0 also when there is none.  Never follows a link. */
int tree_remove(int dir, const char *path);
/* Adds up the sizes of all files in a tree (0 if there is none), hard links once each time they
 * appear. */
int tree_size(int dir, const char *path, uint64_t *ret);
/* Names in a directory except . and .., sorted. */
int dir_list(int dir, const char *path, char ***ret);
/* Those of an open one that nobody else reads by the same description; from its beginning. */
int dir_list_open(int dir, char ***ret);

/**
 * lock_dir() - lock an object by its directory
 * @dir:	open directory, lockable also when it may only be read
 * @wait:	wait for the present holder instead of returning -EAGAIN
 *
 * The lock (flock(2)) belongs to the directory's inode: it needs no file, follows a rename, and
 * goes when the last copy of the descriptor is closed, also by the death of its process.
 *
 * Return: descriptor that holds the lock until closed; -EAGAIN; negative errno.
 */
int lock_dir(int dir, bool wait);
