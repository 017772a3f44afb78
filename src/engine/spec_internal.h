/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Shared by the files that make up engine/spec.h only. */

#include "engine/container.h"
#include "oci/spec.h"

/* Adds every mount; the ipc namespace must be in the spec already. */
/* How many groups, from 0 on, it will have: 1 for a user without a range of /etc/subgid. */
int64_t setup_groups(const OciLinux *l);
int setup_mounts(const Container *c, const char *files, OciSpec *spec, Err *err);
/* Adds every namespace, joined ones by the present process of the container that is shared. */
int setup_namespaces(const Container *c, OciSpec *spec, Err *err);
