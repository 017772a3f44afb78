/* SPDX-License-Identifier: GPL-2.0-or-later */

/* isola manifest create: begin an index of images that are at registries. */

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cli/command.h"
#include "cli/transfer_options.h"
#include "transfer/manifest_list.h"

typedef struct CreateOptions {
        TransferOptions transfer;
        bool amend;
} CreateOptions;

static const Option options[] COMMAND_DATA = {
        OPT_FLAG('a', "amend", CreateOptions, amend, "Add to one that was begun"),
        TRANSFER_OPTIONS(CreateOptions),
        {},
};

static int create(const CommandInput *in, Err *err) {
        const CreateOptions *o = in->options;
        automanifestlist list = {};
        PlaceOptions place = {};
        autoerr none = {};
        int r;

        r = manifest_list_load(in->home, in->args[0], &list, &none);
        if (r >= 0 && !o->amend)
                return err_hint(
                        err, refuse(err, EEXIST, "the index '%s' was begun already", in->args[0]),
                        "add to it with --amend, or 'isola manifest rm %s'", in->args[0]);
        if (r < 0 && r != -ENOENT)
                return refuse(err, r, "%s", none.message);
        if (str_set(&list.name, in->args[0]) < 0)
                return fail(err, ENOMEM, "cannot begin an index");
        r = transfer_place(&o->transfer, &place, err);
        for (char **name = in->args + 1; *name && r >= 0; name++)
                r = manifest_list_add(&list, *name, &place, err);
        if (r >= 0)
                r = manifest_list_save(in->home, &list, err);
        if (r >= 0)
                printf("Created manifest list %s\n", in->args[0]);
        return r;
}

static int cmd_manifest_create(const CommandInput *in, Err *err) {
        int r = create(in, err);

        return r < 0 ? err_prefix(err, r, "cannot make the index '%s'", in->args[0]) : 0;
}

COMMAND(manifest_create) = {
        .name = "manifest create",
        .group = "Images",
        .synopsis = "[OPTION...] INDEX NAME...",
        .summary = "Begin an index of images of several platforms",
        .options = options,
        .options_size = sizeof(CreateOptions),
        .min_args = 2,
        .max_args = ARGS_ANY,
        .run = cmd_manifest_create,
};
