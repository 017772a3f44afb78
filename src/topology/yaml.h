/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * YAML as a tree (libyaml, YAML 1.1)
 *
 * Every value knows its line, so that whoever reads it can say where something is
 * wrong.  Anchors, aliases and merge keys ("<<") are resolved; duplicate keys, more
 * than 64 levels and 1,000,000 values are refused.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"

typedef enum YamlKind {
        YAML_SCALAR,
        YAML_LIST,
        YAML_MAP,
} YamlKind;

typedef struct YamlValue {
        YamlKind kind;
        int line;                 /* from 1 */
        bool quoted;              /* a scalar that is text whatever it looks like */
        char *text;               /* of a scalar; "" for nothing */
        struct YamlValue **items; /* of a list; of a map the values, */
        char **keys;              /* by their keys, */
        int *key_lines;
        size_t n;
} YamlValue;

/* @file: how errors name it.  Return: 0; -EINVAL "FILE:LINE: …". */
int yaml_read(const char *text, size_t size, const char *file, YamlValue **ret, Err *err);
YamlValue *yaml_value_free(YamlValue *v);
DEFINE_AUTOPTR(YamlValue, yaml_value_free)

/* The value of a map's key, or NULL; NULL also if @map is no map. */
const YamlValue *yaml_get(const YamlValue *map, const char *key);
/* Whether it says nothing: NULL, or a plain scalar "", "~" or "null". */
bool yaml_is_null(const YamlValue *v);

/* Writes a scalar so that it is read back as the same text; quotes it where it must.  A byte that
 * is no UTF-8 is read back as its Latin-1 character. */
void yaml_put_text(Str *s, const char *text);
