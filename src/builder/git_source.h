/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A repository that a build takes files from: its context, a named one, or a source of ADD
 *
 * Who may read it is said by the secrets GIT_AUTH_HEADER and GIT_AUTH_TOKEN, each first with
 * ".HOST" behind it, by a user and password in the URL, or by the SSH agent "default".  None of
 * that is part of a key, the history or what is printed.
 */

#include "builder/cache.h"
#include "builder/secret.h"
#include "store/layer.h"
#include "transfer/git.h"

typedef struct GitSource {
        GitUrl *url;
        GitCommit commit;
        LayerDraft *draft; /* holds the files, and goes with this */
        char *directory;   /* what the URL means, absolute; NULL until it is fetched */
        char *header;
        int relay; /* pidfd, of the agent's */
} GitSource;

GitSource *git_source_free(GitSource *source);
DEFINE_AUTOPTR(GitSource, git_source_free)

/**
 * git_source_open() - find out which commit a repository's URL means
 * @url:	taken over, also on failure
 * @own_agent:	the user's agent may be used without --ssh: the URL is his own words
 */
int git_source_open(const Home *home, const BuildSecrets *secrets, GitUrl *url, bool own_agent,
                    GitSource **ret, Err *err);

/* What its files depend on. */
void git_source_add_key(const GitSource *source, CacheKey *key);

/* Fetches the files, if that was not done yet. */
int git_source_fetch(GitSource *source, Err *err);
