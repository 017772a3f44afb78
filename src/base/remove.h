/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Removing large trees
 *
 * Removing a file waits for the disk where freed blocks are discarded one after the other
 * (ext4(5) "discard", without a journal: milliseconds for each file), and for a processor
 * everywhere else.  Several threads wait for several files at once, and a disk that is asked for
 * many blocks to be discarded puts them together.
 */

/**
 * tree_remove_large() - tree_remove() for a tree that may have many files
 * @dir, @path:	as there
 *
 * Threads are begun when there is enough to do for them and have ended when it returns; signals go
 * to others.  Not for a process that may not clone.  What cannot be removed does not keep the rest.
 *
 * Return: 0, also when there is none; the first negative errno.
 */
int tree_remove_large(int dir, const char *path);
