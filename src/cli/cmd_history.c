/* SPDX-License-Identifier: GPL-2.0-or-later */

/* isola history: the steps that made an image. */

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/size.h"
#include "base/str.h"
#include "cli/command.h"
#include "cli/format.h"
#include "store/image.h"
#include "store/layer.h"
#include "store/record.h"

#define CREATED_BY_SHOWN 45 /* as Docker cuts it */

typedef struct HistoryOptions {
        bool exact, no_trunc, quiet;
        const char *format;
} HistoryOptions;

static const Option options[] COMMAND_DATA = {
        OPT_STRING(0, "format", HistoryOptions, format, "FORMAT",
                   "Print as json, table or a Go template"),
        OPT_FLAG(0, "exact", HistoryOptions, exact, "Sizes in bytes and full dates"),
        OPT_FLAG(0, "no-trunc", HistoryOptions, no_trunc, "Do not shorten anything"),
        OPT_FLAG('q', "quiet", HistoryOptions, quiet, "Only ids"),
        {},
};

static char *shortened(const char *text, bool whole) {
        if (whole || strlen(text) <= CREATED_BY_SHOWN)
                return strdup(text);
        return str_format("%.*s…", CREATED_BY_SHOWN - 1, text);
}

static char *created_words(const char *created, bool exact) {
        autofree char *span = NULL;
        int64_t ns;

        if (!created || clock_parse_rfc3339(created, &ns) < 0)
                return strdup("N/A");
        if (exact)
                return strdup(created);
        span = span_words(clock_now_ns() - ns);
        return span ? str_format("%s ago", span) : NULL;
}

/* @entry: NULL for a layer of which the history says nothing. */
static int add_row(json_t *rows, const char *id, const OciHistory *entry, int64_t size,
                   const HistoryOptions *o) {
        autofree char *by =
                shortened(entry && entry->created_by ? entry->created_by : "", o->no_trunc);
        autofree char *since = created_words(entry ? entry->created : NULL, o->exact);
        autofree char *amount =
                o->exact ? str_format("%lld", (long long) size) : size_words((uint64_t) size);
        json_t *row;

        if (!by || !since || !amount)
                return -ENOMEM;
        row = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "ID", id, "CreatedSince", since,
                        "CreatedAt", entry && entry->created ? entry->created : "", "CreatedBy", by,
                        "Size", amount, "Comment", entry && entry->comment ? entry->comment : "");
        /* A history that holds no text, but bytes, is shown without that step. */
        return row ? json_array_append_new(rows, row) : 0;
}

static int64_t size_of(const Home *home, const char *chain_id) {
        autoptr(Layer) layer = NULL;

        return layer_load(home, chain_id, &layer, NULL) < 0 ? 0 : layer->size;
}

/* From the newest step to the first; every step that is not empty has made one layer. */
static int make_rows(const Home *home, const Image *image, const HistoryOptions *o, json_t *rows) {
        const OciImage *config = &image->config;
        autofree char *own = o->no_trunc ? strdup(image->id) : strndup(digest_hex(image->id), 12);
        autostrv chain_ids = NULL;
        size_t n_layers;
        int r;

        r = own ? record_chain_ids(image, &chain_ids) : -ENOMEM;
        n_layers = strv_length(chain_ids);
        for (size_t i = config->n_history; i-- > 0 && r >= 0;) {
                const OciHistory *entry = &config->history[i];
                int64_t size = 0;

                if (!entry->empty_layer && n_layers > 0)
                        size = size_of(home, chain_ids[--n_layers]);
                r = add_row(rows, i + 1 == config->n_history ? own : "<missing>", entry, size, o);
        }
        while (r >= 0 && n_layers > 0) {
                n_layers--;
                r = add_row(rows, json_array_size(rows) ? "<missing>" : own, NULL,
                            size_of(home, chain_ids[n_layers]), o);
        }
        return r;
}

static int cmd_history(const CommandInput *in, Err *err) {
        static const Column columns[] = {
                { "IMAGE", "ID" },  { "CREATED", "CreatedSince" }, { "CREATED BY", "CreatedBy" },
                { "SIZE", "Size" }, { "COMMENT", "Comment" },      {},
        };
        const HistoryOptions *o = in->options;
        autoptr(Image) image = NULL;
        json_t *rows;
        int r;

        r = image_load(in->home, in->args[0], &image, err);
        if (r < 0)
                return r;
        rows = json_array();
        r = make_rows(in->home, image, o, rows);
        if (r < 0)
                r = fail(err, r, "cannot show the history of '%s'", in->args[0]);
        else
                r = format_rows(columns, rows, o->quiet && !o->format ? "{{.ID}}" : o->format, err);
        json_decref(rows);
        return r;
}

COMMAND(history) = {
        .name = "history",
        .alias = "image history",
        .group = "Images",
        .synopsis = "[OPTION...] IMAGE",
        .summary = "Show the steps that made an image",
        .options = options,
        .options_size = sizeof(HistoryOptions),
        .min_args = 1,
        .max_args = 1,
        .completes = "image",
        .run = cmd_history,
};
