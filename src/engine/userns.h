/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Which ids a container has: --userns, --uidmap, --gidmap, --subuidname, --subgidname
 *
 *   private   root: 65536 that nobody else has, while it runs (engine/idrange.h); an ordinary user:
 *             all of his own, as they are
 *   host      no user namespace of its own
 *   auto      root: as private; an ordinary user: a part of his range that no other container of
 *             his has, so that they are strangers to each other and to him
 *   keep-id   the user himself is inside who he is outside; the others follow from his range
 *   nomap     his range, without himself
 *   mapped    what --uidmap and --gidmap say
 *
 * Root's files are mapped when they are mounted and are on disk as they are inside, whatever the
 * map.  An ordinary user's are on disk as the map has them, so for him a map is chosen once, when
 * the container is made, and kept in its record (HostConfig.IDMappings); its layers are shown with
 * other owners by store/mapped.h.
 */

#include "engine/container.h"
#include "kernel/idplan.h"
#include "store/mapped.h"

typedef struct ContainerIds {
        IdPlan uids, gids;
} ContainerIds;

void container_ids_clear(ContainerIds *ids);
#define autocontainerids __attribute__((__cleanup__(container_ids_clear))) ContainerIds

/* Whether @mode is one of --userns, and its options are. */
int userns_check(const char *mode, Err *err);

/* Who it runs as if nobody says: with keep-id the user himself, else 0 and nothing is changed. */
int userns_default_user(Container *c, Err *err);

/**
 * userns_plan() - work out the ids of a container in the making
 * @c:		its image is known; HostConfig.IDMappings are the options' words, and ids after that
 * @ret_lock:	-EBADF, or a lock to hold until the record is written
 *
 * Return: 0; -EINVAL, -ENOSPC.
 */
int userns_plan(const Home *home, Container *c, int *ret_lock, Err *err);

/* Whether the record says which ids it has. */
bool userns_is_planned(const Container *c);
/* Whether its files lie on disk with other owners than it sees. */
bool userns_is_shifted(const Container *c);

/**
 * userns_ids() - the ids, in pieces that the kernel takes
 * @base:	from idrange_take(), or 0
 */
int userns_ids(const Container *c, uint64_t base, ContainerIds *ret);

/* The tree that shows its layers with their owners; nothing if they have them on disk. */
int userns_layers(const Container *c, MappedLayers *ret, Err *err);

/* Gives a file or directory that it will see to its root; nothing if it is that one's already. */
int userns_give_root(const Container *c, int dir, const char *name);
/* The same if it would be nobody's there. */
int userns_give_nobodys(const Container *c, int dir, const char *name);

/* A user namespace with its ids and nobody in it, to read its files in; or -EBADF, if they are as
 * it sees them. */
int userns_open(const Container *c, int *ret, Err *err);
/* The same for this process, which from now on sees owners as the container does and has no rights
 * over anything but its files. */
int userns_enter(const Container *c, Err *err);
