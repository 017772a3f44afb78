/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Making entries of a tree whose names come from elsewhere; see unpack.h for the rules. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

#include "base/err.h"

/*
 * Brings a name into the form "a/b/c" ("" for the root itself), in place: without slashes at
 * either end, ".", or empty parts.  -EINVAL if a part is "..".
 */
int inroot_clean(char *name);

/*
 * Remembers the directory that was used last, as archives list a directory's files together.
 */
typedef struct InRoot {
        int root;
        char *parent_path;
        int parent;
        bool times_later; /* note made directories' times in @dirs */
        struct InRootDir *dirs;
        size_t n_dirs, room;
        int64_t strangers; /* see inroot_give() */
} InRoot;

typedef struct InRootDir {
        char *path;
        struct timespec mtime;
} InRootDir;

void inroot_clear(InRoot *t);

/* What a missing directory on the way is made with. */
typedef struct InRootOwner {
        uid_t uid;
        gid_t gid;
        struct timespec mtime;
} InRootOwner;

/**
 * inroot_parent() - open the directory that holds an entry
 * @path:	clean, not ""
 * @ret_name:	its last part, inside @path
 *
 * Return: O_PATH descriptor, borrowed until the next call; negative errno.
 */
int inroot_parent(InRoot *t, const char *path, const InRootOwner *missing, const char **ret_name,
                  Err *err);

/* Makes the directory where it is missing, and those above.  Return: descriptor, owned. */
int inroot_make_dir(InRoot *t, const char *path, const InRootOwner *missing, mode_t mode, Err *err);

/* Removes what is there, whole trees too, so that the name is free. */
int inroot_remove(InRoot *t, int parent, const char *name);

/*
 * Sets an entry's owner; "" is @parent itself.  One that is no id of this user namespace is
 * counted, and the entry stays ours.
 */
int inroot_give(InRoot *t, int parent, const char *name, uid_t uid, gid_t gid);

/* Sets a directory's time in inroot_finish(). */
int inroot_note_time(InRoot *t, const char *path, struct timespec mtime);
int inroot_finish(InRoot *t, Err *err);
