/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Whether a config.json makes sense
 *
 * json_parse() has seen to types and to what is missing; here are the rules that
 * tie values to their lists and members to each other: runtime-spec 1.3's "MUST
 * generate an error", and what runc refuses beyond.  Pure functions: whether the
 * kernel can do what is asked (AppArmor, a controller, a time namespace) is found
 * out where it is asked.  What is refused here by name is not implemented
 * (docs/oci-runtime.md lists every member).
 *
 * `isola oci create` and `run` call oci_spec_check() after json_load(), `exec`
 * oci_process_check(), `update` oci_resources_check().
 */

#include "base/err.h"
#include "oci/spec.h"

/**
 * oci_spec_check() - refuse a specification that cannot be meant
 *
 * Messages begin with the member: "linux.namespaces: 'pid' is said twice".
 * Capabilities that nobody knows are only warned of, as the specification wants.
 *
 * Return: 0; -EINVAL; -EOPNOTSUPP for what isola does not implement.
 */
int oci_spec_check(const OciSpec *spec, Err *err);

/* The same for a process alone, without "process." in front. */
int oci_process_check(const OciProcess *process, Err *err);
int oci_resources_check(const OciResources *resources, Err *err);
