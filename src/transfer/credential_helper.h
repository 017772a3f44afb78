/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Asking docker-credential-NAME
 *
 * The program is one that the user's own file names and that is found in $PATH; it is run as the
 * user and told one thing on its standard input.
 */

#include "transfer/auth.h"

/* Return: 1; 0 if it knows nobody there; negative errno with what it said. */
int credential_get(const char *helper, const char *server, Credentials *ret, Err *err);
int credential_store(const char *helper, const char *server, const char *user, const char *secret,
                     Err *err);
int credential_erase(const char *helper, const char *server, Err *err);
