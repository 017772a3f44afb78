/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Object files, and programs that are loaded
 *
 * libbpf reads the object file, makes its maps and hands program and BTF to the
 * kernel.
 */

#include <stdint.h>

#include "base/auto.h"
#include "base/err.h"
#include "filter/filter.h"

struct bpf_map;
struct bpf_object;
struct bpf_program;

/* How isola's own map and settings are called in isola_filter.h. */
#define FILTER_STATS_MAP  "isola_stats"
#define FILTER_CONFIG_MAP ".rodata.isola"

typedef struct FilterObject {
        struct bpf_object *object;
        struct bpf_program *program; /* the one chosen; NULL if none was */
        char *log;                   /* room for the verifier's words */
} FilterObject;

FilterObject *filter_object_free(FilterObject *o);
DEFINE_AUTOPTR(FilterObject, filter_object_free)

/**
 * filter_object_open() - read an object file
 * @program:	function to load, or NULL if there is but one
 * @any:	NULL for @program means all of them
 *
 * Return: 0; -ENOENT without the file or the function, -EINVAL if it is no filter.
 */
int filter_object_open(const char *path, const char *program, bool any, FilterObject **ret,
                       Err *err);
/* Sets parameters (NAME=VALUE) and what isola_filter.h calls isola_config, before loading. */
int filter_object_configure(const FilterObject *o, const FilterSpec *spec, bool egress,
                            uint32_t target, Err *err);
/* Hands everything to the kernel; what the verifier refuses is told in its words. */
int filter_object_load(const FilterObject *o, Err *err);
/* The id of the chosen program, once it is loaded; 0 if that cannot be told. */
uint32_t filter_object_program_id(const FilterObject *o);
/* What filter_check() says of it; NULL without memory. */
struct json_t *filter_object_json(const FilterObject *o);

/* Whether a map is the author's own, and so shared by filters of one name. */
bool filter_map_is_shared(const struct bpf_map *map);
