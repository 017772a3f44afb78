/* SPDX-License-Identifier: GPL-2.0-or-later */

/* isola image tags: all tags of a repository at its registry. */

#include <jansson.h>
#include <stdio.h>

#include "base/str.h"
#include "cli/command.h"
#include "cli/format.h"
#include "cli/remote_image.h"
#include "cli/transfer_options.h"

typedef struct TagsOptions {
        TransferOptions transfer;
        bool json;
} TagsOptions;

static const Option options[] COMMAND_DATA = {
        OPT_FLAG(0, "json", TagsOptions, json, "As a JSON document, as skopeo list-tags has it"),
        TRANSFER_OPTIONS(TagsOptions),
        {},
};

static int print(const TagsOptions *o, const RemoteImage *image, const NetList *list, Err *err) {
        autofree char *text = NULL;
        json_t *tags = json_array(), *document;

        for (size_t i = 0; i < list->n_items; i++) {
                autofree char *tag = str_printable(list->items[i].name);

                if (!o->json)
                        puts(tag ? tag : "");
                json_array_append_new(tags, json_string(list->items[i].name));
        }
        document =
                json_pack("{s:o, s:o}", "Repository",
                          json_sprintf("%s/%s", image->registry, image->repository), "Tags", tags);
        text = json_dumps(document, JSON_COMPACT);
        json_decref(document);
        if (!text)
                return fail(err, ENOMEM, "cannot print the tags");
        if (o->json)
                format_print_json(text);
        return 0;
}

static int cmd_image_tags(const CommandInput *in, Err *err) {
        const TagsOptions *o = in->options;
        autoremoteimage image = {};
        autofree char *text = NULL;
        PlaceOptions place = {};
        NetList list = {};
        NetOp op = { .kind = (char *) "tags" };
        size_t size;
        int r;

        r = transfer_place(&o->transfer, &place, err);
        if (r >= 0)
                r = remote_image_open(in->args[0], &place, false, &image, err);
        op.repository = image.repository;
        if (r >= 0)
                r = remote_text(image.remote, &op, &text, &size, NULL, err);
        if (r >= 0)
                r = json_parse(&net_list_type, text, size, "the registry's list", &list, err);
        if (r >= 0)
                r = print(o, &image, &list, err);
        json_clear(&net_list_type, &list);
        return r < 0 ? err_prefix(err, r, "cannot list the tags of '%s'", in->args[0]) : 0;
}

COMMAND(image_tags) = {
        .name = "image tags",
        .group = "Images",
        .synopsis = "[OPTION...] REPOSITORY",
        .summary = "List the tags of a repository at its registry",
        .options = options,
        .options_size = sizeof(TagsOptions),
        .min_args = 1,
        .max_args = 1,
        .run = cmd_image_tags,
};
