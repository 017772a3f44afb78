/* SPDX-License-Identifier: GPL-2.0-or-later */

/* isola builder cache export: a directory of RUN --mount=type=cache as a tar. */

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/file.h"
#include "base/str.h"
#include "builder/cache_mount.h"
#include "cli/command.h"
#include "store/tar_write.h"

typedef struct ExportOptions {
        const char *output;
} ExportOptions;

static const Option options[] COMMAND_DATA = {
        OPT_STRING('o', "output", ExportOptions, output, "FILE",
                   "Write to FILE instead of standard output", "file"),
        {},
};

static bool is_there(const Home *home, const char *id) {
        CacheMountInfo *list = NULL;
        bool found = false;
        size_t n = 0;

        if (cache_mount_list(home, &list, &n, NULL) < 0)
                return false;
        for (size_t i = 0; i < n; i++)
                found |= str_equal(list[i].id, id);
        cache_mount_list_free(list, n);
        return found;
}

static int write_some(void *context, const void *bytes, size_t n) {
        return fd_write_all(*(int *) context, bytes, n);
}

static int export(const Home *home, const char *id, int to, Err *err) {
        const RunMount mount = { .type = RUN_MOUNT_CACHE, .id = (char *) id, .mode = 0755 };
        CacheMount cache = { .lock = -EBADF };
        autoclose int data = -EBADF;
        int r = cache_mount_open(home, &mount, &cache, err);

        if (r >= 0) {
                data = open(cache.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                r = data < 0 ? fail(err, errno, "cannot open '%s'", cache.data)
                             : tar_write(data, TAR_NO_CLAMP, write_some, &to, err);
        }
        cache_mount_clear(&cache);
        return r;
}

static int cmd_builder_cache_export(const CommandInput *in, Err *err) {
        const ExportOptions *o = in->options;
        autoclose int file = -EBADF;
        int r;

        if (!is_there(in->home, in->args[0]))
                return err_hint(err, refuse(err, ENOENT, "there is no cache '%s'", in->args[0]),
                                "'isola builder cache ls' lists them");
        if (!o->output && isatty(STDOUT_FILENO))
                return err_hint(err,
                                refuse(err, EINVAL,
                                       "standard output is a terminal, a tar is not "
                                       "for reading"),
                                "redirect it, or give --output FILE");
        if (!o->output)
                return export(in->home, in->args[0], STDOUT_FILENO, err);
        file = open(o->output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (file < 0)
                return fail(err, errno, "cannot write '%s'", o->output);
        r = export(in->home, in->args[0], file, err);
        if (r < 0)
                (void) unlink(o->output);
        return r;
}

COMMAND(builder_cache_export) = {
        .name = "builder cache export",
        .group = "Images",
        .synopsis = "[OPTION...] ID",
        .summary = "Write a directory of RUN --mount=type=cache out as a tar",
        .options = options,
        .options_size = sizeof(ExportOptions),
        .min_args = 1,
        .max_args = 1,
        .run = cmd_builder_cache_export,
};
