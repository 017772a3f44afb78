/* SPDX-License-Identifier: GPL-2.0-or-later */

/* isola load: images out of an archive. */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/str.h"
#include "cli/command.h"
#include "cli/image_prune.h"
#include "cli/progress.h"
#include "cli/transfer_options.h"
#include "oci/reference.h"
#include "transfer/copy.h"

typedef struct LoadOptions {
        const char *input, *platform;
        bool quiet;
} LoadOptions;

static const Option options[] COMMAND_DATA = {
        OPT_STRING('i', "input", LoadOptions, input, "FILE",
                   "Read this file or OCI layout, not standard input", "file"),
        OPT_STRING(0, "platform", LoadOptions, platform, "OS/ARCH[/VARIANT]",
                   "Of an index, another platform's image"),
        OPT_FLAG('q', "quiet", LoadOptions, quiet, "Do not show how it goes on"),
        {},
};

static int open_source(const CommandInput *in, const char *path, Source **ret, Err *err) {
        if (path && !str_equal(path, "-"))
                return source_open_files(in->home, NULL, path, ret, err);
        if (isatty(STDIN_FILENO))
                return err_hint(err, refuse(err, EINVAL, "standard input is a terminal"),
                                "name a file with -i, or redirect it");
        return source_open_archive(in->home, STDIN_FILENO, ret, err);
}

/* What it is called as a reference: a tag alone is no name. */
static int names_of(const SourceImage *image, char ***ret) {
        strv_foreach(name, image->names) {
                autoptr(Reference) ref = NULL;
                autofree char *text = NULL;

                if ((!strchr(*name, ':') && !strchr(*name, '/')) ||
                    reference_parse(*name, &ref, NULL) < 0 || !ref->tag)
                        continue;
                text = reference_text(ref);
                if (!text || (!strv_has(*ret, text) && strv_add(ret, text) < 0))
                        return -ENOMEM;
        }
        return 0;
}

static int load_one(const CommandInput *in, Source *source, const SourceImage *image, Dest *dest,
                    Err *err) {
        const LoadOptions *o = in->options;
        autoprogress progress = {};
        CopyOptions copy = { .platform = o->platform };
        char digest[DIGEST_LENGTH + 1];
        autostrv names = NULL;
        size_t before = strv_length(dest_ids(dest));
        int r;

        if (names_of(image, &names) < 0)
                return fail(err, ENOMEM, "cannot load");
        progress_init(&progress, stderr, o->quiet || !isatty(STDERR_FILENO));
        progress_watch(&progress, &copy.watcher, "Loaded");
        r = copy_image(source, image, dest, names, &copy, digest, err);
        if (r < 0)
                return r;
        strv_foreach(name, names)
                printf("Loaded image: %s\n", *name);
        if (!names && strv_length(dest_ids(dest)) > before)
                printf("Loaded image ID: %s\n", dest_ids(dest)[before]);
        return 0;
}

static int cmd_load(const CommandInput *in, Err *err) {
        const LoadOptions *o = in->options;
        autoptr(Source) source = NULL;
        const SourceImage *images;
        autoptr(Dest) dest = NULL;
        size_t n;
        int r;

        r = open_source(in, o->input, &source, err);
        if (r >= 0)
                r = dest_open_store(in->home, &dest, err);
        if (r < 0)
                return err_prefix(err, r, "cannot load");
        images = source_images(source, &n);
        if (n == 0)
                return refuse(err, ENOENT, "there is no image in it");
        for (size_t i = 0; i < n && r >= 0; i++)
                r = load_one(in, source, &images[i], dest, err);
        dest = dest_free(dest);
        images_finish_removals(in->home);
        return r < 0 ? err_prefix(err, r, "cannot load") : 0;
}

COMMAND(load) = {
        .name = "load",
        .alias = "image load",
        .group = "Images",
        .synopsis = "[OPTION...]",
        .summary = "Read images from an archive",
        .options = options,
        .options_size = sizeof(LoadOptions),
        .max_args = 0,
        .run = cmd_load,
};
