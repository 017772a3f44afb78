/* SPDX-License-Identifier: GPL-2.0-or-later */

/* isola search: what a registry has. */

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/str.h"
#include "cli/command.h"
#include "cli/format.h"
#include "cli/transfer_options.h"
#include "oci/reference.h"
#include "transfer/place.h"

#define DESCRIPTION_SHOWN 45

typedef struct SearchOptions {
        TransferOptions transfer;
        const char *format;
        int limit;
        bool list_tags, no_trunc;
} SearchOptions;

static const Option options[] COMMAND_DATA = {
        OPT_STRING(0, "format", SearchOptions, format, "TEMPLATE",
                   "Print with a Go template, or json or table TEMPLATE"),
        OPT_INT(0, "limit", SearchOptions, limit, "N", "At most so many (25)"),
        OPT_FLAG(0, "list-tags", SearchOptions, list_tags, "The tags of one repository"),
        OPT_FLAG(0, "no-trunc", SearchOptions, no_trunc, "Descriptions whole"),
        TRANSFER_OPTIONS(SearchOptions),
        {},
};

/* "quay.io/word", "localhost:5000/", "word". */
static int split(const char *text, char **ret_registry, char **ret_rest) {
        const char *slash = strchr(text, '/');
        size_t n = slash ? (size_t) (slash - text) : 0;
        bool registry = n && (memchr(text, '.', n) || memchr(text, ':', n) ||
                              (n == strlen("localhost") && strncmp(text, "localhost", n) == 0));

        *ret_registry = registry ? strndup(text, n) : strdup("docker.io");
        *ret_rest = strdup(registry ? slash + 1 : text);
        return *ret_registry && *ret_rest ? 0 : -ENOMEM;
}

static int ask(const SearchOptions *o, const char *registry, NetOp *op, NetList *ret, Err *err) {
        autoptr(Remote) remote = NULL;
        autofree char *text = NULL;
        PlaceOptions place = {};
        size_t size;
        int r;

        r = transfer_place(&o->transfer, &place, err);
        if (r < 0)
                return r;
        place.search = str_equal(op->kind, "search");
        r = place_open(registry, op->repository ? op->repository : "", NULL, &place, &remote, err);
        if (r >= 0)
                r = remote_text(remote, op, &text, &size, NULL, err);
        return r < 0 ? r : json_parse(&net_list_type, text, size, "the registry's list", ret, err);
}

static int search(const SearchOptions *o, const char *what, NetList *ret, char **ret_registry,
                  Err *err) {
        autofree char *rest = NULL;
        NetOp op = { .kind = (char *) "search", .limit = o->limit > 0 ? o->limit : 25 };

        if (split(what, ret_registry, &rest) < 0)
                return fail(err, ENOMEM, "cannot search");
        op.text = rest;
        return ask(o, *ret_registry, &op, ret, err);
}

static int list_tags(const SearchOptions *o, const char *what, NetList *ret, Err *err) {
        autofree char *registry = NULL, *repository = NULL;
        NetOp op = { .kind = (char *) "tags", .limit = o->limit };
        autoptr(Reference) ref = NULL;
        int r = reference_parse(what, &ref, err);

        if (r < 0)
                return r;
        if (reference_split(ref, &registry, &repository) < 0)
                return fail(err, ENOMEM, "cannot list tags");
        op.repository = repository;
        return ask(o, registry, &op, ret, err);
}

static char *shown(const SearchOptions *o, const char *text) {
        autofree char *clean = str_printable(text ? text : "");

        if (clean && !o->no_trunc && strlen(clean) > DESCRIPTION_SHOWN)
                return str_format("%.*s…", DESCRIPTION_SHOWN - 1, clean);
        return take_ptr(clean);
}

static int print_found(const SearchOptions *o, const char *registry, const NetList *list,
                       Err *err) {
        static const Column columns[] = { { "NAME", "Name" },
                                          { "DESCRIPTION", "Description" },
                                          { "STARS", "StarCount" },
                                          { "OFFICIAL", "IsOfficial" },
                                          {} };
        bool hub = str_equal(registry, "docker.io");
        json_t *rows = json_array();
        int r;

        for (size_t i = 0; i < list->n_items; i++) {
                const NetListItem *item = &list->items[i];
                autofree char *clean = str_printable(item->name);
                autofree char *name = str_format("%s%s%s", hub ? "" : registry, hub ? "" : "/",
                                                 clean ? clean : "");
                autofree char *description = shown(o, item->description);
                char stars[24];

                snprintf(stars, sizeof stars, "%lld", (long long) item->stars);
                json_array_append_new(
                        rows, json_pack("{s:s, s:s, s:s, s:s}", "Name", name ? name : "",
                                        "Description", description ? description : "", "StarCount",
                                        stars, "IsOfficial", item->official ? "[OK]" : ""));
        }
        r = format_rows(columns, rows, o->format, err);
        json_decref(rows);
        return r;
}

static int print_tags(const SearchOptions *o, const char *name, const NetList *list, Err *err) {
        static const Column columns[] = { { "NAME", "Name" }, { "TAG", "Tag" }, {} };
        json_t *rows = json_array();
        int r;

        for (size_t i = 0; i < list->n_items; i++) {
                autofree char *tag = str_printable(list->items[i].name);

                json_array_append_new(rows,
                                      json_pack("{s:s, s:s}", "Name", name, "Tag", tag ? tag : ""));
        }
        r = format_rows(columns, rows, o->format, err);
        json_decref(rows);
        return r;
}

static int cmd_search(const CommandInput *in, Err *err) {
        const SearchOptions *o = in->options;
        autofree char *registry = NULL;
        NetList list = {};
        int r;

        if (o->list_tags)
                r = list_tags(o, in->args[0], &list, err);
        else
                r = search(o, in->args[0], &list, &registry, err);
        if (r < 0)
                return err_prefix(err, r, "cannot search for '%s'", in->args[0]);
        r = o->list_tags ? print_tags(o, in->args[0], &list, err)
                         : print_found(o, registry, &list, err);
        json_clear(&net_list_type, &list);
        return r;
}

COMMAND(search) = {
        .name = "search",
        .group = "Images",
        .synopsis = "[OPTION...] [REGISTRY/]WORD",
        .summary = "Look for images in a registry",
        .options = options,
        .options_size = sizeof(SearchOptions),
        .min_args = 1,
        .max_args = 1,
        .run = cmd_search,
};
