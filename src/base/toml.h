/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * TOML (toml.io, version 1.0), as far as configuration files of other container tools need it
 *
 * Tables, arrays of tables, inline tables, dotted keys, basic and literal strings, whole numbers,
 * truth values and arrays.  Strings over several lines, fractions and dates are refused by name, as
 * is everything that TOML forbids: keys and tables that are said twice above all.
 *
 * The document becomes JSON, so that field tables (json.h) read it.
 */

#include <stddef.h>

#include "base/err.h"

#define TOML_MAX (1u << 20)

/**
 * toml_to_json() - read a document
 * @place:	how errors call it, with the line behind: "registries.conf:3: …"
 * @ret:	the same as JSON; new
 *
 * Return: 0; -EINVAL for what is no TOML or not read here; -ENOMEM.
 */
int toml_to_json(const char *text, size_t size, const char *place, char **ret, Err *err);
