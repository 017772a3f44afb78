/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "cli/command.h"
#include "store/image.h"

static int cmd_tag(const CommandInput *in, Err *err) {
        return image_tag(in->home, in->args[0], in->args[1], err);
}

COMMAND(tag) = {
        .name = "tag",
        .alias = "image tag",
        .group = "Images",
        .synopsis = "IMAGE[:TAG] NAME[:TAG]",
        .summary = "Give an image one more name",
        .min_args = 2,
        .max_args = 2,
        .completes = "image",
        .run = cmd_tag,
};
