/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The layers of an image with other owners
 *
 * Root has them mapped when they are mounted, for nothing.  An ordinary user may not: the kernel
 * lets only whoever owns the file system do so (mount_setattr(2)).  For him the owners are changed
 * on disk, in a tree beside the layer that is topmost, once for each map:
 *
 *   $DATA/layers/HEX/map-KEY/    all directories, links and files of the image, owned as the map
 *                                says; the files are empty but for a note where their contents
 *                                are (user.overlay.metacopy, user.overlay.redirect), which the
 *                                overlay finds in the layers themselves, given to it as data
 *                                (Documentation/filesystems/overlayfs.rst, "Data-only lower
 *                                layers"; in a user namespace since Linux 6.16)
 *   $DATA/layers/HEX/copy-KEY/   for older kernels: the same with contents, which are copied
 *
 * KEY is a digest of the map.  The tree is made in a draft, synced and renamed into place, and goes
 * with its layer.
 */

#include "base/home.h"
#include "kernel/idplan.h"

typedef struct MappedLayers {
        char *tree; /* absolute: the one lower directory */
        bool data;  /* the layers themselves are to be given as data */
} MappedLayers;

void mapped_layers_clear(MappedLayers *m);

/**
 * mapped_layers() - find the tree for a map, or make it
 * @lowers:	the layers' diff directories, topmost first
 * @uids, @gids:	the map; who has no place in it is owned by somebody outside of it
 *
 * Return: 0; -EOVERFLOW if there is nobody outside of the map for such files.
 */
int mapped_layers(const Home *home, char *const *lowers, const IdPlan *uids, const IdPlan *gids,
                  MappedLayers *ret, Err *err);
