/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Variables in a Dockerfile's arguments
 *
 * The shell-like language of BuildKit's frontend/dockerfile/shell/lex.go, not
 * the shell's: $name ${name}, ${name:-word} ${name-word} ${name:+word}
 * ${name+word} ${name:?message} ${name?message}, ${name#pattern} ## % %%,
 * ${name/pattern/word} //; 'literal', "with $name and \" \$ \\", and the
 * escape character outside of quotes.  Words nest.  Special parameters ($@, $1)
 * are unset.
 */

#include "base/err.h"

/**
 * expand_word() - put variables in and take quotes away
 * @env:	"NAME=value" strings
 * @escape:	the Dockerfile's escape character
 * @ret:	owned by the caller
 *
 * Return: 0; -EINVAL for a syntax error or an unset ${name:?}, -ENOMEM.
 */
int expand_word(const char *word, char *const *env, char escape, char **ret, Err *err);

/* Same, then splits at the white space that is not quoted: one word may become several or none. */
int expand_words(const char *word, char *const *env, char escape, char ***ret, Err *err);

/* For the lines of a here-document: quotes mean nothing, the escape character is a backslash. */
int expand_text(const char *text, char *const *env, char **ret, Err *err);

/* Adds the names of variables that a word asks for and @env does not have; for `build --check`. */
int expand_unset(const char *word, char *const *env, char escape, char ***ret);
