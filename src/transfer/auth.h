/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Who we are at a registry: Docker's config.json and containers' auth.json
 *
 * Looked for in this order: the file that was named (--authfile, $REGISTRY_AUTH_FILE),
 * $XDG_RUNTIME_DIR/containers/auth.json (/run/containers/0/auth.json for root),
 * ~/.config/containers/auth.json, $DOCKER_CONFIG/config.json or ~/.docker/config.json.  In a file
 * the most specific entry counts ("host/team/app" before "host"); where it names a credential
 * helper, docker-credential-NAME is asked (its protocol:
 * github.com/docker/docker-credential-helpers).
 */

#include "base/auto.h"
#include "base/err.h"

typedef struct Credentials {
        char *user, *secret;
        char *identity_token, *registry_token;
} Credentials;

void credentials_clear(Credentials *c);
#define autocredentials __attribute__((__cleanup__(credentials_clear))) Credentials

/**
 * auth_find() - credentials for a repository
 * @registry:	"docker.io", "localhost:5000"
 * @repository:	within it; may be ""
 * @file:	--authfile, or NULL
 *
 * Return: 1 if there are some; 0 if nobody knows any; negative errno.
 */
int auth_find(const char *registry, const char *repository, const char *file, Credentials *ret,
              Err *err);

/* Stores a name and password; @ret_where: the file, or the helper's name; new. */
int auth_store(const char *registry, const char *file, const char *user, const char *secret,
               char **ret_where, Err *err);
/* Return: 1 if something was forgotten. */
int auth_erase(const char *registry, const char *file, char **ret_where, Err *err);
/* Every registry in the file. */
int auth_list(const char *file, char ***ret, Err *err);

/* Reads an auth file's text; as auth_find(). */
int auth_search(const char *text, size_t size, const char *place, const char *registry,
                const char *repository, Credentials *ret, char **ret_helper, Err *err);
