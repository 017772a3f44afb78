/* SPDX-License-Identifier: GPL-2.0-or-later */

/* isola image unmount: the end of `image mount`. */

#include <errno.h>
#include <stdio.h>

#include "base/auto.h"
#include "base/str.h"
#include "cli/command.h"
#include "store/image_mount.h"

typedef struct UnmountOptions {
        bool all;
} UnmountOptions;

static const Option options[] COMMAND_DATA = {
        OPT_FLAG('a', "all", UnmountOptions, all, "All that are mounted"),
        {},
};

static int unmount(const CommandInput *in, const char *id, Err *err) {
        int r = image_unmount(in->home, id, err);

        if (r == 0)
                return refuse(err, EINVAL, "image '%.12s' is not mounted", digest_hex(id));
        if (r > 0)
                puts(id);
        return r < 0 ? r : 0;
}

static int cmd_image_unmount(const CommandInput *in, Err *err) {
        const UnmountOptions *o = in->options;
        autostrv ids = NULL;
        int r = 0;

        if (!o->all && in->n_args == 0)
                return refuse(err, EINVAL, "name an image, or give --all");
        if (o->all)
                r = image_mounts(in->home, &ids, err);
        for (char **name = in->args; r >= 0 && *name; name++) {
                autoptr(Image) image = NULL;

                r = image_load(in->home, *name, &image, err);
                if (r >= 0 && strv_add(&ids, image->id) < 0)
                        r = fail(err, ENOMEM, "cannot unmount");
        }
        for (char **id = ids; r >= 0 && id && *id; id++)
                r = unmount(in, *id, err);
        return r;
}

COMMAND(image_unmount) = {
        .name = "image unmount",
        .alias = "image umount",
        .group = "Images",
        .synopsis = "[OPTION...] IMAGE...",
        .summary = "Unmount images that were mounted to look into",
        .options = options,
        .options_size = sizeof(UnmountOptions),
        .max_args = ARGS_ANY,
        .completes = "image",
        .run = cmd_image_unmount,
};
