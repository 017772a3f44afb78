/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/nearest.h"
#include "base/str.h"
#include "builder/annotation.h"
#include "oci/platform.h"

static const char *const places[] = {
        [ANNOTATE_MANIFEST] = "manifest",
        [ANNOTATE_INDEX] = "index",
        [ANNOTATE_MANIFEST_DESCRIPTOR] = "manifest-descriptor",
        [ANNOTATE_INDEX_DESCRIPTOR] = "index-descriptor",
        NULL,
};

void annotations_clear(Annotations *annotations) {
        for (size_t i = 0; i < annotations->n; i++) {
                platform_clear(&annotations->list[i].platform);
                free(annotations->list[i].pair);
        }
        free(annotations->list);
        *annotations = (Annotations){};
}

/* "manifest[linux/arm64]" */
static int read_place(const char *text, Annotation *ret, Err *err) {
        size_t n = strcspn(text, "[");
        autofree char *word = strndup(text, n), *platform = NULL;
        const char *nearest;

        if (!word)
                return fail(err, ENOMEM, "cannot read an annotation");
        for (int i = 0; places[i]; i++) {
                if (!str_equal(word, places[i]))
                        continue;
                ret->place = (AnnotationPlace) i;
                if (!text[n])
                        return 0;
                platform = strndup(text + n + 1, strcspn(text + n + 1, "]"));
                if (!platform || !str_ends_with(text, "]"))
                        return refuse(err, EINVAL, "annotation: '%s' has no ']'", text);
                return platform_parse(platform, &ret->platform, err);
        }
        nearest = nearest_name(word, places);
        refuse(err, EINVAL, "annotation: there is no place '%s'%s%s%s", word,
               nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
        return err_hint(err, -EINVAL,
                        "places are manifest, index, manifest-descriptor and index-descriptor");
}

static int add(Annotations *all, const char *place, const char *pair, Err *err) {
        Annotation *one = json_grow(&all->list, &all->n, sizeof *one);
        int r = one ? read_place(place, one, err) : -ENOMEM;

        if (!one || (r >= 0 && !(one->pair = strdup(pair))))
                return fail(err, ENOMEM, "cannot read an annotation");
        return r;
}

static int parse_one(const char *word, Annotations *ret, Err *err) {
        const char *equals = strchr(word, '='), *colon = strchr(word, ':');
        autofree char *where = NULL;
        autostrv list = NULL;
        int r;

        if (!equals || equals == word || colon == equals - 1)
                return err_hint(
                        err,
                        refuse(err, EINVAL, "annotation '%s' is not of the form NAME=VALUE", word),
                        "write --annotation [manifest|index:]NAME=VALUE");
        if (!colon || colon > equals)
                return add(ret, places[ANNOTATE_MANIFEST], word, err);
        where = strndup(word, (size_t) (colon - word));
        if (!where || strv_split(where, ",", false, &list) < 0)
                return fail(err, ENOMEM, "cannot read an annotation");
        strv_foreach(place, list) {
                r = add(ret, *place, colon + 1, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

int annotations_parse(const char *const *words, Annotations *ret, Err *err) {
        strv_foreach(word, words) {
                int r = parse_one(*word, ret, err);

                if (r < 0)
                        return r;
        }
        return 0;
}

bool annotations_have(const Annotations *annotations, AnnotationPlace place) {
        for (size_t i = 0; i < annotations->n; i++)
                if (annotations->list[i].place == place)
                        return true;
        return false;
}

int annotations_for(const Annotations *annotations, AnnotationPlace place,
                    const OciPlatform *platform, char ***ret) {
        for (size_t i = 0; i < annotations->n; i++) {
                const Annotation *a = &annotations->list[i];

                if (a->place != place || (a->platform.architecture && platform &&
                                          platform_match(&a->platform, platform) <= 0))
                        continue;
                if (strv_env_set(ret, a->pair) < 0)
                        return -ENOMEM;
        }
        return 0;
}
