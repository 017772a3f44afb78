/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* run's and create's options for whose ids a container has; see engine/userns.h. */

#include <stdbool.h>

#include "base/err.h"
#include "engine/container.h"

typedef struct IdsOptions {
        const char *userns, *subuidname, *subgidname;
        const char **uidmap, **gidmap;
} IdsOptions;

/* Everything but HostConfig.UsernsMode, which is checked here and set with the other modes. */
int ids_options_read(const IdsOptions *o, bool privileged, HostConfig *host, Err *err);
