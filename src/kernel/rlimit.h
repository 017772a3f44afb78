/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Resource limits (setrlimit(2)) by the names of the runtime specification. */

/* "RLIMIT_NOFILE", also "nofile": its number; -EINVAL for no such name. */
int rlimit_number(const char *name);
