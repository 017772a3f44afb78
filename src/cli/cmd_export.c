/* SPDX-License-Identifier: GPL-2.0-or-later */

/* isola export: a container's files as a tar. */

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/file.h"
#include "base/str.h"
#include "cli/command.h"
#include "engine/changes.h"
#include "engine/userns.h"
#include "store/tar_write.h"

typedef struct ExportOptions {
        const char *output;
} ExportOptions;

static const Option options[] COMMAND_DATA = {
        OPT_STRING('o', "output", ExportOptions, output, "FILE",
                   "Write to FILE instead of standard output", "file"),
        {},
};

static int write_some(void *context, const void *bytes, size_t n) {
        return fd_write_all(*(int *) context, bytes, n);
}

static int export(Container *c, int to, Err *err) {
        autoclose int tree = container_open_tree(c, err);

        int r = tree < 0 ? tree : userns_enter(c, err);

        return r < 0 ? r : tar_write(tree, TAR_NO_CLAMP, write_some, &to, err);
}

static int cmd_export(const CommandInput *in, Err *err) {
        const ExportOptions *o = in->options;
        autoptr(Container) c = NULL;
        autoclose int file = -EBADF;
        int r;

        if (!o->output && isatty(STDOUT_FILENO))
                return err_hint(err,
                                refuse(err, EINVAL,
                                       "standard output is a terminal, a tar is not "
                                       "for reading"),
                                "redirect it, or give --output FILE");
        r = container_load(in->home, in->args[0], &c, err);
        if (r < 0)
                return r;
        if (!o->output)
                return export(c, STDOUT_FILENO, err);
        file = open(o->output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (file < 0)
                return fail(err, errno, "cannot write '%s'", o->output);
        r = export(c, file, err);
        if (r < 0)
                (void) unlink(o->output);
        return r;
}

COMMAND(export) = {
        .name = "export",
        .alias = "container export",
        .group = "Containers",
        .synopsis = "[OPTION...] CONTAINER",
        .summary = "Write a container's files out as a tar archive",
        .options = options,
        .options_size = sizeof(ExportOptions),
        .min_args = 1,
        .max_args = 1,
        .completes = "container",
        .run = cmd_export,
};
