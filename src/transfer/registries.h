/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * registries.conf, the second version: where else what a name means is to be had
 * (containers-registries.conf(5), containers-registries.conf.d(5))
 *
 * ~/.config/containers/registries.conf and registries.conf.d beside it, if that file is there; else
 * /etc/containers/registries.conf and both directories' files, the user's last.
 * $CONTAINERS_REGISTRIES_CONF names a file that is read in place of the first two.  What is read
 * later counts more: tables with the same prefix replace each other.
 *
 * Keys that are not known are an error in [[registry]] and its mirrors, as they may say where
 * something must not go, and a warning elsewhere.  The first version is refused.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/auto.h"
#include "base/err.h"

typedef struct RegistryMirror {
        char *location;  /* "host[:port][/path]", in place of the rule's prefix */
        char *pull_from; /* NULL: "all"; "digest-only", "tag-only" */
        bool insecure;
} RegistryMirror;

/* [[registry]] */
typedef struct RegistryRule {
        char *prefix;   /* "host[:port][/path]" or "*.host" */
        char *location; /* or NULL: what is named is where it is */
        RegistryMirror *mirrors;
        size_t n_mirrors;
        bool insecure, blocked, mirror_by_digest_only;
} RegistryRule;

typedef struct Registries {
        RegistryRule *rules;
        size_t n_rules;
        char **search;  /* registries that a name without one may be at */
        char **aliases; /* "fedora=registry.fedoraproject.org/fedora" */
} Registries;

int registries_load(Registries *ret, Err *err);
/* Adds what a file's text says; @place: how errors call it. */
int registries_add(Registries *registries, const char *text, size_t size, const char *place,
                   Err *err);
void registries_clear(Registries *registries);
#define autoregistries __attribute__((__cleanup__(registries_clear))) Registries

/* The rule for "host/repository" whose prefix is the longest; NULL if there is none. */
const RegistryRule *registries_find(const Registries *registries, const char *name);
/* @name with @location in the place of the rule's prefix; new. */
char *registry_rule_rewrite(const RegistryRule *rule, const char *location, const char *name);
/* Whether a mirror is asked for something named by its digest, or by a tag. */
bool registry_mirror_serves(const RegistryRule *rule, const RegistryMirror *mirror, bool by_digest);

/**
 * registries_complete() - give a short name its registry
 * @name:	what the user wrote: "fedora", "team/app:v1", "quay.io/a/b"
 * @ret:	the name to go on with; new
 * @ret_why:	what to tell the user, new; NULL if the name stands as it is
 *
 * An alias counts, then the one registry that is searched; without either a short name is
 * docker.io's.
 *
 * Return: 0; -EINVAL if several registries are searched, as nothing is guessed.
 */
int registries_complete(const Registries *registries, const char *name, char **ret, char **ret_why,
                        Err *err);

/* The same with the machine's files. */
int registries_complete_name(const char *name, char **ret, char **ret_why, Err *err);
