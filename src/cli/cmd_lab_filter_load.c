/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <jansson.h>
#include <stdio.h>

#include "base/str.h"
#include "cli/command.h"
#include "cli/format.h"
#include "filter/filter.h"

typedef struct LoadOptions {
        const char *program, *format;
} LoadOptions;

static const Option options[] COMMAND_DATA = {
        OPT_STRING(0, "format", LoadOptions, format, "FORMAT", "json, or a Go template"),
        OPT_STRING(0, "program", LoadOptions, program, "NAME", "Only one filter of the file"),
        {},
};

static int cmd_lab_filter_load(const CommandInput *in, Err *err) {
        const LoadOptions *o = in->options;
        json_t *shown = NULL, *documents;
        int r = filter_check(in->args[0], o->program, &shown, err);

        if (r < 0)
                return r;
        documents = json_array();
        json_array_append_new(documents, shown);
        r = format_documents(documents, o->format, err);
        json_decref(documents);
        return r;
}

COMMAND(lab_filter_load) = {
        .name = "lab filter load",
        .group = "Labs",
        .synopsis = "[OPTION...] OBJECT",
        .summary = "Have the kernel verify a filter, and show what it has",
        .options = options,
        .options_size = sizeof(LoadOptions),
        .min_args = 1,
        .max_args = 1,
        .no_home = true,
        .completes = "file",
        .run = cmd_lab_filter_load,
};
