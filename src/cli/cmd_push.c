/* SPDX-License-Identifier: GPL-2.0-or-later */

/* isola push: an image to its registry. */

#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/str.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "cli/transfer_options.h"
#include "oci/platform.h"
#include "oci/reference.h"
#include "store/image.h"
#include "transfer/copy.h"

typedef struct PushCommand {
        TransferOptions transfer;
        const char *platform;
        bool all_platforms, all_tags, quiet;
} PushCommand;

static const Option options[] COMMAND_DATA = {
        OPT_FLAG(0, "all-platforms", PushCommand, all_platforms,
                 "The index of all platforms, or fail (it is sent if all of it is here)"),
        OPT_FLAG('a', "all-tags", PushCommand, all_tags, "All tags of a repository"),
        OPT_STRING(0, "platform", PushCommand, platform, "OS/ARCH[/VARIANT]",
                   "Only the image for this platform"),
        OPT_FLAG('q', "quiet", PushCommand, quiet, "Print nothing but the name"),
        TRANSFER_OPTIONS(PushCommand),
        {},
};

/* The index, where all that it names is here; the image alone otherwise. */
static const SourceImage *choose(const PushCommand *o, const Source *source, Err *err) {
        size_t n;
        const SourceImage *images = source_images(source, &n);

        if (n > 1)
                return &images[1];
        if (!o->all_platforms)
                return &images[0];
        (void) err_hint(err, refuse(err, ENOENT, "there is no index of several platforms"),
                        "build it with --platform A,B, or pull it with --all-platforms first");
        return NULL;
}

/* @ret: what to open the source by; new. */
static int choose_platform(const CommandInput *in, const char *from, char **ret, Err *err) {
        const PushCommand *o = in->options;
        OciPlatform platform = {};
        autoptr(Image) image = NULL;
        int r;

        if (o->platform && o->all_platforms)
                return refuse(err, EINVAL, "--platform and --all-platforms exclude each other");
        r = o->platform ? platform_parse(o->platform, &platform, err) : 0;
        if (r >= 0 && o->platform)
                r = image_load_for(in->home, from, &platform, &image, err);
        if (r == 0 && image)
                r = refuse(err, ENOENT, "the image is not here for %s", o->platform);
        platform_clear(&platform);
        if (r < 0)
                return r;
        *ret = strdup(image ? image->id : from);
        return *ret ? 0 : fail(err, ENOMEM, "cannot push");
}

static int push_one(const CommandInput *in, const char *from, const char *to, Err *err) {
        const PushCommand *o = in->options;
        autoprogress progress = {};
        const PackOptions how = { .compression = COMPRESSION_GZIP, .whole = !o->platform };
        CopyOptions copy = { .all_platforms = true };
        autofree char *chosen = NULL, *registry = NULL, *repository = NULL, *said = NULL;
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
        r = choose_platform(in, from, &chosen, err);
        if (r >= 0)
                r = source_open_store(in->home, chosen, &how, &source, err);
        if (r < 0)
                return r;
        image = choose(o, source, err);
        if (!image)
                return err->code;
        r = dest_open_registry(to, &place, &dest, err);
        if (r >= 0)
                r = copy_image(source, image, dest, NULL, &copy, digest, err);
        if (r >= 0)
                r = image_note_digest(in->home, chosen, ref->name, digest, err);
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

/* All that are here. */
static int push_tags(const CommandInput *in, Err *err) {
        const char *name = in->args[0];
        autoptr(Reference) ref = NULL;
        Image **list = NULL;
        size_t n = 0, pushed = 0;
        int r;

        r = reference_parse(name, &ref, err);
        if (r < 0)
                return r;
        if (in->n_args > 1 || ref->digest ||
            strchr(strrchr(name, '/') ? strrchr(name, '/') : name, ':'))
                return refuse(err, EINVAL, "--all-tags takes one repository, without a tag");
        r = image_list(in->home, &list, &n, err);
        for (size_t i = 0; i < n && r >= 0; i++)
                strv_foreach(one, list[i]->names) {
                        const char *rest = str_after(*one, ref->name);

                        if (r < 0 || !rest || *rest != ':')
                                continue;
                        r = push_one(in, *one, *one, err);
                        pushed++;
                }
        image_list_free(list, n);
        if (r >= 0 && pushed == 0)
                return refuse(err, ENOENT, "there is no image of the repository '%s'", name);
        return r;
}

static int cmd_push(const CommandInput *in, Err *err) {
        const PushCommand *o = in->options;
        const char *from = in->args[0], *to = in->n_args > 1 ? in->args[1] : from;
        const char *rest = str_after(to, "docker://");
        int r = o->all_tags ? push_tags(in, err) : push_one(in, from, rest ? rest : to, err);

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
