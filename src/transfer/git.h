/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Repositories as sources of files
 *
 * A ref is asked for first, which gives a commit; of that commit alone, without its history, the
 * files are then fetched and checked out, submodules included (also without their history), unless
 * the URL says submodules=0.  All of git is done by the program git in a sandbox (git_sandbox.h).
 *
 * Files are 0644 or 0755, directories 0755, owned by the caller's root, and as old as the commit.
 */

#include "base/auto.h"
#include "transfer/git_url.h"

/* What opens a repository that not everybody may read. */
typedef struct GitAccess {
        const char *header; /* "Authorization: …" for http and https; or NULL */
        const char *agent;  /* socket of an SSH agent, see git_sandbox.h; or NULL */
} GitAccess;

typedef struct GitCommit {
        char *id;     /* of the commit, or of the annotated tag that names it */
        char *peeled; /* the commit itself: what the files depend on */
        char *ref;    /* whole name, "refs/heads/x"; or @id */
} GitCommit;

void git_commit_clear(GitCommit *commit);
#define autocommit __attribute__((__cleanup__(git_commit_clear))) GitCommit

/**
 * git_resolve() - find the commit that a URL means
 * @work:	directory that git may write, and where the agent's socket is
 *
 * Asks nobody if the URL names the whole id of one.
 *
 * Return: 0; -ENOENT if there is no such ref or no git; -EBADMSG if it is not what the URL's
 * checksum says.
 */
int git_resolve(const GitUrl *url, const GitAccess *access, const char *work, GitCommit *ret,
                Err *err);

/**
 * git_checkout() - fetch a commit's files
 * @work:	directory in which files/ is made, which holds them, and repository/
 * @keep_git_dir: files/ is a repository itself, with this commit checked out
 * @ret:	absolute path of the directory that the URL means, files/ or below, in which no link
 *		of the repository's is followed; owned by the caller
 */
int git_checkout(const GitUrl *url, const GitAccess *access, const GitCommit *commit,
                 bool keep_git_dir, const char *work, char **ret, Err *err);

/* "Authorization: basic …" of "user:password"; NULL without memory. */
char *git_basic_header(const char *credentials);
