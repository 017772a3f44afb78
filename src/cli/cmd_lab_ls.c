/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "cli/format.h"
#include "cli/lab_operand.h"

typedef struct ListOptions {
        const char *format;
        bool quiet;
} ListOptions;

static const Option options[] COMMAND_DATA = {
        OPT_STRING(0, "format", ListOptions, format, "FORMAT",
                   "Print as json, table or a Go template"),
        OPT_FLAG('q', "quiet", ListOptions, quiet, "Only names"),
        {},
};

static char *status_words(const Lab *lab) {
        size_t running = lab_running_nodes(lab);

        switch (lab_status(lab)) {
        case LAB_RUNNING:
                return strdup("running");
        case LAB_MAKING:
                return strdup("being made");
        default:
                return str_format("broken (%zu of %zu nodes)", running, lab->state.n_nodes);
        }
}

static int add_row(json_t *rows, const Lab *lab) {
        autofree char *status = status_words(lab), *age = NULL,
                      *nodes = str_format("%zu", lab->state.n_nodes);
        int64_t ns;
        json_t *row;

        if (lab->state.created && clock_parse_rfc3339(lab->state.created, &ns) >= 0)
                age = span_words(clock_now_ns() - ns);
        row = status && nodes
                      ? json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "Name", lab->name, "Status",
                                  status, "Nodes", nodes, "RunningFor", age ? age : "", "CreatedAt",
                                  lab->state.created ? lab->state.created : "", "File",
                                  lab->state.source ? lab->state.source : "")
                      : NULL;
        return row && json_array_append_new(rows, row) == 0 ? 0 : -ENOMEM;
}

static int cmd_lab_ls(const CommandInput *in, Err *err) {
        static const Column columns[] = {
                { "NAME", "Name" },     { "STATUS", "Status" }, { "NODES", "Nodes" },
                { "UP", "RunningFor" }, { "FILE", "File" },     {},
        };
        const ListOptions *o = in->options;
        json_t *rows = json_array();
        Lab **list = NULL;
        size_t n = 0;
        int r = lab_list(in->home, &list, &n, err);

        for (size_t i = 0; r >= 0 && i < n; i++)
                if (add_row(rows, list[i]) < 0)
                        r = fail(err, ENOMEM, "cannot list the labs");
        lab_list_free(list, n);
        if (r >= 0)
                r = format_rows(columns, rows, o->quiet && !o->format ? "{{.Name}}" : o->format,
                                err);
        json_decref(rows);
        return r;
}

COMMAND(lab_ls) = {
        .name = "lab ls",
        .alias = "lab list",
        .group = "Labs",
        .synopsis = "[OPTION...]",
        .summary = "List the labs that are up",
        .options = options,
        .options_size = sizeof(ListOptions),
        .run = cmd_lab_ls,
};
