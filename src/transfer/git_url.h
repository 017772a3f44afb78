/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What is a repository, as Docker has it
 *
 *   https://HOST/PATH.git   http://…   only if the path ends in ".git"
 *   git://HOST/PATH         ssh://[USER@]HOST/PATH
 *   USER@HOST:PATH          ssh, as scp writes it
 *   github.com/PATH         for contexts alone, where no file is called so
 *
 * followed by "?NAME=VALUE&…" and "#REF:SUBDIR", each or both.  Names of the query: ref, tag,
 * branch, subdir, checksum (or commit), keep-git-dir, submodules, mtime (commit or checkout),
 * fetch-by-commit.  These are the rules of BuildKit's frontend/dockerfile/dfgitutil/git_ref.go.
 */

#include <stdbool.h>

#include "base/auto.h"
#include "base/err.h"

typedef struct GitUrl {
        char *remote;      /* for git, without user and password where they are for http */
        char *credentials; /* "user:password" of an http URL; or NULL */
        char *host;        /* with its port, as secrets are named after it */
        char *ref;         /* branch, tag, "refs/…" or commit; NULL for the default branch */
        char *subdir;      /* cleaned, "a/b"; NULL for all of it */
        char *checksum;    /* what the commit's id must begin with; or NULL */
        bool http, ssh;
        bool keeps_git_dir; /* what keep_git_dir says was said */
        bool keep_git_dir;  /* .git stays in the files */
        bool skip_submodules;
        bool times_of_checkout; /* files are as old as their checkout, not as their commit */
        bool fetch_by_commit;   /* the commit @checksum is asked for, whatever the ref is by now */
        bool guessed;           /* "github.com/…" */
} GitUrl;

/**
 * git_url_parse() - read what may be a repository
 *
 * Return: 1; 0 if it is none; -EINVAL for one that says what makes no sense.
 */
int git_url_parse(const char *text, GitUrl **ret, Err *err);
GitUrl *git_url_free(GitUrl *url);
DEFINE_AUTOPTR(GitUrl, git_url_free)

/* Whether this is a whole id of a commit: 40 or 64 lower-case hexadecimal digits. */
bool git_is_commit(const char *text);

/* The text with what stands between "://" and "@" in it, be it several times, made unreadable. */
char *url_redact(const char *text);
