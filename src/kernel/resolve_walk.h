/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * openat2(2) with RESOLVE_IN_ROOT and RESOLVE_NO_MAGICLINKS, step by step
 *
 * For where the call is denied, as by the filter of an older container engine
 * around isola.  One name at a time is opened with O_PATH and O_NOFOLLOW, links
 * are read and their text walked, and ".." is never given to the kernel: the
 * names that led here, links resolved, are remembered, and to go up all but the
 * last are opened again from the root.  So nothing that is renamed meanwhile
 * leads out of the root.
 */

/**
 * resolve_walk() - open what a path means inside a root
 * @root:	directory that is "/"
 * @flags:	as open(2), without O_CREAT and O_TMPFILE; O_CLOEXEC is added
 *
 * In a proc file system a link with an absolute text is taken for a magic one, which
 * openat2() tells apart better.
 *
 * Return: descriptor owned by the caller; -ELOOP for a magic link or too many links;
 * -EAGAIN if names were exchanged under way; negative errno.
 */
int resolve_walk(int root, const char *path, int flags);
