/* SPDX-License-Identifier: GPL-2.0-or-later */

/* isola image import: a root file system's archive becomes an image. */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "base/log.h"
#include "base/str.h"
#include "builder/config.h"
#include "cli/command.h"
#include "store/image.h"

typedef struct ImportOptions {
        const char **changes;
        const char *message;
} ImportOptions;

static const Option options[] COMMAND_DATA = {
        OPT_LIST('c', "change", ImportOptions, changes, "INSTRUCTION",
                 "Apply a Dockerfile instruction: CMD, ENV, USER, …"),
        OPT_STRING('m', "message", ImportOptions, message, "TEXT",
                   "Say this in the image's history"),
        {},
};

static int open_archive(const char *path, Err *err) {
        autoclose int archive = -EBADF;
        struct stat st;

        if (str_equal(path, "-")) {
                if (isatty(STDIN_FILENO))
                        return err_hint(err, refuse(err, EINVAL, "standard input is a terminal"),
                                        "give it an archive: isola image import - NAME < FILE");
                archive = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
                return archive < 0 ? fail(err, errno, "cannot read standard input")
                                   : take_fd(archive);
        }
        if (str_after(path, "http://") || str_after(path, "https://"))
                return err_hint(err, refuse(err, EINVAL, "'%s' is not on this machine", path),
                                "fetch it first: curl -L URL | isola image import - NAME");
        archive = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (archive < 0)
                return fail(err, errno, "cannot open '%s'", path);
        if (fstat(archive, &st) < 0)
                return fail(err, errno, "cannot examine '%s'", path);
        if (S_ISDIR(st.st_mode))
                return err_hint(err, refuse(err, EISDIR, "'%s' is a directory", path),
                                "pack it first: tar -C '%s' -c . | isola image import - NAME",
                                path);
        return take_fd(archive);
}

static int apply_change(StageState *state, const char *change, Err *err) {
        Instruction instruction = {};
        BuildArguments arguments = {};
        autofree char *text = NULL;
        int r;

        r = instruction_parse(change, '\\', &instruction, err);
        if (r >= 0)
                r = config_apply(state, &arguments, &instruction, '\\', &text, err);
        instruction_clear(&instruction);
        if (r == -ENOTSUP && err->code == 0)
                return err_hint(err, refuse(err, EINVAL, "it changes more than the configuration"),
                                "CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, STOPSIGNAL, USER, VOLUME and "
                                "WORKDIR can be given here");
        return r;
}

/* Fills the config from --change; the history says nothing of it, as with Docker. */
static int apply_changes(const ImportOptions *o, OciImage *config, Err *err) {
        autostage state = {};

        for (const char **change = o->changes; change && *change; change++) {
                int r = apply_change(&state, *change, err);

                if (r < 0)
                        return err_prefix(err, r, "--change '%s'", *change);
        }
        *config = state.image;
        state.image = (OciImage){};
        return 0;
}

static int cmd_image_import(const CommandInput *in, Err *err) {
        const ImportOptions *o = in->options;
        const char *path = in->args[0], *name = in->n_args > 1 ? in->args[1] : NULL;
        autofree char *comment = NULL;
        autoclose int archive = -EBADF;
        autoptr(Image) image = NULL;
        TreeReport report = {};
        OciImage config = {};
        int r;

        comment = o->message ? strdup(o->message) : str_format("Imported from %s", path);
        if (!comment)
                return fail(err, ENOMEM, "cannot import '%s'", path);
        archive = open_archive(path, err);
        if (archive < 0)
                return archive;
        r = apply_changes(o, &config, err);
        if (r < 0)
                return r;
        r = image_import(in->home, &(ImportSource){ archive, comment, NULL, NULL }, &config, name,
                         &report, &image, err);
        json_clear(&oci_image_type, &config);
        if (r < 0)
                return err_prefix(err, r, "cannot import '%s'", path);
        if (report.devices)
                log_warn("%lld device nodes were left out: a container gets a /dev of its own",
                         (long long) report.devices);
        puts(image->id);
        return 0;
}

COMMAND(image_import) = {
        .name = "image import",
        .alias = "import",
        .group = "Images",
        .synopsis = "[OPTION...] FILE|- [NAME[:TAG]]",
        .summary = "Make an image from a root file system's archive",
        .options = options,
        .options_size = sizeof(ImportOptions),
        .min_args = 1,
        .max_args = 2,
        .completes = "file",
        .run = cmd_image_import,
};
