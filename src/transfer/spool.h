/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Making files of what is none: an archive that comes out of a pipe or is compressed is written, or
 * inflated in a sandbox, to a file below $DATA that has no name any more.
 */

#include "base/home.h"

/* A file that has no name; descriptor. */
int spool_open(const Home *home, Err *err);

/* Return: descriptor of a plain file with the archive's bytes, not compressed; the caller's. */
int spool_archive(const Home *home, int archive, Err *err);
