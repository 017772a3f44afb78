/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * isola check
 *
 * Tries every feature that isola can make use of on this machine, here and now,
 * and says for each one missing what isola does without it.
 */

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cli/command.h"
#include "cli/format.h"
#include "kernel/probe.h"
#include "netlink/network_probe.h"

typedef struct CheckOptions {
        const char *format;
} CheckOptions;

static const Option options[] COMMAND_DATA = {
        OPT_STRING(0, "format", CheckOptions, format, "FORMAT",
                   "Print as json, as a table, or by a Go template"),
        {},
};

static const Column columns[] = {
        { "GROUP", "Group", false },
        { "FEATURE", "Feature", false },
        { "STATUS", "Status", false },
        { "DETAIL", "Detail", false },
        { "WITHOUT IT", "Without", false },
        { "ESSENTIAL", "Essential", true },
        {},
};

/* Adds a row; @missing counts what isola cannot do without. */
static int add_row(json_t *rows, const ProbeResult *result, int *missing) {
        const ProbeFeature *f = result->feature;
        bool there = result->answer >= 0;
        autofree char *detail = NULL;
        json_t *row;

        if (there || result->detail[0])
                detail = strdup(result->detail);
        else
                detail = strdup(strerror(-result->answer));
        if (!there && f->essential)
                (*missing)++;
        row = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "Group", f->group, "Feature", f->name,
                        "Status",
                        there          ? "yes"
                        : f->essential ? "MISSING"
                                       : "no",
                        "Detail", detail ? detail : "", "Without", there ? "" : f->without,
                        "Essential", f->essential ? "true" : "false");
        return json_array_append_new(rows, row);
}

static int try_all(const ProbePlace *place, const ProbeFeature *features, size_t n, json_t *rows,
                   int *missing) {
        for (size_t i = 0; i < n; i++) {
                ProbeResult result;

                probe_run(&features[i], place, &result);
                if (add_row(rows, &result, missing) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int cmd_check(const CommandInput *in, Err *err) {
        const CheckOptions *o = in->options;
        ProbePlace place = { .data = in->home->data_fd };
        const ProbeFeature *kernel, *network;
        size_t n_kernel, n_network;
        int missing = 0, r;
        json_t *rows = json_array();

        kernel = probe_kernel_features(&n_kernel);
        network = probe_network_features(&n_network);
        r = rows ? try_all(&place, kernel, n_kernel, rows, &missing) : -ENOMEM;
        if (r >= 0)
                r = try_all(&place, network, n_network, rows, &missing);
        r = r < 0 ? fail(err, r, "cannot check this machine")
                  : format_rows(columns, rows, o->format, err);
        json_decref(rows);
        if (r < 0)
                return r;
        if (missing > 0) {
                fflush(stdout);
                return refuse(err, EOPNOTSUPP,
                              "%d feature%s that containers cannot do without %s "
                              "missing",
                              missing, missing == 1 ? "" : "s", missing == 1 ? "is" : "are");
        }
        return 0;
}

COMMAND(check) = {
        .name = "check",
        .group = "System",
        .synopsis = "[OPTION...]",
        .summary = "Show what this kernel offers and what isola does about what is missing",
        .options = options,
        .options_size = sizeof(CheckOptions),
        .run = cmd_check,
};
