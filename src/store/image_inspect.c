/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Docker's inspect document of an image. */

#include <jansson.h>
#include <string.h>

#include "base/str.h"
#include "store/image.h"

static json_t *string_or_empty(const char *s) {
        return json_string(s ? s : "");
}

static json_t *strings(char *const *list) {
        json_t *array = json_array();

        strv_foreach(s, list)
                json_array_append_new(array, json_string(*s));
        return array;
}

/* What it was pulled or pushed as; else "repository@digest" once for each repository. */
static json_t *repo_digests(const Image *image) {
        json_t *array = json_array();
        autostrv seen = NULL;

        strv_foreach(pulled, image->repo_digests)
                json_array_append_new(array, json_string(*pulled));
        if (image->repo_digests)
                return array;
        strv_foreach(name, image->names) {
                const char *colon = strrchr(*name, ':');
                autofree char *digest =
                        str_format("%.*s@%s", colon ? (int) (colon - *name) : (int) strlen(*name),
                                   *name, image->manifest_digest);

                if (!digest || strv_has(seen, digest) || strv_add(&seen, digest) < 0)
                        continue;
                json_array_append_new(array, json_string(digest));
        }
        return array;
}

/* Where the layers lie, in overlay2's words: the topmost is what Docker calls the upper one. */
static json_t *graph_driver(const Image *image) {
        json_t *data = json_object();
        autofree char *below = NULL;

        if (image->lowers && image->lowers[0]) {
                below = strv_join(image->lowers + 1, ":");
                json_object_set_new(data, "UpperDir", json_string(image->lowers[0]));
                if (!str_empty(below))
                        json_object_set_new(data, "LowerDir", json_string(below));
        }
        return json_pack("{s:o, s:s}", "Data", data, "Name", "overlay2");
}

json_t *image_inspect(const Image *image) {
        const OciImage *config = &image->config;
        const char *comment =
                config->n_history ? config->history[config->n_history - 1].comment : NULL;

        return json_pack("{s:s, s:o, s:o, s:s, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:I, s:o, "
                         "s:{s:s, s:o}, s:{s:s}}",
                         "Id", image->id, "RepoTags", strings(image->names), "RepoDigests",
                         repo_digests(image), "Parent", "", "Comment", string_or_empty(comment),
                         "Created", string_or_empty(config->created), "DockerVersion", "", "Author",
                         string_or_empty(config->author), "Config",
                         json_tree_all(&oci_image_config_type, &config->config), "Architecture",
                         string_or_empty(config->architecture), "Variant",
                         string_or_empty(config->variant), "Os", string_or_empty(config->os),
                         "Size", (json_int_t) image->size, "GraphDriver", graph_driver(image),
                         "RootFS", "Type", "layers", "Layers", strings(config->rootfs.diff_ids),
                         "Metadata", "LastTagTime", "0001-01-01T00:00:00Z");
}
