/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Text inside XML and HTML. */

#include "base/str.h"

/* With what means something there escaped; what XML cannot have (control characters, bytes that are
 * no UTF-8) becomes "?". */
void markup_put(Str *out, const char *text);
