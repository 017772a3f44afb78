/* SPDX-License-Identifier: GPL-2.0-or-later */

/* isola manifest push: put an index that was made here into its registry. */

#include <stdio.h>

#include "cli/command.h"
#include "cli/progress.h"
#include "cli/transfer_options.h"
#include "transfer/manifest_list.h"

typedef struct PushListOptions {
        TransferOptions transfer;
        bool purge, quiet;
} PushListOptions;

static const Option options[] COMMAND_DATA = {
        OPT_FLAG('p', "purge", PushListOptions, purge, "Forget it once it is there"),
        OPT_FLAG('q', "quiet", PushListOptions, quiet, "Print nothing but its digest"),
        TRANSFER_OPTIONS(PushListOptions),
        {},
};

static int push(const CommandInput *in, Err *err) {
        const PushListOptions *o = in->options;
        char digest[DIGEST_LENGTH + 1];
        automanifestlist list = {};
        autoprogress progress = {};
        PlaceOptions place = {};
        Watcher watcher = {};
        int r;

        r = transfer_place(&o->transfer, &place, err);
        if (r >= 0)
                r = manifest_list_load(in->home, in->args[0], &list, err);
        if (r < 0)
                return r;
        progress_init(&progress, stdout, o->quiet);
        progress_watch(&progress, &watcher, "Pushed");
        progress.exists = "Layer already exists";
        r = manifest_list_push(in->home, &list, &place, &watcher, digest, err);
        if (r < 0)
                return r;
        puts(digest);
        return o->purge ? manifest_list_remove(in->home, in->args[0], err) : 0;
}

static int cmd_manifest_push(const CommandInput *in, Err *err) {
        int r = push(in, err);

        return r < 0 ? err_prefix(err, r, "cannot push '%s'", in->args[0]) : 0;
}

COMMAND(manifest_push) = {
        .name = "manifest push",
        .group = "Images",
        .synopsis = "[OPTION...] INDEX",
        .summary = "Put an index that was made here into its registry",
        .options = options,
        .options_size = sizeof(PushListOptions),
        .min_args = 1,
        .max_args = 1,
        .run = cmd_manifest_push,
};
