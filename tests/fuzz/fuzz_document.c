/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Manifests, indexes and configs: what is taken has digests and sizes that can be used, and is one
 * thing. */

#include "base/auto.h"
#include "base/digest.h"
#include "fuzz.h"
#include "oci/document.h"

static void check(const OciDescriptor *d) {
        must(digest_is_valid(d->digest) && d->size >= 0 && d->media_type);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const char *const types[] = { NULL, OCI_MEDIA_INDEX, DOCKER_MEDIA_MANIFEST };
        OciImage image = {};
        autoerr why = {};

        for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
                OciDocument document = {};
                autoerr err = {};
                int r = document_read((const char *) data, size, types[i], &document, &err);

                must_agree(r, &err);
                must((r >= 0) == (document.index || document.manifest));
                must(!document.index || !document.manifest);
                for (size_t k = 0; document.index && k < document.index->n_manifests; k++)
                        check(&document.index->manifests[k]);
                if (document.manifest) {
                        must(document.manifest->n_layers <= OCI_LAYERS_MAX);
                        check(&document.manifest->config);
                }
                document_clear(&document);
        }
        must_agree(document_read_config((const char *) data, size, NULL, 1, &image, &why), &why);
        json_clear(&oci_image_type, &image);
        return 0;
}
