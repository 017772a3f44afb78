/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <jansson.h>

#include "cli/command.h"
#include "cli/format.h"
#include "engine/network.h"

typedef struct InspectOptions {
        const char *format;
} InspectOptions;

static const Option options[] = {
        OPT_STRING('f', "format", InspectOptions, format, "FORMAT",
                   "Print as json or a Go template"),
        {},
};

/* Those that are there are shown, the others complained of. */
static int cmd_network_inspect(const CommandInput *in, Err *err) {
        const InspectOptions *o = in->options;
        json_t *documents = json_array();
        int r, code = 0;

        for (char **name = in->args; *name; name++) {
                autoptr(Network) n = NULL;
                json_t *document;
                autoerr why = {};

                r = network_load(in->home, *name, &n, &why);
                if (r >= 0)
                        r = network_inspect(in->home, n, &document, &why);
                if (r >= 0)
                        json_array_append_new(documents, document);
                else {
                        command_complain(&why);
                        code = 1;
                }
        }
        r = format_documents(documents, o->format, err);
        json_decref(documents);
        return r < 0 ? r : code;
}

COMMAND(network_inspect) = {
        .name = "network inspect",
        .group = "Networks",
        .synopsis = "[OPTION...] NETWORK...",
        .summary = "Show everything about networks, and who is in them",
        .options = options,
        .options_size = sizeof(InspectOptions),
        .min_args = 1,
        .max_args = ARGS_ANY,
        .completes = "network",
        .run = cmd_network_inspect,
};
