/* SPDX-License-Identifier: GPL-2.0-or-later */

/* isola image inspect: an image that is here, or, as docker://NAME, one at its registry. */

#include <jansson.h>
#include <string.h>

#include "base/str.h"
#include "cli/inspect_each.h"
#include "cli/remote_image.h"
#include "cli/transfer_options.h"
#include "store/image.h"

typedef struct InspectOptions {
        TransferOptions transfer;
        const char *format, *platform;
} InspectOptions;

static const Option options[] COMMAND_DATA = {
        OPT_STRING('f', "format", InspectOptions, format, "FORMAT",
                   "Print as json or a Go template"),
        OPT_STRING(0, "platform", InspectOptions, platform, "OS/ARCH[/VARIANT]",
                   "Another platform's image than this machine's, at a registry"),
        TRANSFER_OPTIONS(InspectOptions),
        {},
};

/* The same document as if it had been pulled, but for the places of its layers; its size is what
 * would be pulled. */
static int describe(const RemoteImage *at, const Document *top, const Document *manifest,
                    const Document *config, json_t **ret, Err *err) {
        autofree char *name = str_format("%s:%s", at->ref->name, at->ref->tag ? at->ref->tag : "");
        autofree char *digest = str_format("%s@%s", at->ref->name, top->digest);
        char *names[] = { at->ref->tag ? name : NULL, NULL }, *digests[] = { digest, NULL };
        const OciManifest *m = manifest->said.manifest;
        Image image = { .config = *config->said.image, .names = names, .repo_digests = digests };

        memcpy(image.id, config->digest, sizeof image.id);
        memcpy(image.manifest_digest, manifest->digest, sizeof image.manifest_digest);
        for (size_t i = 0; i < m->n_layers; i++)
                image.size += m->layers[i].size;
        *ret = name && digest ? image_inspect(&image) : NULL;
        return *ret ? 0 : fail(err, ENOMEM, "cannot inspect");
}

static int inspect_remote(const InspectOptions *o, const char *name, json_t **ret, Err *err) {
        autodocument top = {}, manifest = {}, config = {};
        autoremoteimage at = {};
        PlaceOptions place = {};
        const Document *one = &manifest;
        int r;

        r = transfer_place(&o->transfer, &place, err);
        if (r >= 0)
                r = remote_image_open(name, &place, true, &at, err);
        if (r >= 0)
                r = remote_image_fetch(&at, &top, err);
        if (r >= 0 && top.said.manifest)
                one = &top;
        else if (r >= 0)
                r = remote_image_choose(&at, o->platform, &top, &manifest, err);
        if (r >= 0)
                r = document_fetch_config(at.remote, at.repository, &one->said.manifest->config,
                                          one->said.manifest->n_layers, &config, err);
        if (r >= 0)
                r = describe(&at, &top, one, &config, ret, err);
        return r < 0 ? err_prefix(err, r, "cannot inspect '%s'", name) : 0;
}

static int inspect(const Home *home, const char *name, const void *data, json_t **ret, Err *err) {
        return str_after(name, "docker://") ? inspect_remote(data, name, ret, err)
                                            : inspect_image(home, name, data, ret, err);
}

static int cmd_image_inspect(const CommandInput *in, Err *err) {
        const InspectOptions *o = in->options;

        return inspect_each(in, inspect, o->format, err);
}

COMMAND(image_inspect) = {
        .name = "image inspect",
        .group = "Images",
        .synopsis = "[OPTION...] IMAGE|docker://NAME...",
        .summary = "Show all that is known of images",
        .options = options,
        .options_size = sizeof(InspectOptions),
        .min_args = 1,
        .max_args = ARGS_ANY,
        .completes = "image",
        .run = cmd_image_inspect,
};
