/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The filter that tools/gen_seccomp.c makes at build time. */

#include "kernel/seccomp.h"

extern const SeccompFilter seccomp_default_filter;
