/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <jansson.h>

#include "cli/command.h"
#include "cli/format.h"
#include "engine/volume.h"

typedef struct InspectOptions {
        const char *format;
} InspectOptions;

static const Option options[] = {
        OPT_STRING('f', "format", InspectOptions, format, "FORMAT",
                   "Print as json or a Go template"),
        {},
};

/* Those that are there are shown, the others complained of. */
static int cmd_volume_inspect(const CommandInput *in, Err *err) {
        const InspectOptions *o = in->options;
        json_t *documents = json_array();
        int r, code = 0;

        for (char **name = in->args; *name; name++) {
                autoptr(Volume) v = NULL;
                autoerr why = {};

                if (volume_load(in->home, *name, &v, &why) >= 0)
                        json_array_append_new(documents, volume_inspect(in->home, v));
                else {
                        command_complain(&why);
                        code = 1;
                }
        }
        r = format_documents(documents, o->format, err);
        json_decref(documents);
        return r < 0 ? r : code;
}

COMMAND(volume_inspect) = {
        .name = "volume inspect",
        .group = "Volumes",
        .synopsis = "[OPTION...] VOLUME...",
        .summary = "Show everything about volumes",
        .options = options,
        .options_size = sizeof(InspectOptions),
        .min_args = 1,
        .max_args = ARGS_ANY,
        .completes = "volume",
        .run = cmd_volume_inspect,
};
