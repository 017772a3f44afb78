/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The build cache
 *
 * A step's key is the digest of everything its result depends on: the chain id
 * of the layers below, the operation, the content that it reads, and what of
 * the environment it sees.  $DATA/build-cache/<key> names the layer that came
 * out.  Only layers are cached; the configuration is always computed from the
 * Dockerfile, so a cache hit can never bring in a foreign one, and images from
 * elsewhere are never taken for a result (CVE-2024-24557).
 */

#include <signal.h>
#include <stdbool.h>

#include "base/digest.h"
#include "base/home.h"

/* A key in the making: fields are told apart by their lengths, so that "ab","c" is not "a","bc". */
typedef struct CacheKey {
        Digest digest;
} CacheKey;

/* @operation: "run", "copy" …; @parent: chain id below, NULL or "" for none. */
void cache_key_begin(CacheKey *key, const char *operation, const char *parent);
void cache_key_add(CacheKey *key, const char *text); /* NULL differs from "" */
void cache_key_add_list(CacheKey *key, char *const *list);
void cache_key_end(CacheKey *key, char ret[DIGEST_LENGTH + 1]);

typedef struct CacheRecord {
        int version;
        char *chain_id; /* of the result; the parent's own or NULL if the step changed nothing */
        char *created;  /* when it was made, RFC 3339 */
} CacheRecord;

void cache_record_clear(CacheRecord *record);
#define autorecord __attribute__((__cleanup__(cache_record_clear))) CacheRecord

/* -ENOENT if the key is unknown. */
int cache_load(const Home *home, const char *key, CacheRecord *ret);
/* A failure to remember is only told in the log: the next build does the work again. */
void cache_save(const Home *home, const char *key, const char *chain_id, const char *created);

/**
 * cache_lock() - be the only one that carries out a step
 * @ends:	blocked signals that end the waiting
 * @ret_waited:	whether somebody else did so meanwhile: the cache may know the result now
 *
 * Builds of several platforms, and several builds, meet at the steps that they have in common.
 *
 * Return: descriptor that holds the lock; -EINTR; negative errno.
 */
int cache_lock(const Home *home, const char *key, const sigset_t *ends, bool *ret_waited);
