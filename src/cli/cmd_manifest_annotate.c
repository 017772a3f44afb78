/* SPDX-License-Identifier: GPL-2.0-or-later */

/* isola manifest annotate: change what an index in the making says of an image. */

#include <string.h>

#include "base/str.h"
#include "cli/command.h"
#include "transfer/manifest_list.h"

typedef struct AnnotateOptions {
        const char *architecture, *os, *os_version, *variant;
        const char **annotations;
} AnnotateOptions;

static const Option options[] COMMAND_DATA = {
        OPT_LIST(0, "annotation", AnnotateOptions, annotations, "KEY=VALUE",
                 "An annotation of its entry"),
        OPT_STRING(0, "arch", AnnotateOptions, architecture, "ARCH", "Its architecture"),
        OPT_STRING(0, "os", AnnotateOptions, os, "OS", "Its operating system"),
        OPT_STRING(0, "os-version", AnnotateOptions, os_version, "VERSION",
                   "The version of its operating system"),
        OPT_STRING(0, "variant", AnnotateOptions, variant, "VARIANT", "Its architecture's variant"),
        {},
};

static int set(char **place, const char *value) {
        return value ? str_set(place, value) : 0;
}

static int annotate(const AnnotateOptions *o, OciDescriptor *d, Err *err) {
        int r = 0;

        if (!d->platform)
                d->platform = calloc(1, sizeof *d->platform);
        if (!d->platform || set(&d->platform->architecture, o->architecture) < 0 ||
            set(&d->platform->os, o->os) < 0 || set(&d->platform->os_version, o->os_version) < 0 ||
            set(&d->platform->variant, o->variant) < 0)
                return fail(err, ENOMEM, "cannot change it");
        strv_foreach(pair, o->annotations) {
                if (!strchr(*pair, '='))
                        return refuse(err, EINVAL, "'%s' is no KEY=VALUE", *pair);
                r = strv_env_set(&d->annotations, *pair);
                if (r < 0)
                        return fail(err, r, "cannot change it");
        }
        return 0;
}

static int cmd_manifest_annotate(const CommandInput *in, Err *err) {
        const char *name = in->args[0], *what = in->args[1];
        automanifestlist list = {};
        ManifestListItem *item;
        int r = manifest_list_load(in->home, name, &list, err);

        if (r < 0)
                return r;
        item = manifest_list_find(&list, what);
        if (!item)
                return refuse(err, ENOENT, "'%s' is not in the index '%s'", what, name);
        r = annotate(in->options, &item->descriptor, err);
        return r < 0 ? r : manifest_list_save(in->home, &list, err);
}

COMMAND(manifest_annotate) = {
        .name = "manifest annotate",
        .group = "Images",
        .synopsis = "[OPTION...] INDEX NAME",
        .summary = "Change what an index in the making says of an image",
        .options = options,
        .options_size = sizeof(AnnotateOptions),
        .min_args = 2,
        .max_args = 2,
        .run = cmd_manifest_annotate,
};
