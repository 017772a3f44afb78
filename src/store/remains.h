/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What processes that were killed left in the store besides layers and blobs
 *
 * Files that they had begun to write (base/file.h: "NAME.PID.N~") and names of images that lead to
 * no record.  Nobody reads either; they only take room.
 */

#include "store/layout.h"

/**
 * remains_find() - find them, and perhaps remove them
 * @index:	the layout's: a name that it knows is made again when it is asked for
 * @ret:	what was found, in words; may be NULL
 *
 * The caller holds the layout's lock and holds the images alone, so that nobody is writing.
 */
int remains_find(const Home *home, const OciIndex *index, bool remove, char ***ret);
