/* SPDX-License-Identifier: GPL-2.0-or-later */

/* isola save: images into an archive that `load` of isola, Docker and Podman read. */

#include <fcntl.h>
#include <stdio.h>

#include "base/auto.h"
#include "base/file.h"
#include "base/str.h"
#include "cli/command.h"
#include "transfer/copy.h"

typedef struct SaveOptions {
        const char *output;
} SaveOptions;

static const Option options[] COMMAND_DATA = {
        OPT_STRING('o', "output", SaveOptions, output, "FILE",
                   "Write to this file, not to standard output", "file"),
        {},
};

/* An image that was asked for by its id is saved without its names, as with Docker. */
static int save_one(const CommandInput *in, const char *name, Dest *dest, Err *err) {
        const CopyOptions copy = {};
        char digest[DIGEST_LENGTH + 1];
        autoptr(Source) source = NULL;
        autostrv names = NULL;
        size_t n;
        int r;

        r = source_open_store(in->home, name, &(PackOptions){}, &source, err);
        if (r < 0)
                return r;
        r = source_names_for(&source_images(source, &n)[0], name, &names);
        if (r < 0)
                return fail(err, r, "cannot save '%s'", name);
        return copy_image(source, &source_images(source, &n)[0], dest, names, &copy, digest, err);
}

static int save_to(const CommandInput *in, int file, Err *err) {
        autoptr(Dest) dest = NULL;
        int r;

        r = dest_open_archive(file, &dest, err);
        for (char **name = in->args; *name && r >= 0; name++)
                r = save_one(in, *name, dest, err);
        return r < 0 ? r : dest_finish(dest, err);
}

static int save_to_file(const CommandInput *in, const char *path, Err *err) {
        autofree char *temporary = str_format("%s.part-%d", path, (int) getpid());
        autoclose int file = -EBADF;
        int r;

        if (!temporary)
                return fail(err, ENOMEM, "cannot save");
        file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (file < 0)
                return fail(err, errno, "cannot write '%s'", path);
        r = save_to(in, file, err);
        if (r >= 0 && rename(temporary, path) < 0)
                r = fail(err, errno, "cannot write '%s'", path);
        if (r < 0)
                (void) unlink(temporary);
        return r;
}

static int cmd_save(const CommandInput *in, Err *err) {
        const SaveOptions *o = in->options;

        if (o->output && !str_equal(o->output, "-"))
                return save_to_file(in, o->output, err);
        if (isatty(STDOUT_FILENO))
                return err_hint(err, refuse(err, EINVAL, "standard output is a terminal"),
                                "name a file with -o, or redirect it");
        return save_to(in, STDOUT_FILENO, err);
}

COMMAND(save) = {
        .name = "save",
        .alias = "image save",
        .group = "Images",
        .synopsis = "[OPTION...] IMAGE...",
        .summary = "Write images to an archive",
        .options = options,
        .options_size = sizeof(SaveOptions),
        .min_args = 1,
        .max_args = ARGS_ANY,
        .completes = "image",
        .run = cmd_save,
};
