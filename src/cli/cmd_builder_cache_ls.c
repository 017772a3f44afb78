/* SPDX-License-Identifier: GPL-2.0-or-later */

/* isola builder cache ls: the directories of RUN --mount=type=cache. */

#include <errno.h>
#include <jansson.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/size.h"
#include "base/str.h"
#include "builder/cache_mount.h"
#include "cli/command.h"
#include "cli/format.h"

typedef struct LsOptions {
        const char *format;
} LsOptions;

static const Option options[] COMMAND_DATA = {
        OPT_STRING(0, "format", LsOptions, format, "FORMAT",
                   "Print as json, table or a Go template"),
        {},
};

static int add_row(json_t *rows, const CacheMountInfo *info) {
        autofree char *size = size_words(info->size);
        autofree char *span = span_words(clock_now_ns() - info->used_ns);
        autofree char *used = span ? str_format("%s ago", span) : NULL;
        json_t *row = size && used ? json_pack("{s:s, s:s, s:s}", "ID", info->id, "Size", size,
                                               "LastUsed", used)
                                   : NULL;

        return row ? json_array_append_new(rows, row) : -ENOMEM;
}

static int cmd_builder_cache_ls(const CommandInput *in, Err *err) {
        static const Column columns[] = {
                { "ID", "ID" }, { "SIZE", "Size" }, { "LAST USED", "LastUsed" }, {}
        };
        const LsOptions *o = in->options;
        json_t *rows = json_array();
        CacheMountInfo *list = NULL;
        size_t n = 0;
        int r;

        r = cache_mount_list(in->home, &list, &n, err);
        for (size_t i = 0; i < n && r >= 0; i++)
                if (add_row(rows, &list[i]) < 0)
                        r = fail(err, ENOMEM, "cannot list the caches");
        if (r >= 0)
                r = format_rows(columns, rows, o->format, err);
        cache_mount_list_free(list, n);
        json_decref(rows);
        return r;
}

COMMAND(builder_cache_ls) = {
        .name = "builder cache ls",
        .group = "Images",
        .synopsis = "[OPTION...]",
        .summary = "List the directories of RUN --mount=type=cache",
        .options = options,
        .options_size = sizeof(LsOptions),
        .run = cmd_builder_cache_ls,
};
