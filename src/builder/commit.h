/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* An image of what a container has become. */

#include "engine/container.h"
#include "store/image.h"

typedef struct CommitRequest {
        const char *name; /* reference for the image, or NULL */
        const char *author, *message;
        const char *const *changes; /* instructions of a Dockerfile that change the configuration */
        bool pause;                 /* stop its processes while files are copied */
} CommitRequest;

/**
 * container_commit() - make an image of a container
 *
 * Its layers are the container's own and one of what it has written; volumes are no part of it.
 */
int container_commit(Container *c, const CommitRequest *request, Image **ret, Err *err);
