/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What --add-host says. */

#include "engine/container.h"

/* NAME:ADDRESS, kept so; NAME=ADDRESS is the newer spelling. */
int host_entry(const char *text, HostConfig *host, Err *err);
/* AF_INET or AF_INET6, 0 for what is no address. */
int address_family(const char *address);
