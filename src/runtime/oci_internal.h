/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the OCI runtime's verbs share; see oci_container.h. */

#include "runtime/hooks.h"
#include "runtime/oci_container.h"

#define OCI_START_SOCKET   "start.sock"
#define OCI_RECORD_VERSION 1

/* -EINVAL unless it is a container's id. */
int oci_check_id(const char *id, Err *err);
/* A container without a directory, with an empty record; quiet. */
int oci_container_new(int root, const char *id, OciContainer **ret);
/* Makes its directory with its record in it; -EEXIST if the id is taken.
 * @ret_lock: its lock, had from the first moment that somebody else could see it; set on failure
 * too, or left alone. */
int oci_container_make(OciContainer *c, int *ret_lock, Err *err);

/* Where compiled filters are kept; the caller's; NULL without memory. */
char *oci_seccomp_cache(int root);

/* poststart or poststop. */
bool oci_has_late_hooks(const OciSpec *spec);
/* Runs hooks in the caller's namespaces, in the bundle, with the container's state. */
int oci_hooks_run(const OciContainer *c, const OciSpec *spec, HookKind kind, OciStatus status,
                  Err *err);
