/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A filter's maps, read and written by the names of their members
 *
 * A key or value is given as words: "key.saddr=10.0.0.1" "key.dport=80"
 * "value.rate=1000", or "key=3" "value=1" where it is a single number.  It is
 * shown as JSON: {"key": {…}, "value": {…}}, with "values": […] by processor
 * instead where each has a value of its own.
 *
 * Global variables are a map with one entry: "data" and "bss" for those that the
 * program changes, "rodata" for parameters, which are shown only.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/err.h"
#include "filter/field.h"

struct json_t;

typedef struct FilterMap {
        char name[16];
        const char *kind; /* "hash", "lru", "array", …; "other" for those that hold no values */
        int fd;
        int type; /* BPF_MAP_TYPE_* */
        uint32_t id;
        uint32_t key_size, value_size, max_entries;
        uint32_t stride; /* bytes of one processor's value in what the kernel copies */
        uint32_t n_cpus; /* values of each entry: 1, or the number of possible processors */
        bool read_only;
        struct btf *btf; /* owned; NULL if the map has none */
        FieldType key, value;
} FilterMap;

/* What a kind of maps (BPF_MAP_TYPE_*) is called: "hash", "lru", …, "other". */
const char *filter_map_kind(int type);

FilterMap *filter_map_free(FilterMap *map);
DEFINE_AUTOPTR(FilterMap, filter_map_free)

/* Opens a map of the program with an id; -ENOENT, the hint lists those that there are. */
int filter_map_open(uint32_t program, const char *name, FilterMap **ret, Err *err);
/* Calls @each for every map of a program but isola's own; a negative value ends the walk. */
int filter_map_each(uint32_t program, int (*each)(const FilterMap *map, void *context),
                    void *context, Err *err);

/* What one key has; @words name all members of the key.  -ENOENT if it has nothing. */
int filter_map_get(const FilterMap *map, char *const *words, struct json_t **ret, Err *err);
/*
 * Writes the members that @words name; the others keep what they are, and are 0 in a new entry.
 * Where each processor has a value, all are written.  -E2BIG if the map is full.
 */
int filter_map_set(const FilterMap *map, char *const *words, Err *err);
/* Removes an entry; -ENOENT if there is none, -EINVAL if the map's entries are always there. */
int filter_map_delete(const FilterMap *map, char *const *words, Err *err);
/* All entries as a JSON array, owned by the caller; one that changes meanwhile may be missing. */
int filter_map_dump(const FilterMap *map, struct json_t **ret, Err *err);
