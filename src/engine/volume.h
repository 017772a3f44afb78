/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Named volumes: $DATA/volumes/<name>/{_data/,volume.json}
 *
 * A volume is made when a container first names it, or by volume_create().  An
 * anonymous one, which was named by nobody and has 64 random hexadecimal digits
 * for a name, goes with the container that it was made for: that container's
 * mount says so (ContainerMount.anonymous), so the same volume mounted elsewhere
 * by its digits stays.
 *
 * _data comes last and makes the volume; a removal begins with a rename to a name
 * that no volume can have (".gone-…") while the directory "volumes" is locked,
 * and whoever meets such a directory deletes it.  A volume that a container's
 * record names is never removed.
 */

#include <stdbool.h>

#include "base/home.h"
#include "base/json.h"

typedef struct Volume {
        int version; /* of the record */
        char *name;  /* not in the record: the directory's */
        char *created;
        char **labels; /* "key=value" */
        bool anonymous;
} Volume;

Volume *volume_free(Volume *v);
DEFINE_AUTOPTR(Volume, volume_free)

/* Makes it if missing; @ret: path of its _data directory, owned by the caller. */
int volume_use(const Home *home, const char *name, bool anonymous, char **ret, Err *err);
/**
 * volume_create() - make a volume, or find that there is one
 * @wanted:	name (NULL: an anonymous one's digits are filled in) and labels
 *
 * Return: 1 if it was made, 0 if there is one with these labels; -EEXIST if its labels differ.
 */
int volume_create(const Home *home, Volume *wanted, Err *err);
/* -ENOENT with a hint. */
int volume_load(const Home *home, const char *name, Volume **ret, Err *err);
/* By name. */
int volume_list(const Home *home, Volume ***ret, size_t *ret_n, Err *err);
void volume_list_free(Volume **list, size_t n);

/* One use of a volume by a container. */
typedef struct VolumeUse {
        char *volume, *container; /* their names */
} VolumeUse;
typedef struct VolumeUses {
        VolumeUse *all;
        size_t n;
} VolumeUses;
void volume_uses_clear(VolumeUses *u);
#define autovolumeuses __attribute__((__cleanup__(volume_uses_clear))) VolumeUses

/* Every volume that a container's record names, running or not. */
int volume_uses(const Home *home, VolumeUses *ret, Err *err);
/* The container that uses it, borrowed, or NULL. */
const char *volume_user(const VolumeUses *u, const char *volume);

/* -ENOENT; -EBUSY with the container's name. */
int volume_remove(const Home *home, const char *name, Err *err);
/* volume_remove() of what was made for the container @user alone; one in use elsewhere stays. */
int volume_release(const Home *home, const char *name, const char *user, Err *err);
/* Bytes of all files in it. */
int volume_size(const Home *home, const char *name, uint64_t *ret, Err *err);

/* Docker's inspect document (a new jansson reference); NULL without memory. */
struct json_t *volume_inspect(const Home *home, const Volume *v);
