/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Running pasta(1), which connects a network namespace to the machine's network without rights
 *
 * It puts itself into the background once its interface is there, and is found again by the number
 * that it writes into a file beside its log.  A process of another kind by that number, or one that
 * was told another file, is not it.
 */

#include <stddef.h>

#include "base/err.h"

#define PASTA     "pasta"
#define PASTA_PID "pasta.pid"
#define PASTA_LOG "pasta.log"

typedef struct PastaRun {
        const char *directory; /* absolute: where its files are, which must not be another one's */
        int netns;
        char *const *options; /* besides what says where and how it runs; NULL-terminated */
} PastaRun;

/* @ret_pidfd: of the process that pasta_wait() takes.  -ENOENT, quietly: it is not installed. */
int pasta_start(const PastaRun *run, int *ret_pidfd, Err *err);
/* Waits until it is in the background.  Return: 0; -ECHILD if it failed: pasta_reason() says why.
 */
int pasta_wait(int pidfd);
/* The last line of its log; owned by the caller, NULL without memory. */
char *pasta_reason(int directory);

/* A pidfd of the one whose files are there; negative if there is none. */
int pasta_find(int directory, const char *path);
/* Ends it, and waits: its interface goes with it, and until then the next could not have it. */
void pasta_end(int pidfd);
