/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Entries of YAML maps, a line each
 *
 * @indent is in blanks.  What is NULL, empty or zero is not written.
 */

#include "base/str.h"
#include "netlink/addr.h"

/* "key:", for a map or a list that follows. */
void yaml_put_key(Str *s, int indent, const char *key);
/* "key: value" */
void yaml_put_entry(Str *s, int indent, const char *key, const char *value);
/* "key: [a, b]" */
void yaml_put_entries(Str *s, int indent, const char *key, char *const *list);
/* A map of KEY=VALUE. */
void yaml_put_pairs(Str *s, int indent, const char *key, char *const *list);
void yaml_put_number(Str *s, int indent, const char *key, uint64_t value);
/* The shortest text that is read back as the same number. */
void yaml_put_real(Str *s, double value);
/* "key: 5ms" */
void yaml_put_span(Str *s, int indent, const char *key, int64_t ns);
/* "key: 256m", in powers of 1024 as size_parse() reads it */
void yaml_put_size(Str *s, int indent, const char *key, uint64_t bytes);
void yaml_put_flag(Str *s, int indent, const char *key, bool value);
/* An address with the length of its network. */
void yaml_put_address(Str *s, const Address *a);
/* "key: 10.0.0.1/24", unless its family is 0 */
void yaml_put_net(Str *s, int indent, const char *key, const Address *a);
