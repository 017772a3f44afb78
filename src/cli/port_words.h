/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Published ports in words, as `ps` and `port` show them. */

#include "engine/container.h"

/* "0.0.0.0:8080" or "[::]:8080"; owned by the caller. */
char *port_address(const PortBinding *binding);

/*
 * "0.0.0.0:8080->80/tcp, 443/tcp": published ones, then those only exposed, ports in a row drawn
 * together ("0.0.0.0:8000-8002->80-82/tcp"); owned by the caller.
 */
char *port_words(const PortMap *maps, size_t n, char *const *exposed);
