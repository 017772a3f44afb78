/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <string.h>

#include "base/str.h"
#include "oci/platform.h"
#include "transfer/copy.h"

#define NESTED_MAX 4

typedef struct Copy {
        Source *source;
        Dest *dest;
        const CopyOptions *options;
        char *const *names;
} Copy;

/* An artifact's config is a blob like its layers. */
static int take_config(const Copy *c, const OciManifest *m, Document *ret, Err *err) {
        return media_type_is_config(m->config.media_type) ? source_config(c->source, m, ret, err)
                                                          : 0;
}

static int copy_manifest(const Copy *c, const Document *manifest, const Document *index, Err *err) {
        autodocument config = {};
        CopyJob job = { .source = c->source,
                        .manifest = manifest,
                        .config = &config,
                        .index = index,
                        .watcher = &c->options->watcher };
        int r = take_config(c, manifest->said.manifest, &config, err);

        return r < 0 ? r : dest_put_image(c->dest, &job, err);
}

static int copy_index(const Copy *c, const Document *index, int depth, Err *err) {
        const OciIndex *list = index->said.index;
        int r = 0;

        if (depth > NESTED_MAX)
                return refuse(err, EBADMSG, "indexes are nested deeper than %d", NESTED_MAX);
        for (size_t i = 0; i < list->n_manifests && r >= 0; i++) {
                const OciDescriptor *d = &list->manifests[i];
                autodocument document = {};

                if (!media_type_is_index(d->media_type) && !media_type_is_manifest(d->media_type))
                        continue;
                r = source_document(c->source, d, &document, err);
                if (r >= 0 && document.said.index)
                        r = copy_index(c, &document, depth + 1, err);
                else if (r >= 0)
                        r = copy_manifest(c, &document, index, err);
                if (r >= 0)
                        r = dest_put_document(c->dest, &document, err);
        }
        return r;
}

static int get_entry(void *context, const OciDescriptor *d, Document *ret, Err *err) {
        return source_document(context, d, ret, err);
}

/* The one that the platform wants. */
static int choose(const Copy *c, const Document *index, Document *ret, Err *err) {
        OciPlatform platform = {};
        int r;

        r = c->options->platform ? platform_parse(c->options->platform, &platform, err)
                                 : platform_here(&platform);
        if (r >= 0)
                r = document_choose(index->said.index, &platform, "image", get_entry, c->source,
                                    ret, err);
        platform_clear(&platform);
        return r;
}

static int finish(const Copy *c, const Document *document, const Document *index, Err *err) {
        autodocument config = {};
        CopyJob job = { .source = c->source,
                        .manifest = document,
                        .config = &config,
                        .index = index,
                        .annotations = c->options->annotations,
                        .watcher = &c->options->watcher };

        if (document->said.manifest) {
                int r = take_config(c, document->said.manifest, &config, err);

                if (r < 0)
                        return r;
        }
        return dest_name(c->dest, document, &job, c->names, err);
}

int copy_image(Source *source, const SourceImage *image, Dest *dest, char *const *names,
               const CopyOptions *options, char ret_digest[DIGEST_LENGTH + 1], Err *err) {
        const Copy c = { source, dest, options, names };
        autodocument top = {}, one = {};
        const Document *copied = &top;
        int r;

        r = source_document(source, &image->descriptor, &top, err);
        if (r < 0)
                return r;
        if (top.said.index && options->all_platforms) {
                r = copy_index(&c, &top, 0, err);
        } else if (top.said.index) {
                r = choose(&c, &top, &one, err);
                copied = &one;
                if (r >= 0)
                        r = copy_manifest(&c, &one, &top, err);
        } else {
                r = copy_manifest(&c, &top, NULL, err);
        }
        if (r >= 0)
                r = finish(&c, copied, top.said.index && copied != &top ? &top : NULL, err);
        if (r < 0)
                return r;
        memcpy(ret_digest, copied->digest, DIGEST_LENGTH + 1);
        return 0;
}
