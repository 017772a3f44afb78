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

typedef struct Users {
        Container **list;
        size_t n;
} Users;

static void users_auto(Users *users) {
        container_list_free(users->list, users->n);
}

static char *used_by(const char *image_id, void *context) {
        const Users *users = context;

        for (size_t i = 0; i < users->n; i++)
                if (str_equal(users->list[i]->image, image_id))
                        return strdup(users->list[i]->name);
        return NULL;
}

static int remove_one(const CommandInput *in, const char *name, Err *err) {
        __attribute__((__cleanup__(users_auto))) Users users = {};
        const RmiOptions *o = in->options;
        autostrv log = NULL;
        int r;

        r = container_list(in->home, true, &users.list, &users.n, err);
        if (r < 0)
                return r;
        r = image_remove(in->home, name, o->force, used_by, &users, &log, err);
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
