/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "cli/command.h"
#include "cli/lab_filter.h"

typedef struct DumpOptions {
        const char *at, *format, *lab, *sort;
        int limit;
} DumpOptions;

static const Option options[] COMMAND_DATA = {
        OPT_AT(DumpOptions, at),
        OPT_STRING(0, "format", DumpOptions, format, "FORMAT", "json, or a Go template"),
        OPT_LAB(DumpOptions, lab),
        OPT_INT('n', "limit", DumpOptions, limit, "N", "Only the first N entries"),
        OPT_STRING(0, "sort", DumpOptions, sort, "MEMBER",
                   "The largest first, by a member like value.bytes"),
        {},
};

typedef struct Entry {
        json_t *entry; /* of the list that was read */
        double size;
} Entry;

/* The number at a path, "value.bytes"; without one, the entry comes last. */
static double number_at(const json_t *entry, char *const *path) {
        const json_t *value = entry;

        strv_foreach(name, path)
                value = json_object_get(value, *name);
        if (json_is_string(value)) /* from 2^63 on */
                return strtod(json_string_value(value), NULL);
        return json_is_number(value) ? json_number_value(value) : -1;
}

static int compare(const void *a, const void *b) {
        double x = ((const Entry *) a)->size, y = ((const Entry *) b)->size;

        return x < y ? 1 : x > y ? -1 : 0;
}

static int sort(json_t *list, const char *member, json_t **ret, Err *err) {
        size_t n = json_array_size(list);
        autofree Entry *entries = calloc(n + 1, sizeof *entries);
        autostrv path = NULL;
        json_t *sorted;

        if (!entries || strv_split(member, ".", false, &path) < 0)
                return fail(err, ENOMEM, "cannot sort the entries");
        for (size_t i = 0; i < n; i++) {
                json_t *entry = json_array_get(list, i);

                entries[i] = (Entry){ entry, number_at(entry, path) };
                if (entries[i].size < 0)
                        return refuse(err, EINVAL, "entries have no number '%s'", member);
        }
        qsort(entries, n, sizeof *entries, compare);
        sorted = json_array();
        for (size_t i = 0; i < n; i++)
                json_array_append(sorted, entries[i].entry);
        *ret = sorted;
        return 0;
}

static void shorten(json_t *list, int limit) {
        while (limit > 0 && json_array_size(list) > (size_t) limit)
                json_array_remove(list, json_array_size(list) - 1);
}

static int cmd_lab_filter_map_dump(const CommandInput *in, Err *err) {
        const DumpOptions *o = in->options;
        autoptr(FilterMap) map = NULL;
        autoptr(Lab) lab = NULL;
        json_t *list = NULL, *sorted = NULL;
        int r = lab_operand_open(in->home, o->lab, &lab, err);

        if (r >= 0)
                r = lab_filter_map(lab, o->at, in->args[0], in->args[1], &map, err);
        if (r >= 0)
                r = filter_map_dump(map, &list, err);
        if (r < 0)
                return r;
        if (o->sort)
                r = sort(list, o->sort, &sorted, err);
        shorten(sorted ? sorted : list, o->limit);
        if (r >= 0)
                r = filter_print_entries(sorted ? sorted : list, o->format, err);
        json_decref(sorted);
        json_decref(list);
        return r;
}

COMMAND(lab_filter_map_dump) = {
        .name = "lab filter map dump",
        .group = "Labs",
        .synopsis = "[OPTION...] FILTER MAP",
        .summary = "Show all entries of a filter's map",
        .options = options,
        .options_size = sizeof(DumpOptions),
        .min_args = 2,
        .max_args = 2,
        .run = cmd_lab_filter_map_dump,
};
