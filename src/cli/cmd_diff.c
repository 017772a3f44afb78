/* SPDX-License-Identifier: GPL-2.0-or-later */

/* isola diff: what a container has changed in its file system. */

#include <stdio.h>

#include "base/auto.h"
#include "base/str.h"
#include "cli/command.h"
#include "engine/changes.h"

static int cmd_diff(const CommandInput *in, Err *err) {
        autoptr(Container) c = NULL;
        Changes changes = {};
        int r;

        r = container_load(in->home, in->args[0], &c, err);
        if (r >= 0)
                r = container_changes(c, &changes, err);
        for (size_t i = 0; r >= 0 && i < changes.n_list; i++) {
                autofree char *path = str_printable(changes.list[i].path);

                printf("%c %s\n", "CAD"[changes.list[i].kind], path ? path : "");
        }
        changes_clear(&changes);
        return r < 0 ? r : 0;
}

COMMAND(diff) = {
        .name = "diff",
        .alias = "container diff",
        .group = "Containers",
        .synopsis = "CONTAINER",
        .summary = "Show which files a container added, changed or deleted",
        .min_args = 1,
        .max_args = 1,
        .completes = "container",
        .run = cmd_diff,
};
