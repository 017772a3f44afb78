/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Listing what refers to a manifest where the registry does not. */

#include "registry/ops.h"

/* Notes a manifest or index that was just put, if it has a subject, under the subject's tag. */
int referrers_note(OpRun *run, const char *media_type, const char *text, size_t size, Err *err);
