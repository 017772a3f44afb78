/* SPDX-License-Identifier: GPL-2.0-or-later */

/* isola push: an image to its registry. */

#include <stdio.h>

#include "base/auto.h"
#include "base/str.h"
#include "cli/command.h"
#include "cli/transfer_options.h"
#include "oci/reference.h"
#include "store/image.h"
#include "transfer/copy.h"

typedef struct PushCommand {
        TransferOptions transfer;
        bool all_platforms, quiet;
} PushCommand;

static const Option options[] = {
        OPT_FLAG(0, "all-platforms", PushCommand, all_platforms,
                 "The index that was pulled with --all-platforms"),
        OPT_FLAG('q', "quiet", PushCommand, quiet, "Print nothing but the name"),
        TRANSFER_OPTIONS(PushCommand),
        {},
};

/* The index stands last, if there is one. */
static const SourceImage *choose(const Source *source, bool all, Err *err) {
        size_t n;
        const SourceImage *images = source_images(source, &n);

        if (!all)
                return &images[0];
        if (n < 2) {
                (void) err_hint(err, refuse(err, ENOENT, "there is no index of several platforms"),
                                "pull it with --all-platforms first");
                return NULL;
        }
        return &images[1];
}

static int push_one(const CommandInput *in, const char *from, const char *to, Err *err) {
        const PushCommand *o = in->options;
        __attribute__((__cleanup__(progress_clear))) Progress progress = {};
        CopyOptions copy = { .all_platforms = o->all_platforms };
        autofree char *registry = NULL, *repository = NULL, *said = NULL;
        char digest[DIGEST_LENGTH + 1];
        autoptr(Source) source = NULL;
        autoptr(Reference) ref = NULL;
        autoptr(Dest) dest = NULL;
        const SourceImage *image;
        PlaceOptions place = {};
        int r;

        r = reference_parse(to, &ref, err);
        if (r >= 0)
                r = transfer_place(&o->transfer, &place, err);
        if (r < 0)
                return r;
        if (reference_split(ref, &registry, &repository) < 0)
                return fail(err, ENOMEM, "cannot push");
        progress_init(&progress, stdout, o->quiet);
        said = str_format("The push refers to repository [%s/%s]", registry, repository);
        progress_say(&progress, said ? said : "");
        progress_watch(&progress, &copy.watcher, "Pushed");
        progress.exists = "Layer already exists";
        r = source_open_store(in->home, from, true, &source, err);
        if (r < 0)
                return r;
        image = choose(source, o->all_platforms, err);
        if (!image)
                return err->code;
        r = dest_open_registry(to, &place, &dest, err);
        if (r >= 0)
                r = copy_image(source, image, dest, NULL, &copy, digest, err);
        if (r >= 0)
                r = image_note_digest(in->home, from, ref->name, digest, err);
        if (r < 0)
                return r;
        if (!o->quiet)
                printf("%s: digest: %s size: %lld\n", ref->tag ? ref->tag : ref->digest, digest,
                       (long long) image->descriptor.size);
        else
                printf("%s/%s%s%s\n", registry, repository, ref->tag ? ":" : "@",
                       ref->tag ? ref->tag : ref->digest);
        return 0;
}

static int cmd_push(const CommandInput *in, Err *err) {
        const char *from = in->args[0], *to = in->n_args > 1 ? in->args[1] : from;
        const char *rest = str_after(to, "docker://");
        int r = push_one(in, from, rest ? rest : to, err);

        return r < 0 ? err_prefix(err, r, "cannot push '%s'", to) : 0;
}

COMMAND(push) = {
        .name = "push",
        .alias = "image push",
        .group = "Images",
        .synopsis = "[OPTION...] IMAGE [NAME[:TAG]]",
        .summary = "Put an image into a registry",
        .options = options,
        .options_size = sizeof(PushCommand),
        .min_args = 1,
        .max_args = 2,
        .completes = "image",
        .run = cmd_push,
};
