/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "builder/build.h"
#include "builder/output.h"
#include "cli/command.h"
#include "cli/host_spec.h"
#include "cli/image_prune.h"
#include "cli/limit_spec.h"
#include "engine/network.h"
#include "store/layout.h"

typedef struct BuildOptions {
        const char **tags, **arguments, **labels, **contexts, **secrets, **agents, **outputs;
        const char **cache_from, **cache_to, **uncached, **allow, **hosts, **ulimits, **annotations;
        uint64_t shm_size;
        const char **platforms, *metadata;
        const char *file, *target, *iidfile, *progress, *network;
        const char **attests, *provenance, *sbom;
        bool push, load;
        bool no_cache, quiet, remove, force_remove, print_ast, check, squash, pull, pull_never;
} BuildOptions;

static const Option options[] COMMAND_DATA = {
        OPT_LIST(0, "add-host", BuildOptions, hosts, "NAME:ADDRESS", "Add to /etc/hosts of RUN"),
        OPT_LIST(0, "allow", BuildOptions, allow, "WHAT",
                 "Allow RUN --security=insecure, RUN --network=host, RUN --device",
                 "security.insecure|network.host|device"),
        OPT_LIST(0, "annotation", BuildOptions, annotations, "[WHERE:]NAME=VALUE",
                 "Add an annotation to the manifest (or index:, manifest-descriptor:)"),
        OPT_LIST(0, "attest", BuildOptions, attests, "type=TYPE,disabled=true",
                 "Refused but for disabled=true: isola makes no attestations"),
        OPT_LIST(0, "build-arg", BuildOptions, arguments, "NAME=VALUE",
                 "Give a value to an ARG of the Dockerfile"),
        OPT_LIST(0, "build-context", BuildOptions, contexts, "NAME=DIR|URL",
                 "One more context, for FROM, COPY --from and RUN --mount"),
        OPT_LIST(0, "cache-from", BuildOptions, cache_from, "DIR|NAME",
                 "Take steps from a cache that --cache-to made (type=local, registry)"),
        OPT_LIST(0, "cache-to", BuildOptions, cache_to, "DIR|NAME",
                 "Put steps into a cache: type=local,dest=DIR, registry, inline"),
        OPT_FLAG(0, "check", BuildOptions, check,
                 "Look for likely mistakes in the Dockerfile and build nothing"),
        OPT_STRING('f', "file", BuildOptions, file, "FILE",
                   "Dockerfile (PATH/Dockerfile or PATH/Containerfile; - for standard input)",
                   "file"),
        OPT_FLAG(0, "force-rm", BuildOptions, force_remove,
                 "Accepted for Docker's sake: nothing intermediate is ever left"),
        OPT_STRING(0, "iidfile", BuildOptions, iidfile, "FILE", "Write the image's id to FILE",
                   "file"),
        OPT_FLAG(0, "load", BuildOptions, load,
                 "Put the image into the store, as without --output (type=image)"),
        OPT_LIST(0, "label", BuildOptions, labels, "NAME=VALUE", "Add a label to the image"),
        OPT_STRING(0, "metadata-file", BuildOptions, metadata, "FILE",
                   "Write what the image is called and its digests to FILE, as JSON", "file"),
        OPT_STRING(0, "network", BuildOptions, network, "MODE",
                   "Network of RUN: default, none or host", "default|none|host"),
        OPT_FLAG(0, "no-cache", BuildOptions, no_cache, "Carry out every step anew"),
        OPT_LIST(0, "no-cache-filter", BuildOptions, uncached, "STAGE",
                 "Carry out every step of a stage anew"),
        OPT_LIST('o', "output", BuildOptions, outputs, "DIR|type=TYPE,dest=FILE",
                 "Write files (local, tar) or the image (oci, docker, registry) out", "dir"),
        OPT_LIST(0, "platform", BuildOptions, platforms, "OS/ARCH[,…]",
                 "What to build for: one platform, or several under one name"),
        OPT_FLAG(0, "print-ast", BuildOptions, print_ast,
                 "Print the parsed Dockerfile as JSON and build nothing"),
        OPT_STRING(0, "progress", BuildOptions, progress, "HOW",
                   "auto (tty on a terminal, else plain), rawjson or quiet",
                   "auto|plain|tty|quiet|rawjson"),
        OPT_STRING(0, "provenance", BuildOptions, provenance, "false",
                   "Refused but for false: isola makes no attestations"),
        OPT_FLAG(0, "pull", BuildOptions, pull, "Ask the registry for images that are here, too"),
        OPT_FLAG(0, "pull-never", BuildOptions, pull_never, "Use only images that are here"),
        OPT_FLAG(0, "push", BuildOptions, push,
                 "Send the image to the registry of its names (type=registry)"),
        OPT_FLAG('q', "quiet", BuildOptions, quiet, "Print nothing but the image's id"),
        OPT_FLAG(0, "rm", BuildOptions, remove,
                 "Accepted for Docker's sake: nothing intermediate is ever left"),
        OPT_STRING(0, "sbom", BuildOptions, sbom, "false",
                   "Refused but for false: isola makes no attestations"),
        OPT_LIST(0, "secret", BuildOptions, secrets, "id=ID,src=FILE",
                 "Let RUN --mount=type=secret show a file or variable (env=NAME)"),
        OPT_SIZE(0, "shm-size", BuildOptions, shm_size, "SIZE", "Size of /dev/shm of RUN (64m)"),
        OPT_FLAG(0, "squash", BuildOptions, squash, "Make one layer of all that are added"),
        OPT_LIST(0, "ssh", BuildOptions, agents, "default|ID=SOCKET",
                 "Let RUN --mount=type=ssh reach an SSH agent"),
        OPT_LIST('t', "tag", BuildOptions, tags, "NAME[:TAG]", "Name the image", "image"),
        OPT_STRING(0, "target", BuildOptions, target, "STAGE", "Build this stage, not the last"),
        OPT_LIST(0, "ulimit", BuildOptions, ulimits, "NAME=SOFT[:HARD]", "Limits of RUN"),
        {},
};

static int check_word(const char *value, const char *option, const char *const *words, Err *err) {
        autofree char *known = NULL;

        if (!value || strv_has((char *const *) words, value))
                return 0;
        known = strv_join((char *const *) words, ", ");
        return err_hint(err, refuse(err, EINVAL, "'%s' is no value of --%s", value, option),
                        "it can be %s", known ? known : "");
}

static int write_id(const char *path, const char *id, Err *err) {
        int r = file_replace(AT_FDCWD, path, id, strlen(id), 0644, false);

        return r < 0 ? fail(err, r, "cannot write '%s'", path) : 0;
}

/* What the names stand for: an index, or one image's manifest. */
static json_t *describe_result(const CommandInput *in, const BuildResult *result) {
        const char *digest = result->index.digest, *media_type = OCI_MEDIA_INDEX;
        int64_t size = result->index.size;

        if (*result->pushed) {
                /* The one that others see; its size is known to the registry alone. */
                return json_pack("{s:s, s:{s:s, s:s}}", "containerimage.digest", result->pushed,
                                 "containerimage.descriptor", "mediaType",
                                 result->n == 1 ? OCI_MEDIA_MANIFEST : OCI_MEDIA_INDEX, "digest",
                                 result->pushed);
        }
        if (result->n == 1) {
                digest = result->images[0]->manifest_digest;
                media_type = OCI_MEDIA_MANIFEST;
                size = layout_blob_size(in->home, digest);
        }
        return json_pack("{s:s, s:{s:s, s:s, s:I}}", "containerimage.digest", digest,
                         "containerimage.descriptor", "mediaType", media_type, "digest", digest,
                         "size", (json_int_t) size);
}

/* buildx's names, so that who reads its file can read this one. */
static int write_metadata(const CommandInput *in, const char *path, const BuildResult *result,
                          Err *err) {
        autofree char *names = strv_join(result->names, ",");
        autofree char *text = NULL;
        json_t *tree = result->n > 0 ? describe_result(in, result) : json_object();
        int r = tree ? 0 : -ENOMEM;

        if (result->n == 1)
                r |= json_object_set_new(tree, "containerimage.config.digest",
                                         json_string(result->images[0]->id));
        if (!str_empty(names))
                r |= json_object_set_new(tree, "image.name", json_string(names));
        text = r == 0 ? json_dumps(tree, JSON_INDENT(2)) : NULL;
        json_decref(tree);
        r = text ? file_replace(AT_FDCWD, path, text, strlen(text), 0644, false) : -ENOMEM;
        return r < 0 ? fail(err, r, "cannot write '%s'", path) : 0;
}

static int read_host(const BuildOptions *o, HostConfig *host, Err *err) {
        int r = 0;

        if (o->shm_size > INT64_MAX)
                return refuse(err, EINVAL, "option '--shm-size' is too large");
        host->shm_size = (int64_t) o->shm_size;
        strv_foreach(entry, o->hosts)
                if (r >= 0)
                        r = host_entry(*entry, host, err);
        strv_foreach(limit, o->ulimits)
                if (r >= 0)
                        r = limit_ulimit(*limit, host, err);
        return r;
}

/* What docker build asks the environment for. */
static const char *progress_word(const BuildOptions *o) {
        return o->progress ? o->progress : getenv("BUILDKIT_PROGRESS");
}

/* Whether standard output is taken by what is built. */
static bool writes_to_stdout(const BuildOptions *o) {
        Outputs outputs = {};
        bool taken = outputs_parse(o->outputs, &outputs, NULL) >= 0 && outputs_use_stdout(&outputs);

        outputs_clear(&outputs);
        return taken;
}

/* A terminal gets a display, anything else plain lines; JSON goes where docker build puts it. */
static int choose_progress(const BuildOptions *o, BuildRequest *ret, Err *err) {
        const char *word = progress_word(o), *term = getenv("TERM");
        int terminal = writes_to_stdout(o) ? STDERR_FILENO : STDOUT_FILENO;

        if (o->quiet || str_equal(word, "quiet")) {
                ret->progress = PROGRESS_QUIET;
        } else if (str_equal(word, "rawjson")) {
                ret->progress = PROGRESS_JSON;
        } else if (str_equal(word, "tty")) {
                ret->progress = PROGRESS_TERMINAL;
                ret->progress_fd = terminal;
                if (!isatty(terminal))
                        return err_hint(err, refuse(err, EINVAL, "--progress=tty needs a terminal"),
                                        "write --progress=auto, or plain");
        } else if (!str_equal(word, "plain") && isatty(terminal) && !str_equal(term, "dumb")) {
                ret->progress = PROGRESS_TERMINAL;
                ret->progress_fd = terminal;
        }
        return 0;
}

/* Consumers of images have stumbled over attestations that nobody asked for, so there are none;
 * the words that switch them off are obeyed. */
static int check_attestations(const BuildOptions *o, Err *err) {
        const char *said = NULL;
        bool wanted = false;

        if (o->provenance && (parse_bool(o->provenance, &wanted) < 0 || wanted))
                said = "--provenance";
        else if (o->sbom && (parse_bool(o->sbom, &wanted) < 0 || wanted))
                said = "--sbom";
        strv_foreach(attest, o->attests)
                if (!strstr(*attest, "disabled=true"))
                        said = "--attest";
        if (!said)
                return 0;
        return err_hint(err, refuse(err, EOPNOTSUPP, "%s: isola makes no attestations", said),
                        "leave it away; SOURCE_DATE_EPOCH makes a build that anybody can repeat");
}

/* --push and --load are short for outputs; @ret: the caller's, strings borrowed. */
static int add_outputs(const BuildOptions *o, const char ***ret, Err *err) {
        static const char registry[] = "type=registry", image[] = "type=image";
        size_t n = strv_length((char **) o->outputs);
        const char **list = calloc(n + 3, sizeof *list);

        if (!list)
                return fail(err, ENOMEM, "cannot build");
        if (n > 0)
                memcpy(list, o->outputs, n * sizeof *list);
        if (o->push)
                list[n++] = registry;
        if (o->load && !o->push)
                list[n++] = image;
        *ret = list;
        return 0;
}

static int check_options(const BuildOptions *o, Err *err) {
        static const char *const progresses[] = {
                "auto", "plain", "tty", "quiet", "rawjson", NULL
        };
        static const char *const networks[] = { "default", "bridge", "none", "host", NULL };
        static const char *const allowed[] = { "security.insecure", "network.host", "device",
                                               NULL };
        int r;

        r = check_word(progress_word(o), "progress", progresses, err);
        if (r >= 0)
                r = check_attestations(o, err);
        if (r >= 0)
                r = check_word(o->network, "network", networks, err);
        strv_foreach(word, o->allow)
                if (r >= 0 && !str_after(*word, "device="))
                        r = check_word(*word, "allow", allowed, err);
        return r;
}

/* --check and --print-ast: says something about the file and builds nothing. */
static int describe(const CommandInput *in, const BuildRequest *request, Err *err) {
        const BuildOptions *o = in->options;
        autofree char *text = NULL;
        int r;

        r = o->print_ast
                    ? build_print(in->home, request, &text, err)
                    : build_check(in->home, request, str_equal(o->progress, "rawjson"), &text, err);
        if (r < 0)
                return r;
        command_print(STDOUT_FILENO, text);
        return r > 0;
}

static int build(const CommandInput *in, const BuildRequest *request, Err *err) {
        const BuildOptions *o = in->options;
        autobuildresult result = {};
        int r;

        r = build_image(in->home, request, &result, err);
        network_sweep_idle(in->home);
        if (r >= 0 && o->iidfile && result.n > 0)
                r = write_id(o->iidfile, build_result_digest(&result), err);
        if (r >= 0 && o->metadata)
                r = write_metadata(in, o->metadata, &result, err);
        if (r < 0)
                return r;
        if (request->progress == PROGRESS_QUIET && result.n > 0)
                puts(build_result_digest(&result));
        return 0;
}

static int cmd_build(const CommandInput *in, Err *err) {
        const BuildOptions *o = in->options;
        autofree const char **outputs = NULL;
        HostConfig host = {};
        BuildRequest request = {
                .context = in->args[0],
                .file = o->file,
                .names = o->tags,
                .arguments = o->arguments,
                .labels = o->labels,
                .annotations = o->annotations,
                .contexts = o->contexts,
                .secrets = o->secrets,
                .agents = o->agents,
                .cache_from = o->cache_from,
                .cache_to = o->cache_to,
                .uncached = o->uncached,
                .allow = o->allow,
                .platforms = o->platforms,
                .pull = o->pull         ? PULL_ALWAYS
                        : o->pull_never ? PULL_NEVER
                                        : PULL_MISSING,
                .progress_fd = STDERR_FILENO,
                .host = &host,
                .target = o->target,
                .network = o->network,
                .no_cache = o->no_cache,
                .squash = o->squash,
        };
        int r;

        r = check_options(o, err);
        if (r >= 0)
                r = read_host(o, &host, err);
        if (r >= 0)
                r = choose_progress(o, &request, err);
        if (r >= 0)
                r = add_outputs(o, &outputs, err);
        request.outputs = outputs;
        if (r < 0)
                return r;
        if (o->print_ast || o->check)
                return describe(in, &request, err);
        r = build(in, &request, err);
        images_finish_removals(in->home);
        return r;
}

COMMAND(build) = {
        .name = "build",
        .alias = "image build",
        .group = "Images",
        .synopsis = "[OPTION...] PATH|URL|-",
        .summary = "Build an image from a Dockerfile and the files at PATH",
        .options = options,
        .options_size = sizeof(BuildOptions),
        .min_args = 1,
        .max_args = 1,
        .completes = "dir",
        .run = cmd_build,
};
