/* SPDX-License-Identifier: GPL-2.0-or-later */

/* isola pull: an image from a registry. */

#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/str.h"
#include "cli/command.h"
#include "cli/image_prune.h"
#include "cli/progress.h"
#include "cli/remote_image.h"
#include "cli/transfer_options.h"
#include "oci/reference.h"
#include "transfer/pull.h"
#include "transfer/registries.h"

typedef struct PullCommand {
        TransferOptions transfer;
        const char *platform;
        bool all_platforms, quiet, all_tags;
} PullCommand;

static const Option options[] COMMAND_DATA = {
        OPT_FLAG(0, "all-platforms", PullCommand, all_platforms,
                 "Every platform's image of an index"),
        OPT_FLAG('a', "all-tags", PullCommand, all_tags, "All tags of a repository"),
        OPT_STRING(0, "platform", PullCommand, platform, "OS/ARCH[/VARIANT]",
                   "Another platform's image than this machine's"),
        OPT_FLAG('q', "quiet", PullCommand, quiet, "Print nothing but the name"),
        TRANSFER_OPTIONS(PullCommand),
        {},
};

static int pull_one(const CommandInput *in, const char *name, Err *err) {
        const PullCommand *o = in->options;
        autofree char *registry = NULL, *repository = NULL;
        autoprogress progress = {};
        PullOptions pull = { .platform = o->platform, .all_platforms = o->all_platforms };
        char digest[DIGEST_LENGTH + 1];
        autoptr(Reference) ref = NULL;
        autoptr(Image) image = NULL;
        bool new = false;
        int r;

        r = reference_parse(name, &ref, err);
        if (r >= 0)
                r = transfer_place(&o->transfer, &pull.place, err);
        if (r < 0)
                return r;
        progress_init(&progress, stdout, o->quiet);
        if (!ref->digest && !str_ends_with(name, ref->tag))
                progress_say(&progress, "Using default tag: latest");
        progress_watch(&progress, &pull.watcher, "Pull complete");
        r = pull_image(in->home, name, &pull, &image, digest, &new, err);
        if (r < 0)
                return r;
        if (reference_split(ref, &registry, &repository) < 0)
                return fail(err, ENOMEM, "cannot tell what was pulled");
        if (!o->quiet)
                printf("Digest: %s\nStatus: %s for %s%s%s\n", digest,
                       new ? "Downloaded newer image" : "Image is up to date", ref->name,
                       ref->digest ? "@" : ":", ref->digest ? ref->digest : ref->tag);
        printf("%s/%s%s%s\n", registry, repository, ref->digest ? "@" : ":",
               ref->digest ? ref->digest : ref->tag);
        return 0;
}

/* All that the registry lists. */
static int pull_tags(const CommandInput *in, const char *name, Err *err) {
        const PullCommand *o = in->options;
        NetOp op = { .kind = (char *) "tags" };
        autofree char *text = NULL;
        autoremoteimage at = {};
        PlaceOptions place = {};
        NetList list = {};
        size_t size;
        int r;

        r = transfer_place(&o->transfer, &place, err);
        if (r >= 0)
                r = remote_image_open(name, &place, false, &at, err);
        if (r < 0)
                return r;
        if (at.ref->digest || strchr(strrchr(name, '/') ? strrchr(name, '/') : name, ':'))
                return refuse(err, EINVAL, "with --all-tags, '%s' is to name a repository alone",
                              name);
        op.repository = at.repository;
        r = remote_text(at.remote, &op, &text, &size, NULL, err);
        if (r >= 0)
                r = json_parse(&net_list_type, text, size, "the registry's list", &list, err);
        for (size_t i = 0; i < list.n_items && r >= 0; i++) {
                autofree char *one = str_format("%s:%s", name, list.items[i].name);

                r = one ? pull_one(in, one, err) : fail(err, ENOMEM, "cannot pull");
        }
        json_clear(&net_list_type, &list);
        return r;
}

static int cmd_pull(const CommandInput *in, Err *err) {
        const PullCommand *o = in->options;
        int r = 0;

        for (char **name = in->args; *name; name++) {
                autofree char *full = NULL, *why = NULL;

                r = registries_complete_name(*name, &full, &why, err);
                if (r >= 0 && why && !o->quiet)
                        puts(why);
                if (r >= 0)
                        r = o->all_tags ? pull_tags(in, full, err) : pull_one(in, full, err);
                if (r < 0)
                        break;
        }
        images_finish_removals(in->home);
        return r;
}

COMMAND(pull) = {
        .name = "pull",
        .alias = "image pull",
        .group = "Images",
        .synopsis = "[OPTION...] NAME[:TAG|@DIGEST]...",
        .summary = "Get images from a registry",
        .options = options,
        .options_size = sizeof(PullCommand),
        .min_args = 1,
        .max_args = ARGS_ANY,
        .completes = "image",
        .run = cmd_pull,
};
