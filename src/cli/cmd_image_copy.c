/* SPDX-License-Identifier: GPL-2.0-or-later */

/* isola image copy: between registries, layouts, archives and the store, byte for byte. */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/str.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "cli/transfer_options.h"
#include "transfer/copy.h"

typedef struct ImageCopyOptions {
        TransferOptions transfer;
        const char *platform, *source_credentials, *dest_credentials;
        bool all_platforms, quiet;
} ImageCopyOptions;

static const Option options[] COMMAND_DATA = {
        OPT_FLAG(0, "all-platforms", ImageCopyOptions, all_platforms,
                 "The index and all that it names"),
        OPT_STRING(0, "dest-creds", ImageCopyOptions, dest_credentials, "USER:PASSWORD",
                   "Credentials where it goes"),
        OPT_STRING(0, "platform", ImageCopyOptions, platform, "OS/ARCH[/VARIANT]",
                   "Of an index, another platform's image"),
        OPT_FLAG('q', "quiet", ImageCopyOptions, quiet, "Do not show how it goes on"),
        OPT_STRING(0, "src-creds", ImageCopyOptions, source_credentials, "USER:PASSWORD",
                   "Credentials where it comes from"),
        TRANSFER_OPTIONS(ImageCopyOptions),
        {},
};

/* "oci:DIR:NAME" in its parts. */
typedef struct Operand {
        const char *kind; /* "docker", "oci", "oci-archive", "docker-archive", "dir", "isola" */
        char *path, *name;
} Operand;

static void operand_clear(Operand *o) {
        free(o->path);
        free(o->name);
}

static int parse_operand(const char *text, Operand *ret, Err *err) {
        static const char *const kinds[] = { "oci-archive", "docker-archive", "oci", "dir", NULL };
        const char *rest = str_after(text, "docker://");

        if (!rest)
                rest = str_after(text, "isola:");
        if (rest) {
                ret->kind = *text == 'd' ? "docker" : "isola";
                ret->name = strdup(rest);
                return ret->name ? 0 : fail(err, ENOMEM, "cannot copy");
        }
        for (const char *const *kind = kinds; *kind; kind++) {
                const char *colon;

                rest = str_after(text, *kind);
                if (!rest || *rest != ':' || !rest[1])
                        continue;
                colon = str_equal(*kind, "dir") ? NULL : strchr(rest + 1, ':');
                ret->kind = *kind;
                ret->path =
                        colon ? strndup(rest + 1, (size_t) (colon - rest - 1)) : strdup(rest + 1);
                ret->name = colon ? strdup(colon + 1) : NULL;
                return ret->path && (!colon || ret->name) ? 0 : fail(err, ENOMEM, "cannot copy");
        }
        return err_hint(err,
                        refuse(err, EINVAL, "'%s' does not say what kind of place it is", text),
                        "write docker://NAME, oci:DIR[:NAME], oci-archive:FILE[:NAME], "
                        "docker-archive:FILE[:NAME], dir:DIR or isola:NAME");
}

static int open_source(const CommandInput *in, const Operand *from, const PlaceOptions *place,
                       Source **ret, const SourceImage **ret_image, Err *err) {
        const ImageCopyOptions *o = in->options;
        size_t n;
        int r;

        if (str_equal(from->kind, "docker"))
                r = source_open_registry(in->home, from->name, place, ret, err);
        else if (str_equal(from->kind, "isola"))
                r = source_open_store(in->home, from->name,
                                      &(PackOptions){ .whole = o->all_platforms }, ret, err);
        else
                r = source_open_files(in->home, from->kind, from->path, ret, err);
        if (r < 0)
                return r;
        if (from->path)
                return source_find(*ret, from->name, ret_image, err);
        *ret_image = source_images(*ret, &n);
        if (o->all_platforms && str_equal(from->kind, "isola") && n > 1)
                (*ret_image)++; /* the index */
        return 0;
}

/* @ret_file: of an archive, to be closed by the caller. */
static int open_dest(const CommandInput *in, const Operand *to, const PlaceOptions *place,
                     Dest **ret, int *ret_file, Err *err) {
        if (str_equal(to->kind, "docker"))
                return dest_open_registry(to->name, place, ret, err);
        if (str_equal(to->kind, "isola"))
                return dest_open_store(in->home, ret, err);
        if (str_equal(to->kind, "oci"))
                return dest_open_dir(to->path, ret, err);
        if (str_equal(to->kind, "dir"))
                return dest_open_flat_dir(to->path, ret, err);
        *ret_file = open(to->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        if (*ret_file < 0)
                return err_hint(err, fail(err, errno, "cannot write '%s'", to->path),
                                "archives are written anew: remove it, or name another");
        return dest_open_archive(*ret_file, ret, err);
}

static int copy(const CommandInput *in, const Operand *from, const Operand *to, Err *err) {
        const ImageCopyOptions *o = in->options;
        autoprogress progress = {};
        CopyOptions how = { .platform = o->platform, .all_platforms = o->all_platforms };
        char *const names[] = { to->name, NULL };
        PlaceOptions source_place = {}, dest_place;
        char digest[DIGEST_LENGTH + 1];
        const SourceImage *image = NULL;
        autoptr(Source) source = NULL;
        autoptr(Dest) dest = NULL;
        autoclose int file = -EBADF;
        int r;

        r = transfer_place(&o->transfer, &source_place, err);
        if (r < 0)
                return r;
        dest_place = source_place;
        if (o->source_credentials)
                source_place.credentials = o->source_credentials;
        if (o->dest_credentials)
                dest_place.credentials = o->dest_credentials;
        progress_init(&progress, stdout, o->quiet);
        progress_watch(&progress, &how.watcher, "Copied");
        r = open_source(in, from, &source_place, &source, &image, err);
        if (r >= 0)
                r = open_dest(in, to, &dest_place, &dest, &file, err);
        if (r >= 0)
                r = copy_image(source, image, dest, names, &how, digest, err);
        if (r >= 0)
                r = dest_finish(dest, err);
        if (r < 0 && file >= 0)
                (void) unlink(to->path);
        if (r >= 0)
                puts(digest);
        return r;
}

static int cmd_image_copy(const CommandInput *in, Err *err) {
        __attribute__((__cleanup__(operand_clear))) Operand from = {};
        __attribute__((__cleanup__(operand_clear))) Operand to = {};
        int r;

        r = parse_operand(in->args[0], &from, err);
        if (r >= 0)
                r = parse_operand(in->args[1], &to, err);
        if (r >= 0)
                r = copy(in, &from, &to, err);
        return r < 0 ? err_prefix(err, r, "cannot copy '%s' to '%s'", in->args[0], in->args[1]) : 0;
}

COMMAND(image_copy) = {
        .name = "image copy",
        .group = "Images",
        .synopsis = "[OPTION...] SOURCE DESTINATION",
        .summary = "Copy an image between registries, layouts and archives",
        .options = options,
        .options_size = sizeof(ImageCopyOptions),
        .min_args = 2,
        .max_args = 2,
        .run = cmd_image_copy,
};
