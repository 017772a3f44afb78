/* SPDX-License-Identifier: GPL-2.0-or-later */

/* isola image delete: take an image away from its registry. */

#include <stdio.h>

#include "base/str.h"
#include "cli/command.h"
#include "cli/remote_image.h"
#include "cli/transfer_options.h"

typedef struct DeleteOptions {
        TransferOptions transfer;
        bool tag_only;
} DeleteOptions;

static const Option options[] COMMAND_DATA = {
        OPT_FLAG(0, "tag-only", DeleteOptions, tag_only,
                 "The tag alone; few registries can do that"),
        TRANSFER_OPTIONS(DeleteOptions),
        {},
};

static int delete_one(const DeleteOptions *o, const char *name, Err *err) {
        NetOp op = { .kind = (char *) "delete" };
        autoremoteimage image = {};
        autodocument document = {};
        PlaceOptions place = {};
        NetReply reply = {};
        int r;

        if (!str_after(name, "docker://"))
                return err_hint(
                        err,
                        refuse(err, EINVAL, "'%s' does not say that a registry's is meant", name),
                        "write docker://%s; 'isola rmi' takes away what is here", name);
        r = transfer_place(&o->transfer, &place, err);
        if (r >= 0)
                r = remote_image_open(name, &place, false, &image, err);
        if (r < 0)
                return r;
        if (o->tag_only && (image.ref->digest || !image.ref->tag))
                return refuse(err, EINVAL, "'%s' names no tag", name);
        /* The registry removes manifests by their digests. */
        if (!o->tag_only && !image.ref->digest)
                r = remote_image_fetch(&image, &document, err);
        if (r < 0)
                return r;
        op.repository = image.repository;
        op.reference = o->tag_only         ? image.ref->tag
                       : image.ref->digest ? image.ref->digest
                                           : document.digest;
        r = remote_call(image.remote, &op, -EBADF, NULL, NULL, &reply, err);
        json_clear(&net_reply_type, &reply);
        if (r < 0)
                return r;
        printf("%s: %s/%s%c%s\n", o->tag_only ? "Untagged" : "Deleted", image.registry,
               image.repository, o->tag_only ? ':' : '@', op.reference);
        return 0;
}

static int cmd_image_delete(const CommandInput *in, Err *err) {
        for (char **name = in->args; *name; name++) {
                int r = delete_one(in->options, *name, err);

                if (r < 0)
                        return err_prefix(err, r, "cannot delete '%s'", *name);
        }
        return 0;
}

COMMAND(image_delete) = {
        .name = "image delete",
        .group = "Images",
        .synopsis = "[OPTION...] docker://NAME[:TAG|@DIGEST]...",
        .summary = "Take images away from their registry",
        .options = options,
        .options_size = sizeof(DeleteOptions),
        .min_args = 1,
        .max_args = ARGS_ANY,
        .run = cmd_image_delete,
};
