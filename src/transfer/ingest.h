/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Blobs on their way in
 *
 * $DATA/ingest/HEX.part holds the beginning of the blob with that digest.  Who writes it holds its
 * lock; one whose writer died is gone on with by the next.  Once it is whole and its digest is
 * right it is renamed into the image layout.  One that nobody has touched for a week is removed.
 */

#include "base/home.h"

/**
 * ingest_open() - begin, or go on with, a blob
 * @digest:	its digest, or NULL if that is not known yet
 * @ret_have:	bytes that are there already
 * @ret_path:	below $DATA; new
 *
 * Return: descriptor, readable and writable, that holds the lock; -EAGAIN if somebody else is at
 * it.
 */
int ingest_open(const Home *home, const char *digest, int64_t *ret_have, char **ret_path, Err *err);

/* Gives the file @path, which is whole, its place in the layout. */
int ingest_keep(const Home *home, const char *path, const char *digest, Err *err);
void ingest_drop(const Home *home, const char *path);
/* Removes what nobody came back for. */
void ingest_sweep(const Home *home);
