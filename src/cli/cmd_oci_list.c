/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <jansson.h>
#include <stdio.h>

#include "cli/format.h"
#include "cli/oci.h"
#include "cli/table.h"

typedef struct OciListOptions {
        const char *format;
        bool quiet;
} OciListOptions;

static const Option options[] COMMAND_DATA = {
        OPT_STRING('f', "format", OciListOptions, format, "FORMAT", "Print a table or json (table)",
                   "table|json"),
        OPT_FLAG('q', "quiet", OciListOptions, quiet, "Print the ids only"),
        {},
};

static int put_row(char ***lines, const OciState *state) {
        char pid[16];
        const char *cells[] = { state->id,      pid,         state->status, state->bundle,
                                state->created, state->owner };
        autostr line = {};

        snprintf(pid, sizeof pid, "%d", state->pid);
        for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
                if (i > 0)
                        str_put_char(&line, '\t');
                table_put(&line, cells[i]);
        }
        return line.failed ? -ENOMEM : strv_add(lines, line.text);
}

static int print(OciContainer **list, size_t n, const OciListOptions *o, Err *err) {
        json_t *documents = json_array();
        autofree char *text = NULL;
        autostrv lines = NULL;
        autostr table = {};
        int r = strv_add(&lines, "ID\tPID\tSTATUS\tBUNDLE\tCREATED\tOWNER");

        for (size_t i = 0; i < n && r >= 0; i++) {
                OciState state;

                r = oci_container_state(list[i], oci_container_status(list[i]), &state, err);
                if (r < 0)
                        break;
                r = put_row(&lines, &state);
                json_array_append_new(documents, json_tree(&oci_state_type, &state));
                json_clear(&oci_state_type, &state);
        }
        text = json_dumps(documents, JSON_COMPACT);
        json_decref(documents);
        if (r < 0 || !text)
                return err && err->code ? r : fail(err, ENOMEM, "cannot list the containers");
        if (str_equal(o->format, "json"))
                format_print_json(text);
        else {
                table_layout(lines, &table);
                command_print(STDOUT_FILENO, table.text ? table.text : "");
        }
        return 0;
}

static int cmd_oci_list(const CommandInput *in, Err *err) {
        const OciListOptions *o = in->options;
        OciContainer **list;
        size_t n;
        int r;

        if (o->format && !str_equal(o->format, "json") && !str_equal(o->format, "table"))
                return refuse(err, EINVAL, "the format is table or json, not '%s'", o->format);
        r = oci_container_list(in->oci->root, &list, &n, err);
        if (r < 0)
                return r;
        if (o->quiet)
                for (size_t i = 0; i < n; i++)
                        puts(list[i]->id);
        else
                r = print(list, n, o, err);
        oci_container_list_free(list, n);
        return r;
}

COMMAND(oci_list) = {
        .name = "oci list",
        .group = "OCI runtime",
        .synopsis = "[OPTION...]",
        .summary = "List the containers",
        .options = options,
        .options_size = sizeof(OciListOptions),
        .no_home = true,
        .run = cmd_oci_list,
};
