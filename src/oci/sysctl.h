/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Kernel parameters (sysctl(8)) that a container can have for itself. */

#include "base/err.h"

/**
 * oci_sysctl_parse() - take "net.ipv4.ip_forward=1" apart
 * @ret_path:	"net/ipv4/ip_forward", below /proc/sys; owned by the caller
 * @ret_value:	what follows the '=', inside @setting
 * @ret_type:	the OCI's name of the namespace that it belongs to; static
 *
 * As sysctl(8): if the first separator is a dot, dots separate and a slash is a dot.
 *
 * Return: 0; -EINVAL if it has no such form; -EPERM if it is the whole machine's.
 */
int oci_sysctl_parse(const char *setting, char **ret_path, const char **ret_value,
                     const char **ret_type, Err *err);
