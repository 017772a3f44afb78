/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/size.h"
#include "base/str.h"
#include "cli/command.h"
#include "cli/format.h"
#include "cli/list_filter.h"
#include "engine/volume.h"

typedef struct ListOptions {
        const char **filters;
        const char *format;
        bool quiet;
} ListOptions;

static const Option options[] COMMAND_DATA = {
        OPT_LIST('f', "filter", ListOptions, filters, "KEY=VALUE",
                 "Only those with dangling=, driver=, label=, name="),
        OPT_STRING(0, "format", ListOptions, format, "FORMAT",
                   "Print as json, table or a Go template"),
        OPT_FLAG('q', "quiet", ListOptions, quiet, "Only names"),
        {},
};

/* A volume, and who uses it: what filters look at. */
typedef struct Row {
        const Volume *volume;
        const char *user;
} Row;

static bool fits_dangling(const void *row, const char *value) {
        return str_equal(value, ((const Row *) row)->user ? "false" : "true") ||
               str_equal(value, ((const Row *) row)->user ? "0" : "1");
}
static bool fits_driver(const void *row, const char *value) {
        return row && str_equal(value, "local");
}
static bool fits_label(const void *row, const char *value) {
        return label_fits(((const Row *) row)->volume->labels, value);
}
static bool fits_name(const void *row, const char *value) {
        return strstr(((const Row *) row)->volume->name, value);
}

static const ListFilter filters[] = {
        { "dangling", fits_dangling },
        { "driver", fits_driver },
        { "label", fits_label, .all = true },
        { "name", fits_name },
        {},
};

static int add_row(json_t *rows, const Home *home, const Row *row, bool sized) {
        const Volume *v = row->volume;
        autofree char *mountpoint = str_format("%s/volumes/%s/_data", home->data, v->name);
        autofree char *labels = strv_join(v->labels, ","), *size = NULL;
        uint64_t bytes = 0;
        json_t *object;

        if (sized && volume_size(home, v->name, &bytes, NULL) >= 0)
                size = size_words(bytes);
        object = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o}", "Name", v->name, "Driver",
                           "local", "Scope", "local", "Mountpoint", mountpoint ? mountpoint : "",
                           "Labels", labels ? labels : "", "Links", row->user ? "1" : "0", "Size",
                           size ? size : "N/A", ".Label", json_pairs_tree(v->labels));
        return object && json_array_append_new(rows, object) == 0 ? 0 : -ENOMEM;
}

static int fill_rows(const CommandInput *in, json_t *rows, Err *err) {
        const ListOptions *o = in->options;
        bool sized = o->format && strstr(o->format, ".Size");
        autovolumeuses uses = {};
        Volume **list = NULL;
        size_t n = 0;
        int r;

        r = volume_list(in->home, &list, &n, err);
        if (r >= 0)
                r = volume_uses(in->home, &uses, err);
        for (size_t i = 0; i < n && r >= 0; i++) {
                Row row = { list[i], volume_user(&uses, list[i]->name) };

                if (list_filter_match(filters, o->filters, &row) &&
                    add_row(rows, in->home, &row, sized) < 0)
                        r = fail(err, ENOMEM, "cannot list the volumes");
        }
        volume_list_free(list, n);
        return r;
}

static int cmd_volume_ls(const CommandInput *in, Err *err) {
        static const Column columns[] = {
                { "DRIVER", "Driver" },
                { "VOLUME NAME", "Name" },
                {},
        };
        const ListOptions *o = in->options;
        json_t *rows = json_array();
        int r;

        r = list_filter_check(filters, o->filters, "volumes", err);
        if (r >= 0)
                r = fill_rows(in, rows, err);
        if (r >= 0)
                r = format_rows(columns, rows, o->quiet && !o->format ? "{{.Name}}" : o->format,
                                err);
        json_decref(rows);
        return r;
}

COMMAND(volume_ls) = {
        .name = "volume ls",
        .alias = "volume list",
        .group = "Volumes",
        .synopsis = "[OPTION...]",
        .summary = "List volumes",
        .options = options,
        .options_size = sizeof(ListOptions),
        .run = cmd_volume_ls,
};
