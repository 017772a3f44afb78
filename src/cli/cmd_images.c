/* SPDX-License-Identifier: GPL-2.0-or-later */

/* isola images: what is in the store. */

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/size.h"
#include "base/str.h"
#include "cli/command.h"
#include "cli/format.h"
#include "cli/list_filter.h"
#include "store/image.h"

typedef struct ImagesOptions {
        bool all, digests, no_trunc, quiet;
        const char **filters;
        const char *format;
} ImagesOptions;

static const Option options[] COMMAND_DATA = {
        OPT_FLAG('a', "all", ImagesOptions, all, "Show those for other platforms as well"),
        OPT_FLAG(0, "digests", ImagesOptions, digests, "Show digests"),
        OPT_LIST('f', "filter", ImagesOptions, filters, "KEY=VALUE",
                 "Only those with dangling=, label=, before=, since=, reference="),
        OPT_STRING(0, "format", ImagesOptions, format, "FORMAT",
                   "Print as json, table or a Go template"),
        OPT_FLAG(0, "no-trunc", ImagesOptions, no_trunc, "Do not shorten ids"),
        OPT_FLAG('q', "quiet", ImagesOptions, quiet, "Only ids"),
        {},
};

/* What --filter and the operand ask for; all of them must fit. */
typedef struct Wanted {
        int dangling; /* -1 for not asked */
        char **labels, **references;
        int64_t before_ns, since_ns; /* 0 for not asked */
} Wanted;

static void wanted_auto(Wanted *w) {
        strv_free(w->labels);
        strv_free(w->references);
}

static int64_t created_ns(const Image *image) {
        int64_t ns;

        return image->config.created && clock_parse_rfc3339(image->config.created, &ns) >= 0 ? ns
                                                                                             : 0;
}

static int read_creation(const Home *home, const char *name, int64_t *ret, Err *err) {
        autoptr(Image) image = NULL;
        int r = image_load(home, name, &image, err);

        if (r < 0)
                return r;
        *ret = created_ns(image);
        return 0;
}

static int read_filter(const Home *home, const char *filter, Wanted *w, Err *err) {
        const char *value = strchr(filter, '=');
        bool dangling;

        if (!value)
                return err_hint(err, refuse(err, EINVAL, "filter '%s' has no '='", filter),
                                "write it as KEY=VALUE");
        value++;
        if (str_after(filter, "dangling=")) {
                if (parse_bool(value, &dangling) < 0)
                        return refuse(err, EINVAL, "filter '%s' is neither true nor false", filter);
                w->dangling = dangling;
                return 0;
        }
        if (str_after(filter, "label="))
                return strv_add(&w->labels, value) < 0 ? fail(err, ENOMEM, "cannot filter") : 0;
        if (str_after(filter, "reference="))
                return strv_add(&w->references, value) < 0 ? fail(err, ENOMEM, "cannot filter") : 0;
        if (str_after(filter, "before="))
                return read_creation(home, value, &w->before_ns, err);
        if (str_after(filter, "since="))
                return read_creation(home, value, &w->since_ns, err);
        return err_hint(err, refuse(err, EINVAL, "there is no image filter '%s'", filter),
                        "filters are dangling, label, before, since and reference");
}

static int read_wanted(const CommandInput *in, Wanted *w, Err *err) {
        const ImagesOptions *o = in->options;

        w->dangling = -1;
        for (const char **f = o->filters; f && *f; f++) {
                int r = read_filter(in->home, *f, w, err);

                if (r < 0)
                        return r;
        }
        if (in->n_args > 0 && strv_add(&w->references, in->args[0]) < 0)
                return fail(err, ENOMEM, "cannot filter");
        return 0;
}

static bool is_wanted(const Image *image, const Wanted *w) {
        int64_t ns = created_ns(image);

        if (w->dangling >= 0 && w->dangling != (!image->names && !image->is_part))
                return false;
        strv_foreach(label, w->labels)
                if (!label_fits(image->config.config.labels, *label))
                        return false;
        return (!w->before_ns || ns < w->before_ns) && (!w->since_ns || ns > w->since_ns);
}

/* @name: "repository:tag"; a reference without tag fits all of them. */
static bool name_fits(const char *name, const Wanted *w) {
        const char *colon = strrchr(name, ':');
        autofree char *repository = strndup(name, (size_t) (colon - name));

        strv_foreach(pattern, w->references) {
                const char *slash = strrchr(*pattern, '/');
                bool has_tag = strchr(slash ? slash : *pattern, ':');

                if (repository && !str_glob(*pattern, has_tag ? name : repository))
                        return false;
        }
        return true;
}

/* "2026-11-22 14:30:00 +0000 UTC", as Docker prints it. */
static char *created_at(const Image *image) {
        const char *t = image->config.created;

        return t && strlen(t) >= 19 ? str_format("%.10s %.8s +0000 UTC", t, t + 11) : strdup("N/A");
}

static int add_row(json_t *rows, const Image *image, const char *name, const ImagesOptions *o) {
        const char *colon = name ? strrchr(name, ':') : NULL;
        autofree char *repository =
                name ? strndup(name, (size_t) (colon - name)) : strdup("<none>");
        autofree char *since = span_words(clock_now_ns() - created_ns(image));
        autofree char *ago = str_format("%s ago", since), *at = created_at(image);
        autofree char *size = size_words((uint64_t) image->size);
        autofree char *id = o->no_trunc ? strdup(image->id) : strndup(digest_hex(image->id), 12);
        json_t *row;

        if (!repository || !since || !ago || !at || !size || !id)
                return -ENOMEM;
        row = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "Containers", "N/A",
                        "CreatedAt", at, "CreatedSince", created_ns(image) ? ago : "N/A", "Digest",
                        name ? image->manifest_digest : "<none>", "ID", id, "Repository",
                        repository, "SharedSize", "N/A", "Size", size, "Tag",
                        colon ? colon + 1 : "<none>", "UniqueSize", "N/A");
        return json_array_append_new(rows, row) < 0 ? -ENOMEM : 0;
}

static int add_rows(json_t *rows, const Image *image, const Wanted *w, const ImagesOptions *o) {
        int r = 0;

        if (!is_wanted(image, w) || (!image->names && image->is_part && !o->all))
                return 0;
        if (!image->names)
                return w->references ? 0 : add_row(rows, image, NULL, o);
        for (char **name = image->names; *name && r >= 0; name++)
                if (name_fits(*name, w))
                        r = add_row(rows, image, *name, o);
        return r;
}

static int print_rows(json_t *rows, const ImagesOptions *o, Err *err) {
        static const Column plain[] = {
                { "REPOSITORY", "Repository" }, { "TAG", "Tag" },   { "IMAGE ID", "ID" },
                { "CREATED", "CreatedSince" },  { "SIZE", "Size" }, {},
        };
        static const Column with_digests[] = {
                { "REPOSITORY", "Repository" },
                { "TAG", "Tag" },
                { "DIGEST", "Digest" },
                { "IMAGE ID", "ID" },
                { "CREATED", "CreatedSince" },
                { "SIZE", "Size" },
                {},
        };

        if (o->quiet && !o->format)
                return format_rows(plain, rows, "{{.ID}}", err);
        return format_rows(o->digests ? with_digests : plain, rows, o->format, err);
}

static int cmd_images(const CommandInput *in, Err *err) {
        __attribute__((__cleanup__(wanted_auto))) Wanted wanted = {};
        const ImagesOptions *o = in->options;
        json_t *rows = json_array();
        Image **list = NULL;
        size_t n = 0;
        int r;

        r = read_wanted(in, &wanted, err);
        if (r >= 0)
                r = image_list(in->home, &list, &n, err);
        for (size_t i = 0; i < n && r >= 0; i++) {
                r = add_rows(rows, list[i], &wanted, o);
                if (r < 0)
                        r = fail(err, r, "cannot list images");
        }
        if (r >= 0)
                r = print_rows(rows, o, err);
        image_list_free(list, n);
        json_decref(rows);
        return r;
}

COMMAND(images) = {
        .name = "images",
        .alias = "image ls,image list",
        .group = "Images",
        .synopsis = "[OPTION...] [REPOSITORY[:TAG]]",
        .summary = "List images",
        .options = options,
        .options_size = sizeof(ImagesOptions),
        .max_args = 1,
        .completes = "image",
        .run = cmd_images,
};
