/* SPDX-License-Identifier: GPL-2.0-or-later */

/* isola store check: is what the image store says true? */

#include <stdio.h>

#include "cli/command.h"
#include "store/check.h"

typedef struct CheckOptions {
        bool repair, quick, quiet;
} CheckOptions;

static const Option options[] COMMAND_DATA = {
        OPT_FLAG(0, "quick", CheckOptions, quick, "Do not read the files of layers"),
        OPT_FLAG('q', "quiet", CheckOptions, quiet, "Print only what is damaged or missing"),
        OPT_FLAG(0, "repair", CheckOptions, repair,
                 "Make damaged layers again, and remove what cannot be made again"),
        {},
};

static void print(const StoreReport *report, bool quiet) {
        for (size_t i = 0; i < report->n_findings; i++) {
                const StoreFinding *f = &report->findings[i];

                if (quiet && (f->kind == STORE_LEFT_OVER || f->repaired))
                        continue;
                printf("%s: %s%s\n", store_finding_kind(f->kind), f->what ? f->what : "",
                       f->repaired ? " (repaired)" : "");
        }
        if (!quiet)
                printf("%zu images, %zu layers, %zu blobs checked\n", report->n_images,
                       report->n_layers, report->n_blobs);
}

static int cmd_store_check(const CommandInput *in, Err *err) {
        const CheckOptions *o = in->options;
        StoreReport report = {};
        int r;

        r = store_check(in->home, &(StoreCheck){ .repair = o->repair, .quick = o->quick }, &report,
                        err);
        if (r >= 0)
                print(&report, o->quiet);
        store_report_clear(&report);
        return r < 0 ? r : r > 0;
}

COMMAND(store_check) = {
        .name = "store check",
        .group = "Images",
        .synopsis = "[OPTION...]",
        .summary = "Compare images and layers with their digests",
        .options = options,
        .options_size = sizeof(CheckOptions),
        .run = cmd_store_check,
};
