/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What one word of EXPOSE says: [[address:]host-port:]port[-port][/protocol], of which an image can
 * only say the container's side.  As BuildKit's dockerfile2llb/convert_expose.go reads it. */

#include <stdint.h>

#include "base/err.h"

typedef struct ExposedPorts {
        uint16_t first, last;
        const char *protocol; /* "tcp", "udp" or "sctp"; static */
} ExposedPorts;

/* Return: 0; -EINVAL naming what is none of that. */
int expose_parse(const char *word, ExposedPorts *ret, Err *err);
