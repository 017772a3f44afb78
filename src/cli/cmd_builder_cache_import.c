/* SPDX-License-Identifier: GPL-2.0-or-later */

/* isola builder cache import: fill a directory of RUN --mount=type=cache from a tar. */

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/str.h"
#include "builder/cache_mount.h"
#include "cli/command.h"
#include "store/tree.h"

static int import(const Home *home, const char *id, int archive, Err *err) {
        const RunMount mount = { .type = RUN_MOUNT_CACHE,
                                 .sharing = RUN_MOUNT_LOCKED,
                                 .id = (char *) id,
                                 .mode = 0755 };
        CacheMount cache = { .lock = -EBADF };
        TreeReport report;
        int r = cache_mount_open(home, &mount, &cache, err);

        if (r >= 0)
                r = tree_unpack(&(TreeView){ .upper = cache.data }, archive, UNPACK_PLAIN, "/", 0,
                                &report, err);
        cache_mount_clear(&cache);
        return r;
}

static int cmd_builder_cache_import(const CommandInput *in, Err *err) {
        const char *path = in->args[1];
        autoclose int file = -EBADF;

        if (!path || str_equal(path, "-"))
                return import(in->home, in->args[0], STDIN_FILENO, err);
        file = open(path, O_RDONLY | O_CLOEXEC);
        if (file < 0)
                return fail(err, errno, "cannot read '%s'", path);
        return import(in->home, in->args[0], file, err);
}

COMMAND(builder_cache_import) = {
        .name = "builder cache import",
        .group = "Images",
        .synopsis = "ID [FILE|-]",
        .summary = "Fill a directory of RUN --mount=type=cache from a tar",
        .min_args = 1,
        .max_args = 2,
        .completes = "file",
        .run = cmd_builder_cache_import,
};
