/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/id.h"
#include "base/str.h"
#include "cli/command.h"
#include "cli/format.h"
#include "engine/network.h"

typedef struct ListOptions {
        const char **filters;
        const char *format;
        bool no_trunc, quiet;
} ListOptions;

static const Option options[] = {
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

static bool has_label(const Network *n, const char *wanted) {
        strv_foreach(label, n->labels) {
                const char *rest = str_after(*label, wanted);

                if (rest && (!*rest || (*rest == '=' && !strchr(wanted, '='))))
                        return true;
        }
        return false;
}

typedef struct Filter {
        const char *key;
        bool (*fits)(const Network *n, const char *value);
} Filter;

static bool fits_driver(const Network *n, const char *value) {
        return str_equal(n->driver, value);
}
static bool fits_id(const Network *n, const char *value) {
        return strstr(n->id, value);
}
static bool fits_name(const Network *n, const char *value) {
        return strstr(n->name, value);
}
static bool fits_scope(const Network *n, const char *value) {
        return str_equal(value, "local");
}
static bool fits_type(const Network *n, const char *value) {
        return str_equal(value, is_predefined(n) ? "builtin" : "custom");
}

static const Filter filters[] = {
        { "driver", fits_driver }, { "id", fits_id },       { "label", has_label },
        { "name", fits_name },     { "scope", fits_scope }, { "type", fits_type },
};

static const Filter *find_filter(const char *text) {
        for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
                const char *rest = str_after(text, filters[i].key);

                if (rest && *rest == '=')
                        return &filters[i];
        }
        return NULL;
}

static int check_filters(const char *const *texts, Err *err) {
        for (; texts && *texts; texts++)
                if (!find_filter(*texts))
                        return err_hint(
                                err,
                                refuse(err, EINVAL, "'%s' is not a filter for networks", *texts),
                                "filters are driver=, id=, label=, name=, scope= and "
                                "type=");
        return 0;
}

/* Values of one key are alternatives; all keys, and all labels, must hold. */
static bool is_wanted(const Network *n, const char *const *texts) {
        for (const char *const *t = texts; t && *t; t++) {
                const Filter *f = find_filter(*t);
                bool any = f->fits(n, strchr(*t, '=') + 1);

                for (const char *const *other = texts; *other && f->fits != has_label; other++)
                        if (find_filter(*other) == f)
                                any = any || f->fits(n, strchr(*other, '=') + 1);
                if (!any)
                        return false;
        }
        return true;
}

static json_t *label_object(const Network *n) {
        json_t *object = json_object();

        strv_foreach(label, n->labels) {
                const char *equals = strchr(*label, '=');
                autofree char *key = strndup(*label, strcspn(*label, "="));

                if (key)
                        json_object_set_new(object, key, json_string(equals ? equals + 1 : ""));
        }
        return object;
}

static int add_row(json_t *rows, const Network *n, const ListOptions *o) {
        autofree char *labels = strv_join(n->labels, ",");
        json_t *row;

        row = json_pack("{s:s%, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o}", "ID", n->id,
                        o->no_trunc ? (size_t) ID_LENGTH : (size_t) ID_SHORT_LENGTH, "Name",
                        n->name, "Driver", n->driver, "Scope", "local", "IPv6",
                        n->ipv6 ? "true" : "false", "Internal", n->internal ? "true" : "false",
                        "Labels", labels ? labels : "", "CreatedAt", n->created, ".Label",
                        label_object(n));
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
        r = check_filters(o->filters, err);
        if (r >= 0)
                r = network_list(in->home, &list, &n, err);
        if (r < 0)
                return r;
        rows = json_array();
        for (size_t i = 0; i < n && r >= 0; i++)
                if (is_wanted(list[i], o->filters))
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
