/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Build arguments
 *
 * ARG before the first FROM has a scope of its own, which only FROM lines see;
 * ARG in a stage without a value takes the value from there.  What --build-arg
 * gives wins over either's default, but only where an ARG declares it.  The
 * proxy variables need no declaration and never count as a difference: they are
 * left out of history and cache keys.
 */

#include <stdbool.h>

#include "builder/containerfile.h"
#include "oci/platform.h"

typedef struct BuildArguments {
        char **given;  /* "NAME=value" from --build-arg */
        char **used;   /* names that an ARG declared */
        char **global; /* "NAME=value": TARGETARCH and its like, and ARGs before the first FROM */
        OciPlatform target, machine;
} BuildArguments;

void build_arguments_clear(BuildArguments *a);

/*
 * @words: of --build-arg, "NAME=value" or "NAME" for the environment's; NULL for none.
 * @platform: what is built for; NULL for this machine.
 */
int build_arguments_init(BuildArguments *a, const char *const *words, const char *platform,
                         Err *err);

/* What TARGETSTAGE is: the name of the stage that is wanted, "default" if it has none. */
int build_arguments_set_stage(BuildArguments *a, const char *stage);

/* One declared name and the value it has, NULL for none. */
typedef struct BuildArgument {
        char *name, *value;
} BuildArgument;

/**
 * build_argument_resolve() - find out what one word of ARG declares
 * @word:	"NAME" or "NAME=default", as written
 * @variables:	what the default is expanded with
 * @in_stage:	false before the first FROM
 * @ret:	owned by the caller
 */
int build_argument_resolve(BuildArguments *a, const char *word, char *const *variables,
                           bool in_stage, char escape, BuildArgument *ret, Err *err);

/* HTTP_PROXY, http_proxy …: what of them was given. */
int build_arguments_proxies(const BuildArguments *a, char ***ret);
bool build_argument_is_proxy(const char *name);

/* Warns of given ones that no ARG declares. */
void build_arguments_check_used(const BuildArguments *a);

/* One platform, for linux; NULL or "" for this machine's. */
int build_platform_parse(const char *text, OciPlatform *ret, Err *err);
