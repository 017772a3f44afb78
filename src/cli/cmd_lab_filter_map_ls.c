/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <jansson.h>

#include "base/str.h"
#include "cli/command.h"
#include "cli/format.h"
#include "cli/lab_filter.h"

typedef struct MapLsOptions {
        const char *at, *format, *lab;
} MapLsOptions;

static const Option options[] COMMAND_DATA = {
        OPT_AT(MapLsOptions, at),
        OPT_STRING(0, "format", MapLsOptions, format, "FORMAT",
                   "Print as json, table or a Go template"),
        OPT_LAB(MapLsOptions, lab),
        {},
};

typedef struct Listing {
        const Lab *lab;
        const char *filter;
        const Filter *found; /* whose maps are listed */
        size_t node;
        json_t *rows;
        Err *err;
} Listing;

static int add_map(const FilterMap *map, void *context) {
        const Listing *listing = context;
        const Filter *f = listing->found;
        json_t *row = json_pack("{s:s, s:s, s:s, s:s}", "Map", map->name, "Kind", map->kind, "Side",
                                f->egress ? "out" : "in", "Filter", f->name);

        if (!row)
                return -ENOMEM;
        json_object_set_new(row, "Port",
                            json_sprintf("%s:%s", listing->lab->topology->nodes[listing->node].name,
                                         f->interface));
        json_object_set_new(row, "Entries", json_sprintf("%u", map->max_entries));
        json_object_set_new(row, "ID", json_sprintf("%u", map->id));
        return json_array_append_new(listing->rows, row) < 0 ? -ENOMEM : 0;
}

static int add_filter(const Filter *filter, size_t node, void *context) {
        Listing *listing = context;

        if (listing->filter && !str_equal(filter->name, listing->filter))
                return 0;
        listing->found = filter;
        listing->node = node;
        return filter_map_each(filter->program, add_map, listing, listing->err);
}

static int cmd_lab_filter_map_ls(const CommandInput *in, Err *err) {
        static const Column columns[] = {
                { "PORT", "Port" },     { "SIDE", "Side" },
                { "FILTER", "Filter" }, { "MAP", "Map" },
                { "KIND", "Kind" },     { "MAX ENTRIES", "Entries" },
                { "ID", "ID" },         {},
        };
        const MapLsOptions *o = in->options;
        autoptr(Lab) lab = NULL;
        Listing listing = { .filter = in->args[0], .err = err };
        int r = lab_operand_open(in->home, o->lab, &lab, err);

        if (r < 0)
                return r;
        listing.lab = lab;
        listing.rows = json_array();
        r = lab_filter_each(lab, o->at, add_filter, &listing, err);
        if (r >= 0)
                r = format_rows(columns, listing.rows, o->format, err);
        json_decref(listing.rows);
        return r;
}

COMMAND(lab_filter_map_ls) = {
        .name = "lab filter map ls",
        .group = "Labs",
        .synopsis = "[OPTION...] [FILTER]",
        .summary = "List the maps of filters",
        .options = options,
        .options_size = sizeof(MapLsOptions),
        .max_args = 1,
        .run = cmd_lab_filter_map_ls,
};
