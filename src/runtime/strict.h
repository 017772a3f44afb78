/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The stronger profile for a bundle: the annotation org.isola.strict=true
 *
 * As `isola run --security-opt strict` (docs/security.md): no new privileges, Landlock, and where
 * the bundle has no filter of system calls of its own, the strict one.
 */

#include "kernel/landlock.h"
#include "kernel/seccomp.h"
#include "oci/spec.h"

bool strict_is_wanted(const OciSpec *spec);
/* Says no_new_privs of a process of the bundle's. */
void strict_apply(const OciSpec *spec, OciProcess *process);
/* NULL without the annotation. */
const LandlockWalls *strict_walls(const OciSpec *spec);
/* @ret: NULL if there is none to be added; @ret_own: what of it is to be freed, or NULL. */
int strict_filter(const OciSpec *spec, const OciProcess *process, const SeccompFilter **ret,
                  SeccompFilter **ret_own, Err *err);
