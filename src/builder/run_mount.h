/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * RUN --mount: what it says
 *
 * The words of one flag become a RunMount, as BuildKit's
 * instructions/commands_runmount.go reads them: type bind (the default), cache,
 * tmpfs, secret or ssh.  Nothing of it is ever passed on as text: each key is one
 * member here (CVE-2024-9407).
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

typedef enum RunMountType {
        RUN_MOUNT_BIND,
        RUN_MOUNT_CACHE,
        RUN_MOUNT_TMPFS,
        RUN_MOUNT_SECRET,
        RUN_MOUNT_SSH,
} RunMountType;

typedef enum RunMountSharing {
        RUN_MOUNT_SHARED,
        RUN_MOUNT_PRIVATE,
        RUN_MOUNT_LOCKED,
} RunMountSharing;

typedef struct RunMount {
        RunMountType type;
        RunMountSharing sharing;
        char *from;   /* stage, image or named context; NULL for the build's own */
        char *source; /* path below it, "/" by default */
        char *target; /* absolute and clean; NULL for a secret that is only a variable */
        char *id;     /* of cache, secret and ssh */
        char *env;    /* the variable that holds the secret; or NULL */
        bool read_only, required;
        int64_t size; /* of a tmpfs; 0 for no limit */
        mode_t mode;  /* of cache, secret and ssh */
        int64_t uid, gid;
} RunMount;

/**
 * run_mount_parse() - read the value of one --mount
 * @variables:	put into every value but that of from
 * @directory:	what a relative target begins at; NULL or "" for "/"
 * @ret:	zeroed; to be cleared also after a failure
 */
int run_mount_parse(const char *text, char *const *variables, char escape, const char *directory,
                    RunMount *ret, Err *err);
void run_mount_clear(RunMount *m);
