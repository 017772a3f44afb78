/* SPDX-License-Identifier: GPL-2.0-or-later */

/* isola logout: forget who we are at a registry. */

#include <stdio.h>

#include "base/auto.h"
#include "base/str.h"
#include "cli/command.h"
#include "transfer/auth.h"

typedef struct LogoutOptions {
        const char *authfile;
        bool all;
} LogoutOptions;

static const Option options[] COMMAND_DATA = {
        OPT_FLAG('a', "all", LogoutOptions, all, "All registries of the file"),
        OPT_STRING(0, "authfile", LogoutOptions, authfile, "FILE",
                   "Credentials, instead of Docker's file", "file"),
        {},
};

static int log_out(const char *registry, const char *file, Err *err) {
        autofree char *where = NULL;
        int r = auth_erase(registry, file, &where, err);

        if (r < 0)
                return err_prefix(err, r, "cannot log out of '%s'", registry);
        if (r == 0)
                printf("Not logged in to %s\n", registry);
        else
                printf("Removing login credentials for %s from %s\n", registry, where);
        return 0;
}

static int cmd_logout(const CommandInput *in, Err *err) {
        const LogoutOptions *o = in->options;
        autostrv all = NULL;
        int r = 0;

        if (!o->all)
                return log_out(in->n_args ? in->args[0] : "docker.io", o->authfile, err);
        r = auth_list(o->authfile, &all, err);
        strv_foreach(registry, all)
                if (r >= 0)
                        r = log_out(*registry, o->authfile, err);
        return r;
}

COMMAND(logout) = {
        .name = "logout",
        .group = "Images",
        .synopsis = "[OPTION...] [REGISTRY]",
        .summary = "Forget who you are to a registry",
        .options = options,
        .options_size = sizeof(LogoutOptions),
        .max_args = 1,
        .run = cmd_logout,
};
