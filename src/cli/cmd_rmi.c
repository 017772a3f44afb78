/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/log.h"
#include "base/str.h"
#include "cli/command.h"
#include "engine/container.h"
#include "store/image.h"

typedef struct RmiOptions {
        bool force;
} RmiOptions;

static const Option options[] = {
        OPT_FLAG('f', "force", RmiOptions, force,
                 "Also one with several names; of one in use only the names"),
        {},
};

/* Looks at the containers anew each time: one may have been made since. */
static char *used_by(const char *image_id, void *context) {
        Container **list = NULL;
        char *name = NULL;
        size_t n = 0;

        if (container_list(context, true, &list, &n, NULL) < 0)
                return strdup("(unknown)");
        for (size_t i = 0; i < n && !name; i++)
                if (str_equal(list[i]->image, image_id))
                        name = strdup(list[i]->name);
        container_list_free(list, n);
        return name;
}

static int remove_one(const CommandInput *in, const char *name, Err *err) {
        const RmiOptions *o = in->options;
        autostrv log = NULL;
        int r;

        r = image_remove(in->home, name, o->force, used_by, (void *) in->home, &log, err);
        if (r < 0)
                return r;
        strv_foreach(line, log)
                puts(*line);
        return 0;
}

/* One that cannot be removed does not keep the others. */
static int cmd_rmi(const CommandInput *in, Err *err) {
        int result = 0;

        for (char **name = in->args; *name; name++) {
                autoerr own = {};
                int r = remove_one(in, *name, &own);

                if (r >= 0)
                        continue;
                if (result < 0) {
                        log_warn("%s", own.message ? own.message : "out of memory");
                        continue;
                }
                result = refuse(err, r, "%s", own.message ? own.message : "out of memory");
                if (own.hint)
                        (void) err_hint(err, r, "%s", own.hint);
        }
        return result;
}

COMMAND(rmi) = {
        .name = "rmi",
        .alias = "image rm,image remove",
        .group = "Images",
        .synopsis = "[OPTION...] IMAGE...",
        .summary = "Remove images",
        .options = options,
        .options_size = sizeof(RmiOptions),
        .min_args = 1,
        .max_args = ARGS_ANY,
        .completes = "image",
        .run = cmd_rmi,
};
