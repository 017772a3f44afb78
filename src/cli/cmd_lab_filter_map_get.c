/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <jansson.h>

#include "cli/command.h"
#include "cli/lab_filter.h"

typedef struct GetOptions {
        const char *at, *format, *lab;
} GetOptions;

static const Option options[] COMMAND_DATA = {
        OPT_AT(GetOptions, at),
        OPT_STRING(0, "format", GetOptions, format, "FORMAT", "json, or a Go template"),
        OPT_LAB(GetOptions, lab),
        {},
};

static int cmd_lab_filter_map_get(const CommandInput *in, Err *err) {
        const GetOptions *o = in->options;
        autoptr(FilterMap) map = NULL;
        autoptr(Lab) lab = NULL;
        json_t *entry = NULL, *entries;
        int r = lab_operand_open(in->home, o->lab, &lab, err);

        if (r >= 0)
                r = lab_filter_map(lab, o->at, in->args[0], in->args[1], &map, err);
        if (r >= 0)
                r = filter_map_get(map, in->args + 2, &entry, err);
        if (r < 0)
                return r;
        entries = json_array();
        json_array_append_new(entries, entry);
        r = filter_print_entries(entries, o->format, err);
        json_decref(entries);
        return r;
}

COMMAND(lab_filter_map_get) = {
        .name = "lab filter map get",
        .group = "Labs",
        .synopsis = "[OPTION...] FILTER MAP key.MEMBER=KEY...",
        .summary = "Show one entry of a filter's map",
        .options = options,
        .options_size = sizeof(GetOptions),
        .min_args = 3,
        .max_args = ARGS_ANY,
        .run = cmd_lab_filter_map_get,
};
