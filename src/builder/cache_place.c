/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "base/file.h"
#include "base/json.h"
#include "base/nearest.h"
#include "base/str.h"
#include "builder/cache_place.h"
#include "oci/reference.h"

static const char *const types[] = { "local", "registry", "inline", NULL };

/* One option's value on its way. */
typedef struct Parsing {
        const char *option; /* "cache-from" */
        bool to;
        CachePlace *place;
        Err *err;
} Parsing;

void cache_places_clear(CachePlaces *places) {
        for (size_t i = 0; i < places->n; i++)
                free(places->list[i].where);
        free(places->list);
        *places = (CachePlaces){};
}

const CachePlace *cache_places_find(const CachePlaces *places, CacheKind kind) {
        for (size_t i = 0; i < places->n; i++)
                if (places->list[i].kind == kind)
                        return &places->list[i];
        return NULL;
}

static int unknown(const Parsing *p, const char *what, const char *word, const char *const *known) {
        const char *nearest = nearest_name(word, known);

        if (nearest)
                return refuse(p->err, EINVAL, "--%s has no %s '%s'; did you mean '%s'?", p->option,
                              what, word, nearest);
        return refuse(p->err, EINVAL, "--%s has no %s '%s'", p->option, what, word);
}

static int read_type(const Parsing *p, const char *word) {
        static const char *const others[] = { "gha", "s3", "azblob", NULL };

        for (int i = 0; types[i]; i++)
                if (str_equal(word, types[i])) {
                        p->place->kind = (CacheKind) i;
                        return p->to || i != CACHE_INLINE
                                       ? 0
                                       : refuse(p->err, EINVAL,
                                                "--cache-from type=inline: name the image that "
                                                "carries the cache: type=registry,ref=NAME");
                }
        if (strv_has((char **) others, word))
                return err_hint(p->err,
                                refuse(p->err, EOPNOTSUPP, "--%s type=%s is not supported",
                                       p->option, word),
                                "there are local, registry and inline");
        return unknown(p, "type", word, types);
}

static int read_bool(const Parsing *p, const char *key, const char *value, bool *ret) {
        return parse_bool(value, ret) < 0
                       ? refuse(p->err, EINVAL, "--%s %s=%s is neither true nor false", p->option,
                                key, value)
                       : 0;
}

/* What is always so here, whatever else BuildKit can do. */
static int read_fixed(const Parsing *p, const char *key, const char *value) {
        bool wanted;
        int r = read_bool(p, key, value, &wanted);

        return r < 0 || wanted ? r
                               : refuse(p->err, EOPNOTSUPP, "--%s %s=false is not supported",
                                        p->option, key);
}

static int read_field(const Parsing *p, const char *field) {
        static const char *const keys_to[] = {
                "type",           "dest",           "ref", "mode", "ignore-error",
                "oci-mediatypes", "image-manifest", NULL
        };
        static const char *const keys_from[] = { "type", "src", "ref", NULL };
        const char *equals = strchr(field, '=');
        autofree char *key = strndup(field, strcspn(field, "="));

        if (!key)
                return fail(p->err, ENOMEM, "cannot read --%s", p->option);
        if (!strv_has((char **) (p->to ? keys_to : keys_from), key))
                return unknown(p, "key", key, p->to ? keys_to : keys_from);
        if (!equals || !equals[1])
                return refuse(p->err, EINVAL, "--%s: '%s' needs a value", p->option, key);
        if (str_equal(key, "type"))
                return read_type(p, equals + 1);
        if (str_equal(key, "mode")) {
                p->place->all = str_equal(equals + 1, "max");
                return p->place->all || str_equal(equals + 1, "min")
                               ? 0
                               : refuse(p->err, EINVAL, "--%s mode=%s is neither min nor max",
                                        p->option, equals + 1);
        }
        if (str_equal(key, "ignore-error"))
                return read_bool(p, key, equals + 1, &p->place->ignore_error);
        if (str_equal(key, "oci-mediatypes") || str_equal(key, "image-manifest"))
                return read_fixed(p, key, equals + 1);
        return str_set(&p->place->where, equals + 1) < 0
                       ? fail(p->err, ENOMEM, "cannot read --%s", p->option)
                       : 0;
}

/* Without "type=": a directory, or an image's name. */
static int read_short(const Parsing *p, const char *word) {
        struct stat st;

        p->place->kind =
                *word == '/' || *word == '.' || (stat(word, &st) == 0 && S_ISDIR(st.st_mode))
                        ? CACHE_LOCAL
                        : CACHE_REGISTRY;
        p->place->where = strdup(word);
        return p->place->where ? 0 : fail(p->err, ENOMEM, "cannot read --%s", p->option);
}

static int check(const Parsing *p) {
        const CachePlace *place = p->place;
        autoptr(Reference) ref = NULL;
        int r;

        switch (place->kind) {
        case CACHE_INLINE:
                return !place->where ? 0
                                     : refuse(p->err, EINVAL,
                                              "--cache-to type=inline goes with the image, not to "
                                              "'%s'",
                                              place->where);
        case CACHE_REGISTRY:
                if (!place->where)
                        return refuse(p->err, EINVAL, "--%s type=registry needs a name: ref=NAME",
                                      p->option);
                r = reference_parse(place->where, &ref, p->err);
                return r < 0 ? err_prefix(p->err, r, "--%s", p->option) : 0;
        default:
                if (!place->where)
                        return refuse(p->err, EINVAL, "--%s type=local needs a directory: %s=DIR",
                                      p->option, p->to ? "dest" : "src");
                r = p->to ? dir_make(AT_FDCWD, place->where, 0755) : 0;
                return r < 0 ? fail(p->err, r, "cannot make '%s'", place->where) : 0;
        }
}

static int read_place(const Parsing *p, const char *word) {
        autostrv fields = NULL;
        int r;

        if (!strchr(word, '=')) {
                r = read_short(p, word);
                return r < 0 ? r : check(p);
        }
        p->place->kind = CACHE_REGISTRY; /* what buildx takes a "ref=" alone for */
        r = strv_split_csv(word, &fields);
        if (r < 0)
                return fail(p->err, r, "cannot read --%s", p->option);
        strv_foreach(field, fields) {
                r = read_field(p, *field);
                if (r < 0)
                        return r;
        }
        return check(p);
}

int cache_places_parse(const char *const *words, bool to, CachePlaces *ret, Err *err) {
        strv_foreach(word, words) {
                CachePlace *place = json_grow(&ret->list, &ret->n, sizeof *place);
                const Parsing p = { to ? "cache-to" : "cache-from", to, place, err };
                int r = place ? read_place(&p, *word)
                              : fail(err, ENOMEM, "cannot read --%s", p.option);

                if (r < 0)
                        return r;
        }
        return 0;
}
