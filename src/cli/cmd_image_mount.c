/* SPDX-License-Identifier: GPL-2.0-or-later */

/* isola image mount: an image's files at a place of the machine's. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/str.h"
#include "cli/command.h"
#include "store/image_mount.h"

static int list(const CommandInput *in, Err *err) {
        autostrv ids = NULL;
        int r = image_mounts(in->home, &ids, err);

        if (r < 0)
                return r;
        strv_foreach(id, ids) {
                autofree char *path = image_mount_path(in->home, *id);

                printf("%.12s  %s\n", digest_hex(*id), path ? path : "");
        }
        return 0;
}

static int cmd_image_mount(const CommandInput *in, Err *err) {
        if (in->n_args == 0)
                return list(in, err);
        for (char **name = in->args; *name; name++) {
                autoptr(Image) image = NULL;
                autofree char *path = NULL;
                int r = image_load(in->home, *name, &image, err);

                if (r >= 0)
                        r = image_mount(in->home, image, &path, err);
                if (r < 0)
                        return err_prefix(err, r, "image '%s'", *name);
                puts(path);
        }
        return 0;
}

COMMAND(image_mount) = {
        .name = "image mount",
        .group = "Images",
        .synopsis = "[IMAGE...]",
        .summary = "Mount images to look into, or list those that are mounted",
        .max_args = ARGS_ANY,
        .completes = "image",
        .run = cmd_image_mount,
};
