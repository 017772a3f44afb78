/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What --secret and --ssh of `isola build` give to RUN --mount
 *
 * A secret is read when a step asks for it, is shown to that step's command only,
 * in a file in memory or a variable, and is never part of a key, the history or a
 * record.
 */

#include "base/err.h"

typedef struct BuildSecret {
        char *id;
        char *path, *variable; /* one of the two */
} BuildSecret;

typedef struct BuildSecrets {
        BuildSecret *secrets;
        size_t n_secrets;
        BuildSecret *agents; /* path is the socket's */
        size_t n_agents;
} BuildSecrets;

void build_secrets_clear(BuildSecrets *s);

/**
 * build_secrets_parse() - read the values of --secret and --ssh
 * @secrets:	"id=ID[,src=FILE|,env=VARIABLE][,type=file|env]"
 * @agents:	"default", "ID=SOCKET"
 */
int build_secrets_parse(const char *const *secrets, const char *const *agents, BuildSecrets *ret,
                        Err *err);

/* @ret: owned by the caller, with a NUL behind it; -ENOENT if there is no secret of that id. */
int build_secret_read(const BuildSecrets *s, const char *id, char **ret, size_t *ret_size,
                      Err *err);

/* The agent's socket, or NULL. */
const char *build_agent_socket(const BuildSecrets *s, const char *id);
