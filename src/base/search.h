/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Programs of the distribution's, by their names. */

/* As the shell would find it in PATH, then where administrators' programs are, which a user's PATH
 * does not have; an absolute path itself.  Owned by the caller; NULL if it is nowhere. */
char *search_program(const char *name);
/* Where search_program() looks after PATH, for messages. */
#define SEARCH_ALSO "/usr/local/sbin:/usr/sbin:/sbin"
