/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/id.h"
#include "base/str.h"
#include "cli/command.h"
#include "cli/format.h"
#include "cli/list_filter.h"
#include "engine/network.h"

typedef struct ListOptions {
        const char **filters;
        const char *format;
        bool no_trunc, quiet;
} ListOptions;

static const Option options[] COMMAND_DATA = {
        OPT_LIST('f', "filter", ListOptions, filters, "KEY=VALUE",
                 "Only those with driver=, id=, label=, name=, scope=, type="),
        OPT_STRING(0, "format", ListOptions, format, "FORMAT",
                   "Print as json, table or a Go template"),
        OPT_FLAG(0, "no-trunc", ListOptions, no_trunc, "Do not shorten ids"),
        OPT_FLAG('q', "quiet", ListOptions, quiet, "Only ids"),
        {},
};

static bool is_predefined(const Network *n) {
        return !str_equal(n->driver, "bridge") || str_equal(n->name, "bridge");
}

static bool fits_driver(const void *n, const char *value) {
        return str_equal(((const Network *) n)->driver, value);
}
static bool fits_id(const void *n, const char *value) {
        return strstr(((const Network *) n)->id, value);
}
static bool fits_label(const void *n, const char *value) {
        return label_fits(((const Network *) n)->labels, value);
}
static bool fits_name(const void *n, const char *value) {
        return strstr(((const Network *) n)->name, value);
}
static bool fits_scope(const void *n, const char *value) {
        return n && str_equal(value, "local");
}
static bool fits_type(const void *n, const char *value) {
        return str_equal(value, is_predefined(n) ? "builtin" : "custom");
}

static const ListFilter filters[] = {
        { "driver", fits_driver },
        { "id", fits_id },
        { "label", fits_label, .all = true },
        { "name", fits_name },
        { "scope", fits_scope },
        { "type", fits_type },
        {},
};

static int add_row(json_t *rows, const Network *n, const ListOptions *o) {
        autofree char *labels = strv_join(n->labels, ",");
        json_t *row;

        row = json_pack("{s:s%, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o}", "ID", n->id,
                        o->no_trunc ? (size_t) ID_LENGTH : (size_t) ID_SHORT_LENGTH, "Name",
                        n->name, "Driver", n->driver, "Scope", "local", "IPv6",
                        n->ipv6 ? "true" : "false", "Internal", n->internal ? "true" : "false",
                        "Labels", labels ? labels : "", "CreatedAt", n->created, ".Label",
                        json_pairs_tree(n->labels));
        return row && json_array_append_new(rows, row) == 0 ? 0 : -ENOMEM;
}

static int cmd_network_ls(const CommandInput *in, Err *err) {
        static const Column columns[] = {
                { "NETWORK ID", "ID" },
                { "NAME", "Name" },
                { "DRIVER", "Driver" },
                { "SCOPE", "Scope" },
                {},
        };
        const ListOptions *o = in->options;
        Network **list = NULL;
        json_t *rows;
        size_t n = 0;
        int r;

        network_sweep_idle(in->home);
        r = list_filter_check(filters, o->filters, "networks", err);
        if (r >= 0)
                r = network_list(in->home, &list, &n, err);
        if (r < 0)
                return r;
        rows = json_array();
        for (size_t i = 0; i < n && r >= 0; i++)
                if (list_filter_match(filters, o->filters, list[i]))
                        r = add_row(rows, list[i], o);
        network_list_free(list, n);
        if (r < 0)
                r = fail(err, r, "cannot list the networks");
        else
                r = format_rows(columns, rows, o->quiet && !o->format ? "{{.ID}}" : o->format, err);
        json_decref(rows);
        return r;
}

COMMAND(network_ls) = {
        .name = "network ls",
        .alias = "network list",
        .group = "Networks",
        .synopsis = "[OPTION...]",
        .summary = "List networks",
        .options = options,
        .options_size = sizeof(ListOptions),
        .run = cmd_network_ls,
};
