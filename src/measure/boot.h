/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Booting: how long many containers take to come up and to go, and their memory
 *
 * The same figures for a lab and for other people's runtimes, which are run as a user would run
 * them, one container after the other.
 */

#include <stdbool.h>
#include <sys/types.h>

#include "measure/record.h"

typedef struct BootResult {
        size_t nodes;
        double up_ms, down_ms;
        double pss_kib;  /* of all first processes that could be asked: what is theirs alone, and
                            their  share of what they share */
        size_t asked;    /* how many */
        double host_kib; /* what the host had less of while they were up */
} BootResult;

/* Adds the memory of a first process; one that is gone adds nothing. */
void boot_add_process(BootResult *b, pid_t pid);
/* What the host could give away; NAN. */
double boot_available_kib(void);
/* Fills a record that has begun. */
int record_boot(Record *r, const BootResult *b);

/* ---- other runtimes ---- */

extern const char *const rival_names[]; /* "crun", "runc", "podman", "docker", NULL */

typedef struct RivalPlan {
        const char *name;
        size_t n;           /* containers */
        const char *image;  /* of podman and docker, who must have it */
        const char *rootfs; /* of crun and runc: a directory that is not written */
} RivalPlan;

/* 1 if it is installed, 0 if not; -EINVAL with a sentence if it is none that is known. */
int rival_is_there(const char *name, Err *err);

/**
 * rival_boot() - start that many containers that sleep, without links, and remove them
 *
 * What was started is removed also where one fails.
 *
 * Return: 0; -EIO with the runtime's own words; negative errno.
 */
int rival_boot(const RivalPlan *plan, BootResult *ret, Err *err);
