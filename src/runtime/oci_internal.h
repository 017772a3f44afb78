/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the OCI runtime's verbs share; see oci_container.h. */

#include "runtime/hooks.h"
#include "runtime/oci_container.h"

#define OCI_START_SOCKET "start.sock"
#define OCI_DIR_MODE     0711 /* of a container's directory */
/* Above the cgroups of containers whose configuration names none. */

/* -EINVAL unless it is a container's id. */
int oci_check_id(const char *id, Err *err);
/* A container with its directory open and an empty record; quiet. */
int oci_container_new(int root, const char *id, OciContainer **ret);

/* Where compiled filters are kept; the caller's; NULL without memory. */
char *oci_seccomp_cache(int root);

/* poststart or poststop. */
bool oci_has_late_hooks(const OciSpec *spec);
/* Runs hooks in the caller's namespaces, in the bundle, with the container's state. */
int oci_hooks_run(const OciContainer *c, const OciSpec *spec, HookKind kind, OciStatus status,
                  Err *err);
