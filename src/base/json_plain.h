/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Reads documents as isola itself writes them straight into their structs
 *
 * A list of a thousand containers reads two thousand documents, and a tree of
 * each would take most of the time.  This knows no tree and no error: whatever
 * is unusual (a wrong type, a \u escape, a byte beyond ASCII, anything
 * missing) makes it give up, and json_parse() reads the text again with a
 * parser that finds words for what is wrong.
 */

#include "base/json.h"

/* Return: 0; -EINVAL if it gave up, with @value partly filled; -ENOMEM. */
int json_read_plain(const JsonType *type, const char *text, size_t size, void *value);
