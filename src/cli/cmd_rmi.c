/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/log.h"
#include "base/str.h"
#include "cli/command.h"
#include "cli/image_prune.h"
#include "store/image.h"

typedef struct RmiOptions {
        bool force;
} RmiOptions;

static const Option options[] COMMAND_DATA = {
        OPT_FLAG('f', "force", RmiOptions, force,
                 "Also one with several names; of one in use only the names"),
        {},
};

static int remove_one(const CommandInput *in, const char *name, Err *err) {
        const RmiOptions *o = in->options;
        autostrv log = NULL;
        int r;

        r = image_remove(in->home, name, o->force, image_user, (void *) in->home, &log, err);
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
