/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "oci/spec.h"

/**
 * default_spec() - a configuration to begin with, for `spec`
 * @rootless:	for an ordinary user: a user namespace in which only the caller's own ids exist,
 *		and no network namespace of its own
 *
 * A shell on a terminal in all other namespaces, with the capabilities, masked paths and
 * devices that runc's `spec` gives.
 */
int default_spec(bool rootless, OciSpec **ret);
