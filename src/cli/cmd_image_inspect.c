/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <jansson.h>

#include "base/auto.h"
#include "cli/command.h"
#include "cli/format.h"
#include "store/image.h"

typedef struct InspectOptions {
        const char *format;
} InspectOptions;

static const Option options[] = {
        OPT_STRING('f', "format", InspectOptions, format, "FORMAT",
                   "Print as json or a Go template"),
        {},
};

static int cmd_image_inspect(const CommandInput *in, Err *err) {
        const InspectOptions *o = in->options;
        json_t *documents = json_array();
        int r = 0;

        for (char **name = in->args; *name && r >= 0; name++) {
                autoptr(Image) image = NULL;

                r = image_load(in->home, *name, &image, err);
                if (r >= 0)
                        r = image_load_names(in->home, image, err);
                if (r >= 0)
                        json_array_append_new(documents, image_inspect(image));
        }
        if (r >= 0)
                r = format_documents(documents, o->format, err);
        json_decref(documents);
        return r;
}

COMMAND(image_inspect) = {
        .name = "image inspect",
        .group = "Images",
        .synopsis = "[OPTION...] IMAGE...",
        .summary = "Show all that is known of images",
        .options = options,
        .options_size = sizeof(InspectOptions),
        .min_args = 1,
        .max_args = ARGS_ANY,
        .completes = "image",
        .run = cmd_image_inspect,
};
