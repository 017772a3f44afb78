/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

/*
 * Asks whether to go on, after a warning of what will be done.  False unless
 * standard input's next line begins with y or Y.
 */
bool confirm(const char *warning);
