/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What comes out of a build: images with their dates and names, files, archives. */

#include <errno.h>
#include <string.h>

#include "base/fault.h"
#include "base/json.h"
#include "base/str.h"
#include "builder/build_result.h"
#include "builder/cache_transfer.h"
#include "oci/platform.h"
#include "oci/reference.h"
#include "store/tar_write.h"

/* --label wins over the Dockerfile's. */
static int add_labels(const Build *build, StageState *state, Err *err) {
        strv_foreach(label, build->request->labels) {
                autofree char *pair =
                        strchr(*label, '=') ? strdup(*label) : str_format("%s=", *label);

                if (!pair || strv_env_set(&state->image.config.labels, pair) < 0)
                        return fail(err, ENOMEM, "cannot set the labels");
        }
        return 0;
}

/*
 * Fills in when the image and the entries of its history were made.  An entry that made no layer
 * gets the time of the next one that did, so an unchanged rebuild says the same.
 */
static int date_image(Build *build, StageState *state, Err *err) {
        OciImage *image = &state->image;
        autofree char *text = NULL;
        autorecord record = {};
        const char *next;
        CacheKey key;
        char digest[DIGEST_LENGTH + 1];

        free(take_ptr(image->created));
        text = json_text(&oci_image_type, image);
        if (!text)
                return fail(err, ENOMEM, "cannot make the image");
        cache_key_begin(&key, "image", stage_chain(state));
        cache_key_add(&key, text);
        cache_key_end(&key, digest);
        if (build->latest == TAR_NO_CLAMP && !build->request->no_cache &&
            cache_load(build->home, digest, &record) == 0)
                image->created = take_ptr(record.created);
        else
                image->created = strdup(build->now);

        next = image->created;
        for (size_t i = image->n_history; next && i-- > 0;) {
                OciHistory *entry = &image->history[i];

                if (!entry->created && !(entry->created = strdup(next)))
                        next = NULL;
                else
                        next = entry->created;
        }
        if (!next)
                return fail(err, ENOMEM, "cannot make the image");
        if (!record.version)
                cache_save(build->home, digest, NULL, image->created);
        return 0;
}

/* @names: NULL if the image is one of several. */
static int make_image(Build *build, StageState *state, char *const *names, Image **ret, Err *err) {
        autofree char *cache = NULL;
        autostrv annotations = NULL;
        int r;

        r = add_labels(build, state, err);
        if (r >= 0)
                r = date_image(build, state, err);
        if (r >= 0 && annotations_for(&build->annotations, ANNOTATE_MANIFEST,
                                      &build->arguments.target, &annotations) < 0)
                r = fail(err, ENOMEM, "cannot make the image");
        if (r >= 0)
                r = cache_inline(build, &cache, err);
        if (r >= 0 && cache && strv_env_set(&annotations, cache) < 0)
                r = fail(err, ENOMEM, "cannot make the image");
        if (r >= 0)
                r = image_create_annotated(build->home, &state->image, state->layers, names,
                                           annotations, ret, err);
        if (r < 0)
                return r;
        fault_point("build.image");
        if (!build->label) {
                build_say(build, " ---> %.*s\n", BUILD_ID_SHOWN, digest_hex((*ret)->id));
                build_say(build, "Successfully built %.*s\n", BUILD_ID_SHOWN,
                          digest_hex((*ret)->id));
                return 0;
        }
        build_say(build, "Successfully built %.*s for %s\n", BUILD_ID_SHOWN, digest_hex((*ret)->id),
                  build->label);
        return 0;
}

/* The image that a name means here: the one that this machine runs, or else the first. */
static size_t chosen(const Build *builds, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (platform_match(&builds->arguments.machine, &builds[i].arguments.target) > 0)
                        return i;
        return 0;
}

static int make_index(const Build *builds, size_t n, char *const *names, BuildResult *ret,
                      Err *err) {
        const Annotations *all = &builds->annotations;
        autofree char ***descriptors = calloc(n, sizeof *descriptors);
        autostrv annotations = NULL;
        const ImageParts parts = { .images = ret->images,
                                   .n = n,
                                   .chosen = ret->chosen = chosen(builds, n),
                                   .descriptor_annotations = descriptors };
        ImageParts named = parts;
        int r = descriptors ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < n; i++)
                r = annotations_for(all, ANNOTATE_MANIFEST_DESCRIPTOR, &builds[i].arguments.target,
                                    &descriptors[i]);
        if (r >= 0)
                r = annotations_for(all, ANNOTATE_INDEX, NULL, &annotations);
        named.annotations = annotations;
        r = r < 0 ? fail(err, r, "cannot make an index")
                  : image_create_index(builds->home, &named, names, &ret->index, err);
        for (size_t i = 0; descriptors && i < n; i++)
                strv_free(descriptors[i]);
        if (r >= 0)
                build_say(builds, "Successfully built %.*s, an index of %zu platforms\n",
                          BUILD_ID_SHOWN, digest_hex(ret->index.digest), n);
        return r;
}

static int make_images(Build *builds, size_t n, char *const *names, BuildResult *ret, Err *err) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < n; i++) {
                Image **slot = json_grow(&ret->images, &ret->n, sizeof *slot);

                r = slot ? make_image(&builds[i], &builds[i].stages[builds[i].plan->target],
                                      n == 1 ? names : NULL, slot, err)
                         : fail(err, ENOMEM, "cannot make the image");
        }
        if (r >= 0 && n > 1)
                r = make_index(builds, n, names, ret, err);
        if (r < 0)
                return r;
        strv_foreach(name, names)
                build_say(builds, "Successfully tagged %s\n", *name);
        return strv_copy(names, &ret->names) < 0 ? fail(err, ENOMEM, "cannot make the image") : 0;
}

/* "a:1,b:2" */
static int add_names(const char *text, char ***names, Err *err) {
        autostrv list = NULL;

        if (strv_split(text, ",", true, &list) < 0)
                return fail(err, ENOMEM, "cannot build");
        strv_foreach(name, list) {
                autoptr(Reference) ref = NULL;
                autofree char *full = NULL;
                int r = reference_parse(*name, &ref, err);

                if (r < 0)
                        return r;
                full = reference_text(ref);
                if (!full || (!strv_has(*names, full) && strv_add(names, full) < 0))
                        return fail(err, ENOMEM, "cannot build");
        }
        return 0;
}

/* The files of each platform, and names that --output gives. */
static int write_files(Build *builds, size_t n, char ***names, Err *err) {
        const Outputs *outputs = &builds->outputs;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < outputs->n_list; i++) {
                const Output *output = &outputs->list[i];

                for (size_t k = 0; r >= 0 && k < n; k++) {
                        const StageState *state = &builds[k].stages[builds[k].plan->target];

                        r = output_write(output, state->lowers, builds->latest,
                                         n > 1 ? &builds[k].arguments.target : NULL, err);
                }
                if (r >= 0 && output->name)
                        r = add_names(output->name, names, err);
        }
        if (r >= 0 && outputs_push(outputs) && !*names)
                r = err_hint(err, refuse(err, EINVAL, "what is to be pushed has no name"),
                             "give it one: -t REGISTRY/NAME:TAG");
        return r;
}

/* To the registries of the names that the output gives, or else of all. */
static int push_image(const Build *builds, const Output *output, const OutputImage *image,
                      BuildResult *result, Err *err) {
        autostrv own = NULL;
        int r = output->name ? add_names(output->name, &own, err) : 0;

        strv_foreach(name, own ? own : result->names) {
                if (r < 0)
                        return r;
                build_say(builds, "Pushing %s\n", *name);
                r = output_push(output, builds->home, image, *name, result->pushed, err);
                if (r >= 0)
                        build_say(builds, "%s: digest: %s\n", *name, result->pushed);
        }
        return r;
}

static int write_images(const Build *builds, BuildResult *result, Err *err) {
        const Outputs *outputs = &builds->outputs;
        autostrv annotations = NULL;
        int r;

        r = annotations_for(&builds->annotations,
                            *result->index.digest ? ANNOTATE_INDEX_DESCRIPTOR
                                                  : ANNOTATE_MANIFEST_DESCRIPTOR,
                            *result->index.digest ? NULL : &builds->arguments.target, &annotations);
        if (r < 0)
                return fail(err, r, "cannot write the image");
        for (size_t i = 0; r >= 0 && i < outputs->n_list; i++) {
                const OutputImage image = { .id = build_result_digest(result),
                                            .names = result->names,
                                            .annotations = annotations,
                                            .whole = result->n > 1 };

                r = output_write_image(&outputs->list[i], builds->home, &image, err);
                if (r >= 0 && outputs->list[i].push)
                        r = push_image(builds, &outputs->list[i], &image, result, err);
        }
        return r;
}

int build_finish(Build *builds, size_t n, char ***names, BuildResult *ret, Err *err) {
        int r = 0;

        for (size_t i = 0; r >= 0 && builds->request->squash && i < n; i++)
                r = build_squash(&builds[i], &builds[i].stages[builds[i].plan->target], err);
        if (r >= 0)
                r = write_files(builds, n, names, err);
        if (r >= 0)
                r = cache_push(builds, n, err);
        if (r < 0 || (!outputs_want_image(&builds->outputs) && !*names))
                return r;
        r = make_images(builds, n, *names, ret, err);
        return r < 0 ? r : write_images(builds, ret, err);
}

const char *build_result_digest(const BuildResult *result) {
        return result->n > 1 ? result->index.digest : result->images[0]->id;
}

void build_result_clear(BuildResult *result) {
        image_list_free(result->images, result->n);
        strv_free(result->names);
        *result = (BuildResult){};
}
