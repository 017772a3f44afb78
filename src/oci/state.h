/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A container's state as the runtime specification words it ("runtime.md", State)
 *
 * What `state` and `list --format json` print and what hooks read; rootfs,
 * created and owner are additions of runc's that callers rely on.
 */

#include "base/json.h"

typedef struct OciState {
        char *oci_version, *id;
        int pid;               /* 0 where there is no process */
        char *status;          /* creating, created, running, paused or stopped */
        char *bundle, *rootfs; /* absolute paths */
        char *created;         /* RFC 3339 */
        char **annotations;    /* "key=value" */
        char *owner;           /* the user's name, or "" */
} OciState;

/* The version of the specification that is implemented: the newest whose Linux part is whole. */
#define OCI_VERSION "1.3.0"

extern const JsonType oci_state_type;
