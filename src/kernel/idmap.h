/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Id maps
 *
 * A user namespace's map says which ids outside its ids are (user_namespaces(7)).
 * It is written once, from outside, before the first process inside does
 * anything that has an owner.  The same namespace then maps mounts
 * (mount_idmap() in kernel/mount.h).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

typedef struct IdRange {
        int64_t inside, outside, count;
} IdRange;

/**
 * idmap_write() - give a new user namespace its ids
 * @proc:	directory /proc/PID of a process in it
 * @file:	"uid_map" or "gid_map"
 * @ranges:	at most 340 (the kernel's limit)
 */
int idmap_write(int proc, const char *file, const IdRange *ranges, size_t n, Err *err);

/**
 * idmap_write_as_user() - idmap_write() of both maps for an ordinary user
 * @pid:	a process in the namespace; @proc: its directory
 *
 * One's own id alone may be mapped by anybody, if the namespace does without setgroups(2); ranges
 * are mapped by newuidmap(1) and newgidmap(1), which know from /etc/subuid and /etc/subgid whose
 * they are.
 */
int idmap_write_as_user(pid_t pid, int proc, const IdRange *uids, size_t n_uids,
                        const IdRange *gids, size_t n_gids, Err *err);

/* Reads the map of a namespace, as seen from the caller's; @ret is owned by the caller. */
int idmap_read(int proc, const char *file, IdRange **ret, size_t *ret_n);

/* The same of the caller's own. */
int idmap_read_own(const char *file, IdRange **ret, size_t *ret_n);
/* The caller's ids, each as itself: what it can give to a namespace of its own without any rights
 * outside.  The pieces are those of its own map, which cannot be joined (map_id_range_down(),
 * kernel/user_namespace.c). */
int idmap_same(const char *file, IdRange **ret, size_t *ret_n);

/**
 * idmap_userns() - make a user namespace that nobody is in, to map mounts with
 *
 * Its first process, which ends before this returns, is the caller's child.
 *
 * Return: descriptor owned by the caller; negative errno with a sentence.
 */
int idmap_userns(const IdRange *uids, size_t n_uids, const IdRange *gids, size_t n_gids, Err *err);

/* The id outside for one inside, or -1 if it has none. */
int64_t idmap_outside(const IdRange *ranges, size_t n, int64_t inside);

/* True for a process in a user namespace other than the first: its root is not the machine's. */
bool idmap_is_inside(void);
