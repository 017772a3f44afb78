/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * --build-context: other contexts by name
 *
 *   NAME=DIRECTORY              NAME=docker-image://REFERENCE
 *   NAME=oci-layout://PATH[:TAG|@DIGEST]
 *   NAME=https://HOST/FILE      an archive is unpacked, any other file is called "context"
 *   NAME=<repository>           see transfer/git_url.h
 *
 * What has to be fetched is, once the plan says that it is needed.
 */

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/json.h"
#include "base/str.h"
#include "builder/step.h"
#include "transfer/copy.h"
#include "transfer/url.h"

const char *named_context_image(const Build *build, const NamedContext *named) {
        autofree char *platform = platform_text(&build->arguments.target);

        return named->kind == NAMED_IMAGE ? named->value
               : platform                 ? strv_env_get(named->images, platform)
                                          : NULL;
}

static int use_directory(const Build *build, NamedContext *named, const char *path, bool foreign,
                         Err *err) {
        autoptr(Ignore) ignore = NULL;
        int r = foreign ? context_read_inner_ignore(path, NULL, &ignore, err)
                        : context_read_ignore(path, NULL, &ignore, err);

        return r < 0 ? r : context_open(build->home, path, take_ptr(ignore), &named->context, err);
}

/* "PATH", "PATH:TAG", "PATH@DIGEST"; what is a directory as it stands has neither. */
static int split_layout(const char *value, char **ret_path, char **ret_name) {
        const char *at = strrchr(value, '@'), *colon = strrchr(value, ':');
        struct stat st;
        const char *end = stat(value, &st) == 0          ? value + strlen(value)
                          : at && !strchr(at, '/')       ? at
                          : colon && !strchr(colon, '/') ? colon
                                                         : value + strlen(value);

        *ret_path = strndup(value, (size_t) (end - value));
        *ret_name = *end ? strdup(end + 1) : NULL;
        return *ret_path && (*ret_name || !*end) ? 0 : -ENOMEM;
}

/* Copied into the store, where it has no name. */
static int use_layout(const Build *build, NamedContext *named, Err *err) {
        autofree char *path = NULL, *name = NULL;
        autofree char *platform = platform_text(&build->arguments.target);
        const CopyOptions options = { .platform = platform };
        char digest[DIGEST_LENGTH + 1];
        const SourceImage *image;
        autoptr(Source) source = NULL;
        autoptr(Dest) dest = NULL;
        int r;

        if (!platform || split_layout(named->value, &path, &name) < 0)
                return fail(err, ENOMEM, "cannot use a context");
        r = source_open_files(build->home, "oci", path, &source, err);
        if (r >= 0)
                r = source_find(source, name, &image, err);
        if (r >= 0)
                r = dest_open_store(build->home, &dest, err);
        if (r >= 0)
                r = copy_image(source, image, dest, NULL, &options, digest, err);
        if (r >= 0)
                r = dest_finish(dest, err);
        if (r < 0)
                return err_prefix(err, r, "cannot use the layout '%s'", path);
        if (!dest_ids(dest))
                return refuse(err, ENOTSUP, "the layout '%s' holds no image", path);
        r = strv_addf(&named->images, "%s=%s", platform, dest_ids(dest)[0]);
        return r < 0 ? fail(err, r, "cannot use a context") : 0;
}

static int use_url(const Build *build, NamedContext *named, Err *err) {
        int r = layer_draft(build->home, &named->draft, err);

        if (r >= 0)
                r = build_fetch_files(build, named->value, named->draft, err);
        return r < 0 ? r : use_directory(build, named, named->draft->diff, true, err);
}

static int use_repository(const Build *build, NamedContext *named, Err *err) {
        GitUrl *url = NULL;
        int r = git_url_parse(named->value, &url, err);

        if (r > 0)
                r = git_source_open(build->home, &build->secrets, url, true, &named->git, err);
        if (r >= 0)
                r = git_source_fetch(named->git, err);
        return r < 0 ? r : use_directory(build, named, named->git->directory, true, err);
}

static int open_one(const Build *build, NamedContext *named, Err *err) {
        int r = 0;

        if (named->context || named_context_image(build, named))
                return 0;
        switch (named->kind) {
        case NAMED_DIRECTORY:
                r = use_directory(build, named, named->value, false, err);
                break;
        case NAMED_IMAGE:
                break;
        case NAMED_LAYOUT:
                r = use_layout(build, named, err);
                break;
        case NAMED_URL:
                r = use_url(build, named, err);
                break;
        case NAMED_REPOSITORY:
                r = use_repository(build, named, err);
                break;
        }
        return r < 0 ? err_prefix(err, r, "context '%s'", named->name) : 0;
}

int named_context_use(Build *build, const char *name, const NamedContext **ret, Err *err) {
        *ret = NULL;
        for (size_t i = 0; i < build->n_named; i++)
                if (strcasecmp(build->named[i].name, name) == 0) {
                        *ret = &build->named[i];
                        return open_one(build, &build->named[i], err);
                }
        return 0;
}

static int read_value(NamedContext *named, const char *value, Err *err) {
        static const struct {
                const char *prefix;
                NamedContextKind kind;
        } kinds[] = { { "docker-image://", NAMED_IMAGE }, { "oci-layout://", NAMED_LAYOUT } };
        autoptr(GitUrl) url = NULL;
        struct stat st;
        int r;

        for (size_t i = 0; i < 2; i++)
                if (str_after(value, kinds[i].prefix)) {
                        named->kind = kinds[i].kind;
                        named->value = strdup(str_after(value, kinds[i].prefix));
                        return named->value ? 0 : fail(err, ENOMEM, "cannot use a context");
                }
        named->value = strdup(value);
        if (!named->value)
                return fail(err, ENOMEM, "cannot use a context");
        if (stat(value, &st) == 0)
                return 0;
        r = git_url_parse(value, &url, err);
        if (r < 0)
                return r;
        named->kind = r > 0 ? NAMED_REPOSITORY : url_is_http(value) ? NAMED_URL : NAMED_DIRECTORY;
        return 0;
}

int named_contexts_read(Build *build, Err *err) {
        strv_foreach(word, build->request->contexts) {
                const char *equals = strchr(*word, '=');
                NamedContext *named;
                int r;

                if (!equals || equals == *word || !equals[1])
                        return err_hint(err, refuse(err, EINVAL, "'%s' is no context", *word),
                                        "write --build-context NAME=DIRECTORY");
                named = json_grow(&build->named, &build->n_named, sizeof *named);
                if (!named || !(named->name = strndup(*word, (size_t) (equals - *word))))
                        return fail(err, ENOMEM, "cannot use a context");
                r = read_value(named, equals + 1, err);
                /* A directory that is not there is a mistake, whoever names it. */
                if (r >= 0 && named->kind == NAMED_DIRECTORY)
                        r = open_one(build, named, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

int named_contexts_open(Build *build, Err *err) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < build->n_named; i++)
                if (stages_use(build->plan, build->named[i].name))
                        r = open_one(build, &build->named[i], err);
        return r;
}

void named_contexts_clear(Build *build) {
        for (size_t i = 0; i < build->n_named; i++) {
                free(build->named[i].name);
                free(build->named[i].value);
                strv_free(build->named[i].images);
                context_free(build->named[i].context);
                layer_draft_free(build->named[i].draft);
                git_source_free(build->named[i].git);
        }
        free(build->named);
}
