/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * System calls that isola cannot do without and that every kernel it is for has (docs/kernels.md).
 * Where one fails with ENOSYS or EPERM, a filter of system calls around isola is the likely cause.
 */

#include "base/err.h"

/**
 * err_denied() - add the hint that a call is denied, if that may be so
 * @code:	what it returned
 * @call:	its name; @since: the version of Linux that brought it
 *
 * Return: @code.
 */
int err_denied(Err *err, int code, const char *call, const char *since);
