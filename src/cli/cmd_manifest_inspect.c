/* SPDX-License-Identifier: GPL-2.0-or-later */

/* isola manifest inspect: what a name stands for at its registry, without pulling it. */

#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/str.h"
#include "cli/command.h"
#include "cli/format.h"
#include "cli/remote_image.h"
#include "cli/transfer_options.h"
#include "transfer/manifest_list.h"

typedef struct ManifestOptions {
        TransferOptions transfer;
        const char *platform, *artifact_type;
        bool config, digest, raw, referrers, verbose;
} ManifestOptions;

static const Option options[] COMMAND_DATA = {
        OPT_STRING(0, "artifact-type", ManifestOptions, artifact_type, "TYPE",
                   "Of what refers to it, only artifacts of this type"),
        OPT_FLAG(0, "config", ManifestOptions, config, "The image's config, not its manifest"),
        OPT_FLAG(0, "digest", ManifestOptions, digest, "Only the digest"),
        OPT_STRING(0, "platform", ManifestOptions, platform, "OS/ARCH[/VARIANT]",
                   "The manifest for this platform, not the index"),
        OPT_FLAG(0, "raw", ManifestOptions, raw, "Byte for byte"),
        OPT_FLAG(0, "referrers", ManifestOptions, referrers,
                 "The index of what refers to it: signatures, attestations"),
        OPT_FLAG('v', "verbose", ManifestOptions, verbose, "Every manifest of an index as well"),
        TRANSFER_OPTIONS(ManifestOptions),
        {},
};

typedef struct Asked {
        const ManifestOptions *o;
        RemoteImage image;
} Asked;

static void break_line(Str *out, size_t depth) {
        str_put_char(out, '\n');
        for (size_t i = 0; i < 4 * depth; i++)
                str_put_char(out, ' ');
}

/*
 * Indents JSON letter by letter: it was read where it can do no harm (store/describe.h) and is not
 * read once more here.
 */
static char *indented(const char *text, size_t size) {
        size_t depth = 0;
        autostr out = {};

        for (size_t i = 0; i < size; i++) {
                char c = text[i], next = i + 1 < size ? text[i + 1] : 0;

                if (c == '"') {
                        str_put_char(&out, c);
                        for (i++; i < size && text[i] != '"'; i++) {
                                str_put_char(&out, text[i]);
                                if (text[i] == '\\' && i + 1 < size)
                                        str_put_char(&out, text[++i]);
                        }
                        str_put_char(&out, '"');
                } else if (c == '{' || c == '[') {
                        str_put_char(&out, c);
                        depth++;
                        if (next != '}' && next != ']')
                                break_line(&out, depth);
                } else if (c == '}' || c == ']') {
                        depth -= depth > 0;
                        break_line(&out, depth);
                        str_put_char(&out, c);
                } else if (c == ',') {
                        str_put_char(&out, c);
                        break_line(&out, depth);
                } else if (c == ':') {
                        str_put(&out, ": ");
                } else if (c != ' ' && c != '\n' && c != '\t' && c != '\r') {
                        str_put_char(&out, c);
                }
        }
        return str_take(&out);
}

static int print_json(const char *text, size_t size, const ManifestOptions *o, Err *err) {
        autofree char *printed = NULL;

        if (o->raw) {
                fwrite(text, 1, size, stdout);
                return 0;
        }
        printed = indented(text, size);
        if (!printed)
                return fail(err, ENOMEM, "cannot print it");
        format_print_json(printed);
        return 0;
}

static int print_referrers(Asked *a, const Document *document, Err *err) {
        NetOp op = { .kind = (char *) "referrers",
                     .repository = a->image.repository,
                     .digest = (char *) document->digest,
                     .text = (char *) a->o->artifact_type };
        autodescription said = {};
        autofree char *text = NULL;
        size_t size;
        int r = remote_text(a->image.remote, &op, &text, &size, NULL, err);

        if (r < 0)
                return r;
        r = describe_document(text, size, OCI_MEDIA_INDEX, &said, err);
        if (r < 0)
                return r;
        if (said.index->n_manifests == 0)
                return refuse(err, ENOENT, "nothing refers to '%s'", document->digest);
        return print_json(text, size, a->o, err);
}

static int print_config(Asked *a, const Document *document, Err *err) {
        autodocument config = {};
        const OciManifest *m = document->said.manifest;
        int r;

        if (!m)
                return refuse(err, EBADMSG, "there is no manifest to have a config");
        r = document_fetch_config(a->image.remote, a->image.repository, &m->config, m->n_layers,
                                  &config, err);
        return r < 0 ? r : print_json(config.text, config.size, a->o, err);
}

static int print_all(Asked *a, const Document *document, Err *err) {
        int r = print_json(document->text, document->size, a->o, err);

        for (size_t i = 0; r >= 0 && document->said.index && i < document->said.index->n_manifests;
             i++) {
                autodocument one = {};

                r = document_fetch(a->image.remote, a->image.repository,
                                   document->said.index->manifests[i].digest, &one, err);
                if (r >= 0)
                        r = print_json(one.text, one.size, a->o, err);
        }
        return r;
}

static int inspect(Asked *a, const char *name, Err *err) {
        autodocument document = {};
        PlaceOptions place = {};
        int r;

        r = transfer_place(&a->o->transfer, &place, err);
        if (r >= 0)
                r = remote_image_open(name, &place, true, &a->image, err);
        if (r >= 0)
                r = remote_image_fetch(&a->image, &document, err);
        if (r >= 0 && (a->o->platform || a->o->config))
                r = remote_image_narrow(&a->image, a->o->platform, &document, err);
        if (r < 0)
                return r;
        if (a->o->digest) {
                puts(document.digest);
                return 0;
        }
        return a->o->referrers || a->o->artifact_type ? print_referrers(a, &document, err)
               : a->o->config                         ? print_config(a, &document, err)
               : a->o->verbose                        ? print_all(a, &document, err)
                               : print_json(document.text, document.size, a->o, err);
}

/* One that is in the making here: 1 if there is such. */
static int inspect_own(const CommandInput *in, const ManifestOptions *o, Err *err) {
        automanifestlist list = {};
        autofree char *text = NULL;
        const char *media_type;
        autoerr none = {};
        int r;

        if (o->platform || o->config || o->digest || o->referrers || o->artifact_type ||
            manifest_list_load(in->home, in->args[0], &list, &none) < 0)
                return 0;
        text = manifest_list_text(&list, &media_type);
        if (!text)
                return fail(err, ENOMEM, "cannot print it");
        r = print_json(text, strlen(text), o, err);
        return r < 0 ? r : 1;
}

static int cmd_manifest_inspect(const CommandInput *in, Err *err) {
        Asked asked = { .o = in->options };
        int r = inspect_own(in, asked.o, err);

        if (r == 0)
                r = inspect(&asked, in->args[0], err);

        remote_image_clear(&asked.image);
        return r < 0 ? err_prefix(err, r, "cannot inspect '%s'", in->args[0]) : 0;
}

COMMAND(manifest_inspect) = {
        .name = "manifest inspect",
        .group = "Images",
        .synopsis = "[OPTION...] NAME[:TAG|@DIGEST]",
        .summary = "Print a manifest or index as its registry has it",
        .options = options,
        .options_size = sizeof(ManifestOptions),
        .min_args = 1,
        .max_args = 1,
        .run = cmd_manifest_inspect,
};
