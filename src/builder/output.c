/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/file.h"
#include "base/json.h"
#include "base/nearest.h"
#include "base/str.h"
#include "builder/output.h"
#include "oci/reference.h"
#include "store/flatten.h"
#include "store/image.h"
#include "store/tar_write.h"
#include "store/tree.h"
#include "transfer/copy.h"

static const char *const types[] = { "image", "local", "tar", "oci", "docker", "registry", NULL };

void outputs_clear(Outputs *outputs) {
        for (size_t i = 0; i < outputs->n_list; i++) {
                free(outputs->list[i].dest);
                free(outputs->list[i].name);
        }
        free(outputs->list);
        *outputs = (Outputs){};
}

static int read_type(const char *value, Output *ret, Err *err) {
        const char *nearest = nearest_name(value, types);

        for (int i = 0; types[i]; i++)
                if (str_equal(value, "registry")) {
                        ret->type = OUTPUT_IMAGE;
                        ret->push = true;
                        return 0;
                } else if (str_equal(value, types[i])) {
                        ret->type = i < OUTPUT_ARCHIVE ? (OutputType) i : OUTPUT_ARCHIVE;
                        ret->is_docker = str_equal(value, "docker");
                        return 0;
                }
        if (nearest)
                return refuse(err, EINVAL, "--output has no type '%s'; did you mean '%s'?", value,
                              nearest);
        return refuse(err, EINVAL,
                      "--output has no type '%s': there are image, registry, local, tar, oci and "
                      "docker",
                      value);
}

static int read_bool(const char *key, const char *value, bool *ret, Err *err) {
        return parse_bool(value, ret) < 0
                       ? refuse(err, EINVAL, "--output %s=%s is neither true nor false", key, value)
                       : 0;
}

static int read_compression(const char *value, Output *ret, Err *err) {
        static const char *const words[] = { "uncompressed", "gzip", "zstd", NULL };
        const char *nearest = nearest_name(value, words);

        for (int i = 0; words[i]; i++)
                if (str_equal(value, words[i])) {
                        ret->how.compression = (Compression) i;
                        ret->compression_said = true;
                        return 0;
                }
        if (nearest)
                return refuse(err, EINVAL, "--output compression=%s; did you mean '%s'?", value,
                              nearest);
        return err_hint(err, refuse(err, EINVAL, "--output compression=%s is not supported", value),
                        "there are uncompressed, gzip and zstd");
}

/* What BuildKit lets one choose and is one way here. */
static int read_fixed(const char *key, const char *value, Err *err) {
        static const struct {
                const char *key;
                bool only;
                const char *why;
        } fixed[] = {
                { "oci-mediatypes", true, "isola writes OCI's media types alone" },
                { "rewrite-timestamp", true,
                  "with SOURCE_DATE_EPOCH no file of a new layer is newer, always" },
                { "force-compression", false,
                  "layers that were pulled stay as they came, byte for byte" },
                { "unpack", true, "an image of the store is always unpacked" },
                { "store", true, "what is built is always kept" },
                { "push-by-digest", false, "images are pushed by their names" },
                { "insecure", false, "isola.conf(5) says which registries are insecure" },
        };
        bool wanted;
        int r = read_bool(key, value, &wanted, err);

        for (size_t i = 0; r >= 0 && i < sizeof fixed / sizeof *fixed; i++)
                if (str_equal(key, fixed[i].key) && wanted != fixed[i].only)
                        return refuse(err, EOPNOTSUPP, "--output %s=%s is not supported: %s", key,
                                      value, fixed[i].why);
        return r;
}

static int read_field(const char *field, Output *ret, Err *err) {
        static const char *const keys[] = { "type",
                                            "dest",
                                            "name",
                                            "push",
                                            "compression",
                                            "compression-level",
                                            "oci-mediatypes",
                                            "rewrite-timestamp",
                                            "force-compression",
                                            "unpack",
                                            "store",
                                            "push-by-digest",
                                            "insecure",
                                            NULL };
        const char *equals = strchr(field, '='), *nearest, *value;
        autofree char *key = strndup(field, strcspn(field, "="));

        if (!key)
                return fail(err, ENOMEM, "cannot read an output");
        nearest = nearest_name(key, keys);
        if (!strv_has((char **) keys, key))
                return refuse(err, EINVAL, "--output has no key '%s'%s%s%s", key,
                              nearest ? "; did you mean '" : "", nearest ? nearest : "",
                              nearest ? "'?" : "");
        if (!equals)
                return refuse(err, EINVAL, "--output: '%s' needs a value", key);
        value = equals + 1;
        if (str_equal(key, "type"))
                return read_type(value, ret, err);
        if (str_equal(key, "push"))
                return read_bool(key, value, &ret->push, err);
        if (str_equal(key, "compression"))
                return read_compression(value, ret, err);
        if (str_equal(key, "compression-level"))
                return parse_int(value, 0, 22, &ret->how.level) < 0
                               ? refuse(err, EINVAL, "--output compression-level=%s is no level",
                                        value)
                               : 0;
        if (str_equal(key, "dest") || str_equal(key, "name"))
                return str_set(*key == 'd' ? &ret->dest : &ret->name, value) < 0
                               ? fail(err, ENOMEM, "cannot read an output")
                               : 0;
        return read_fixed(key, value, err);
}

/* Only what leaves the store is compressed. */
static int check_compression(Output *output, Err *err) {
        bool leaves = output->push || output->type == OUTPUT_ARCHIVE;

        if (!leaves && (output->compression_said || output->how.level))
                return err_hint(err,
                                refuse(err, EINVAL,
                                       "--output compression is for what is pushed and for "
                                       "archives of images"),
                                "add push=true, or write type=oci,dest=FILE");
        if (output->push && !output->compression_said)
                output->how.compression = COMPRESSION_GZIP;
        if (output->how.level && (output->how.compression == COMPRESSION_NONE ||
                                  output->how.level > compression_levels(output->how.compression)))
                return refuse(err, EINVAL, "--output compression-level=%d is no level of it",
                              output->how.level);
        if (output->push && output->type != OUTPUT_IMAGE)
                return refuse(err, EINVAL, "--output push=true is for type=image");
        return 0;
}

static int read_output(const char *text, Output *ret, Err *err) {
        autostrv fields = NULL;
        int r;

        /* "DIR" and "-". */
        if (!strchr(text, '=')) {
                ret->type = str_equal(text, "-") ? OUTPUT_TAR : OUTPUT_LOCAL;
                return str_set(&ret->dest, text) < 0 ? fail(err, ENOMEM, "cannot read an output")
                                                     : 0;
        }
        r = strv_split_csv(text, &fields);
        if (r < 0)
                return fail(err, r, "cannot read the output '%s'", text);
        strv_foreach(field, fields) {
                r = read_field(*field, ret, err);
                if (r < 0)
                        return r;
        }
        if (ret->type == OUTPUT_LOCAL && (str_empty(ret->dest) || str_equal(ret->dest, "-")))
                return refuse(err, EINVAL, "--output type=local needs a directory: dest=DIR");
        /* Docker's word for its own store is this one's. */
        if (ret->type == OUTPUT_ARCHIVE && ret->is_docker && str_empty(ret->dest))
                ret->type = OUTPUT_IMAGE;
        if ((ret->type == OUTPUT_TAR || ret->type == OUTPUT_ARCHIVE) && str_empty(ret->dest) &&
            str_set(&ret->dest, "-") < 0)
                return fail(err, ENOMEM, "cannot read an output");
        if (ret->type == OUTPUT_IMAGE && ret->dest)
                return err_hint(
                        err, refuse(err, EOPNOTSUPP, "an image is not written to '%s'", ret->dest),
                        "build it, then 'isola save' it");
        return check_compression(ret, err);
}

int outputs_parse(const char *const *words, Outputs *ret, Err *err) {
        strv_foreach(word, words) {
                Output *output = json_grow(&ret->list, &ret->n_list, sizeof *output);
                int r = output ? read_output(*word, output, err)
                               : fail(err, ENOMEM, "cannot read an output");

                if (r < 0)
                        return r;
        }
        if (outputs_use_stdout(ret) && isatty(STDOUT_FILENO))
                return err_hint(err,
                                refuse(err, EINVAL,
                                       "standard output is a terminal, a tar is not "
                                       "for reading"),
                                "redirect it, or give dest=FILE");
        return 0;
}

bool outputs_want_image(const Outputs *outputs) {
        for (size_t i = 0; i < outputs->n_list; i++)
                if (outputs->list[i].type == OUTPUT_IMAGE ||
                    outputs->list[i].type == OUTPUT_ARCHIVE)
                        return true;
        return outputs->n_list == 0;
}

bool outputs_push(const Outputs *outputs) {
        for (size_t i = 0; i < outputs->n_list; i++)
                if (outputs->list[i].push)
                        return true;
        return false;
}

bool outputs_use_stdout(const Outputs *outputs) {
        for (size_t i = 0; i < outputs->n_list; i++)
                if (outputs->list[i].type >= OUTPUT_TAR && str_equal(outputs->list[i].dest, "-"))
                        return true;
        return false;
}

int outputs_check_platforms(const Outputs *outputs, Err *err) {
        for (size_t i = 0; i < outputs->n_list; i++) {
                const Output *output = &outputs->list[i];

                if (output->type == OUTPUT_ARCHIVE && output->is_docker)
                        return err_hint(err,
                                        refuse(err, EINVAL,
                                               "Docker's archives hold images of one platform"),
                                        "write type=oci,dest=FILE, or build for one platform");
                if (output->type == OUTPUT_TAR)
                        return err_hint(err,
                                        refuse(err, EOPNOTSUPP,
                                               "the files of several platforms are not put into "
                                               "one tar"),
                                        "write type=local,dest=DIR, or build for one platform");
        }
        return 0;
}

/* BuildKit's name for a platform's directory: "linux_arm64", "linux_arm_v7". */
static char *local_path(const Output *output, const OciPlatform *platform) {
        char *path;

        if (!platform)
                return strdup(output->dest);
        path = str_format("%s/%s_%s%s%s", output->dest, platform->os, platform->architecture,
                          platform->variant ? "_" : "", platform->variant ? platform->variant : "");
        return path;
}

/* Files belong to whoever gets them, whatever they say inside. */
static int write_local(const Output *output, char *const *lowers, const OciPlatform *platform,
                       Err *err) {
        char *const all[] = { (char *) "", NULL };
        autofree char *path = NULL, *dest = local_path(output, platform);
        TreeView view = {};
        int r;

        if (!dest)
                return fail(err, ENOMEM, "cannot write '%s'", output->dest);
        r = dir_make(AT_FDCWD, dest, 0755);
        if (r < 0)
                return fail(err, r, "cannot make '%s'", dest);
        path = realpath(dest, NULL);
        if (!path)
                return fail(err, errno, "cannot open '%s'", dest);
        if (!lowers)
                return 0;
        view.upper = path;
        return tree_copy(&view,
                         &(TreeCopy){ .source_lowers = lowers,
                                      .patterns = all,
                                      .dest = "/",
                                      .dest_is_dir = true,
                                      .owner = "0:0" },
                         NULL, err);
}

static int write_some(void *context, const void *bytes, size_t n) {
        return fd_write_all(*(int *) context, bytes, n);
}

/* Standard output, or the file, which @ret owns. */
static int open_dest(const Output *output, int *ret, Err *err) {
        if (str_equal(output->dest, "-"))
                return STDOUT_FILENO;
        *ret = open(output->dest, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        return *ret < 0 ? fail(err, errno, "cannot write '%s'", output->dest) : *ret;
}

static int write_tar(const Output *output, char *const *lowers, int64_t latest, Err *err) {
        static const char end[1024]; /* of an empty archive: two blocks of zeros */
        autoclose int tree = -EBADF, file = -EBADF;
        int to = open_dest(output, &file, err), r;

        if (to < 0)
                return to;
        if (!lowers) {
                r = fd_write_all(to, end, sizeof end);
                return r < 0 ? fail(err, r, "cannot write '%s'", output->dest) : 0;
        }
        tree = flatten_open(lowers, err);
        if (tree < 0)
                return tree;
        r = tar_write(tree, latest, write_some, &to, err);
        if (r < 0 && file >= 0)
                (void) unlink(output->dest);
        return r;
}

int output_write(const Output *output, char *const *lowers, int64_t latest,
                 const OciPlatform *platform, Err *err) {
        if (output->type == OUTPUT_LOCAL)
                return write_local(output, lowers, platform, err);
        return output->type == OUTPUT_TAR ? write_tar(output, lowers, latest, err) : 0;
}

/* The image, or the index, packed as the output says. */
static int open_source(const Output *output, const Home *home, const OutputImage *image,
                       Source **ret, const SourceImage **ret_image, Err *err) {
        PackOptions how = output->how;
        autoptr(Source) source = NULL;
        const SourceImage *images;
        size_t n;
        int r;

        how.whole = image->whole;
        r = source_open_store(home, image->id, &how, &source, err);
        if (r < 0)
                return r;
        images = source_images(source, &n);
        if (image->whole && n < 2)
                return refuse(err, ENOENT, "the index '%s' is not whole", image->id);
        *ret_image = &images[image->whole];
        *ret = take_ptr(source);
        return 0;
}

static int copy_to(const Output *output, const Home *home, const OutputImage *image, int to,
                   Err *err) {
        const CopyOptions options = { .all_platforms = image->whole,
                                      .annotations = image->annotations };
        char digest[DIGEST_LENGTH + 1];
        autoptr(Source) source = NULL;
        const SourceImage *chosen;
        autoptr(Dest) dest = NULL;
        int r;

        r = open_source(output, home, image, &source, &chosen, err);
        if (r >= 0)
                r = dest_open_archive(to, &dest, err);
        if (r >= 0)
                r = copy_image(source, chosen, dest, image->names, &options, digest, err);
        return r < 0 ? r : dest_finish(dest, err);
}

int output_push(const Output *output, const Home *home, const OutputImage *image, const char *name,
                char ret_digest[DIGEST_LENGTH + 1], Err *err) {
        const CopyOptions options = { .all_platforms = image->whole };
        autoptr(Reference) ref = NULL;
        autoptr(Source) source = NULL;
        const SourceImage *chosen;
        autoptr(Dest) dest = NULL;
        int r;

        r = reference_parse(name, &ref, err);
        if (r >= 0)
                r = open_source(output, home, image, &source, &chosen, err);
        if (r >= 0)
                r = dest_open_registry(name, &(PlaceOptions){}, &dest, err);
        if (r >= 0)
                r = copy_image(source, chosen, dest, NULL, &options, ret_digest, err);
        if (r >= 0)
                r = dest_finish(dest, err);
        if (r >= 0)
                r = image_note_digest(home, name, ref->name, ret_digest, err);
        return r < 0 ? err_prefix(err, r, "cannot push '%s'", name) : 0;
}

int output_write_image(const Output *output, const Home *home, const OutputImage *image, Err *err) {
        autoclose int file = -EBADF;
        int to, r;

        if (output->type != OUTPUT_ARCHIVE)
                return 0;
        to = open_dest(output, &file, err);
        if (to < 0)
                return to;
        r = copy_to(output, home, image, to, err);
        if (r < 0 && file >= 0)
                (void) unlink(output->dest);
        return r;
}
